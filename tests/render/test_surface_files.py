"""Surfaces as files: pictures, orbit films, folders, panels beside the input, and options that do not apply."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_erosion, binary_fill_holes
from torch import Tensor

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.render import surface
from pinnscene.render.baking import bake
from pinnscene.render.camera import view
from pinnscene.render.discs import _shadow, draw_points
from pinnscene.render.request import RenderRequest
from pinnscene.render.surface import render_surface
from pinnscene.views import FunctionField

BOX = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))


def field(f: Callable[[Tensor], Tensor]) -> FunctionField:
    return FunctionField(lambda p: f(p.coords)[:, None], ("x", "y", "z"))


SPHERE = field(lambda x: x.norm(dim=1) - 0.7)
EGG = field(lambda x: (x * x.new_tensor([1.0, 2.0, 1.3])).norm(dim=1) - 0.8)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface, "bake", partial(bake, coarse=12))


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_picture_of_the_size_asked_for(tmp_path: Path) -> None:
    shares: list[float] = []
    request = RenderRequest(tmp_path / "a.png", (60, 40), progress=shares.append)
    assert render_surface(SPHERE, BOX, request) == [tmp_path / "a.png"]
    assert read(tmp_path / "a.png").shape == (40, 60, 3)
    assert shares == sorted(shares) and shares[-1] == 1


def test_a_folder_gets_a_view_an_orbit_and_slices(tmp_path: Path) -> None:
    written = render_surface(EGG, BOX, RenderRequest(tmp_path / "made", (48, 48), frames=2, samples=1))
    assert [p.name for p in written] == ["view.png", "orbit.mp4", "slices.png"]
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["orbit.mp4", "slices.png", "view.png"]
    assert imageio_ffmpeg.count_frames_and_secs(str(written[1]))[0] == 2


def test_an_orbit_has_the_frames_asked_for_and_turns(tmp_path: Path) -> None:
    (path,) = render_surface(EGG, BOX, RenderRequest(tmp_path / "a.gif", (48, 48), frames=5, fps=5, samples=1))
    frames = imageio.mimread(path)
    assert len(frames) == 5
    assert all(np.abs(a.astype(int) - b).mean() > 1 for a, b in pairwise(frames))


def test_the_angles_move_the_camera(tmp_path: Path) -> None:
    views = {}
    for name, angles in {"a": {}, "b": {"azimuth": 125.0}, "c": {"elevation": 60.0}, "d": {"azimuth": 395.0}}.items():
        request = RenderRequest(tmp_path / f"{name}.png", (48, 48), what="normal", samples=1, **angles)
        views[name] = read(render_surface(EGG, BOX, request)[0])
    assert np.abs(views["a"] - views["b"]).mean() > 5 and np.abs(views["a"] - views["c"]).mean() > 5
    assert np.abs(views["a"] - views["d"]).mean() < 0.1, "a whole turn"


@pytest.mark.parametrize("what", ["depth", "curvature", "gaussian"])
def test_values_have_a_colour_bar_where_there_is_room(tmp_path: Path, what: str) -> None:
    wide = read(render_surface(EGG, BOX, RenderRequest(tmp_path / "a.png", (240, 160), what=what, samples=1))[0])
    narrow = read(render_surface(EGG, BOX, RenderRequest(tmp_path / "b.png", (80, 60), what=what, samples=1))[0])
    assert wide.shape == (160, 240, 3) and narrow.shape == (60, 80, 3)
    assert (wide[:5, -surface.BAR :] == 255).all() and not (narrow[:5] == 255).any()


def test_the_input_stands_on_the_left(tmp_path: Path, rng: torch.Generator) -> None:
    request = RenderRequest(tmp_path / "a.png", (96, 48), samples=1)
    both = read(render_surface(EGG, BOX, request, beside=EGG)[0])
    assert both.shape == (48, 96, 3)
    np.testing.assert_array_equal(both[:, :48], both[:, 48:])
    other = read(render_surface(EGG, BOX, request, beside=SPHERE)[0])
    assert np.abs(other[:, :48] - other[:, 48:]).mean() > 3
    points = torch.nn.functional.normalize(torch.randn(4000, 3, generator=rng), dim=1).double().numpy() * 0.7
    cloud = read(render_surface(SPHERE, BOX, request, beside=points)[0])
    warm = cloud[..., 0] - cloud[..., 2] > 15
    left, right = warm[:, :48], warm[:, 48:]
    assert right.sum() > 200 and (left ^ right).sum() < 0.25 * right.sum(), "they cover the same pixels"


def test_the_shadow_of_a_closed_cloud_has_no_light_in_it(rng: torch.Generator) -> None:
    """Where the light grazes the surface points fall close together, elsewhere far apart."""
    points = torch.nn.functional.normalize(torch.randn(3000, 3, generator=rng, dtype=torch.float64)).numpy()
    camera = view(points * 2, azimuth=0, elevation=60)
    dark = _shadow(points, 0.033, camera, (200, 200), np.array([0.0, 0, 1]), np.array([0.0, 0.6, 0.8]))
    within = binary_erosion(binary_fill_holes(dark > 0.5), iterations=4)
    assert within.sum() > 2000 and dark[within].min() > 0.8 and dark.max() <= 1 and dark[0, 0] < 1e-3


def test_near_points_hide_far_ones() -> None:
    camera = view(np.array([[-1.0, -1, -1], [1, 1, 1]]), azimuth=0, elevation=0)
    far = np.stack(np.meshgrid([-0.9], np.linspace(-1, 1, 40), np.linspace(-1, 1, 40)), -1).reshape(-1, 3)
    near = far * [-1, 0.2, 0.2] + [0, 0, 0.3]
    alone, hidden = (draw_points(p, camera, (64, 64)).astype(int) for p in (near, np.concatenate([near, far])))
    across, down, _ = camera.project([[0.9, 0, 0.3]], (64, 64))[0].astype(int)
    np.testing.assert_allclose(hidden[down, across], alone[down, across], atol=12)


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((4, 2)), np.full((4, 3), np.nan)])
def test_points_that_are_none(points: np.ndarray) -> None:
    camera = view(np.array([[-1.0, -1, -1], [1, 1, 1]]))
    with pytest.raises(PinnsceneError, match="finite points"):
        draw_points(points, camera, (8, 8))


@pytest.mark.parametrize("name", ["a.avi", "a.obj"])
def test_an_unknown_ending_is_told_before_any_work(tmp_path: Path, name: str) -> None:
    u = field(lambda x: pytest.fail("evaluated"))
    with pytest.raises(PinnsceneError, match=r"\.png"):
        render_surface(u, BOX, RenderRequest(tmp_path / name))


def test_nothing_is_left_where_there_is_no_surface(tmp_path: Path) -> None:
    for name in ("a.png", "a.gif", "folder"):
        with pytest.raises(PinnsceneError, match="no zero set"):
            render_surface(field(lambda x: x.norm(dim=1) + 1), BOX, RenderRequest(tmp_path / name))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"what": "normals"}, "did you mean normal"),
        ({"samples": 0}, "1 to 64"),
        ({"azimuth": float("inf")}, "finite"),
        ({"elevation": 91.0}, "-89 to 89"),
        ({"elevation": float("nan")}, "-89 to 89"),
    ],
)
def test_requests_that_cannot_be(given: dict, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        RenderRequest(Path("a.png"), **given)


@pytest.mark.parametrize("given", [{"what": "shaded"}, {"samples": 4}, {"azimuth": 0.0}, {"elevation": 0.0}])
def test_options_of_the_view_are_told_where_none_applies(given: dict) -> None:
    (name,) = given
    with pytest.raises(PinnsceneError, match=f"--{name} is an option of surfaces"):
        RenderRequest(Path("a.png"), **given).expect_no_view()
    RenderRequest(Path("a.png"), (8, 8), 3, 4).expect_no_view()
