"""Pictures and films of fields on domains."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.problem import Problem
from pinnscene.problems.heat import Heat
from pinnscene.problems.helmholtz import Helmholtz
from pinnscene.render.film import film
from pinnscene.render.planes import line, on_plane, plane, times
from pinnscene.render.request import RenderRequest
from pinnscene.render.slices import slices
from pinnscene.render.video import write_film
from pinnscene.views import FunctionField

BOX = Box(x=(0, 2), y=(-1, 1), t=(0, 3))
SUM = FunctionField(lambda p: p["x"] + 10 * p["y"] + 100 * p["t"], BOX.axes)


def test_a_plane_has_its_first_axis_across_and_its_second_upwards() -> None:
    where = plane(BOX, 5, t=2.0)
    image = on_plane(SUM, where)
    assert where.axes == ("x", "y") and where.extent == (0, 2, -1, 1)
    assert image[0, 0] == pytest.approx(0 - 10 + 200)
    assert image[0, -1] == pytest.approx(2 - 10 + 200)
    assert image[-1, 0] == pytest.approx(0 + 10 + 200)


def test_a_line_holds_the_other_axes() -> None:
    p = line(BOX, "y", 3, x=0.5)
    assert p.coords.tolist() == [[0.5, -1.0, 1.5], [0.5, 0.0, 1.5], [0.5, 1.0, 1.5]]
    assert times(BOX, 4) == [0.0, 1.0, 2.0, 3.0] and times(Box(x=(0, 1)), 4) == []


def test_frames_follow_the_field_and_progress_is_told(tmp_path: Path) -> None:
    heat, told = Heat(), []
    exact = FunctionField(heat.reference, heat.domain.axes)
    request = RenderRequest(tmp_path, (240, 200), frames=4, progress=told.append)
    frames = list(film(heat, exact, request))
    assert [f.shape for f in frames] == [(200, 240, 3)] * 4
    assert all((a != b).any() for a, b in pairwise(frames))
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_a_picture_without_room_is_the_field_alone(tmp_path: Path) -> None:
    heat = Heat()
    (path,) = heat.render(FunctionField(heat.reference, heat.domain.axes), RenderRequest(tmp_path / "a.png", (64, 48)))
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape == (48, 64, 3)
    # the start, at the bottom, is bright in the middle and dark at the walls; later all is darker
    assert pixels[-1, 32].sum() > pixels[-1, 0].sum() + 200 and pixels[-1, 32].sum() > pixels[0, 32].sum() + 200


@pytest.mark.parametrize("name", ["film.avi", "film.txt", "view.exe"])
def test_endings_that_nothing_writes(tmp_path: Path, name: str) -> None:
    heat = Heat()
    with pytest.raises(PinnsceneError, match="expected a folder"):
        heat.render(FunctionField(heat.reference, heat.domain.axes), RenderRequest(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_a_film_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def frames():
        yield np.zeros((32, 32, 3), np.uint8)
        raise PinnsceneError("the field is gone")

    for name in ("film.mp4", "film.gif"):
        with pytest.raises(PinnsceneError, match="gone"):
            write_film(tmp_path / name, frames(), 10)
    assert not list(tmp_path.iterdir())


def test_figures_have_the_reference_and_the_error(tmp_path: Path) -> None:
    torch.manual_seed(0)
    for dims, count in ((1, 1), (2, 1)):
        heat = Heat(dims=dims)
        written = heat.figures(FunctionField(heat.reference, heat.domain.axes), tmp_path / str(dims))
        assert len(written) == count
        with Image.open(written[0]) as picture:
            assert min(picture.size) > 300


TWO = FunctionField(lambda p: torch.cat([p["x"] + p["t"], 10 * p["y"]], 1), BOX.axes, ("u", "v"))


def test_a_film_shows_every_output_each_in_colours_of_its_own(toy: type, tmp_path: Path) -> None:
    problem = toy(BOX, names=("u", "v"))
    request = RenderRequest(tmp_path, (600, 300), frames=2)
    first, last = list(film(problem, TWO, request))
    changed = (first != last).any(2)
    changed[:60] = False  # the time above
    assert changed[:, :300].sum() > 1000 and not changed[:, 300:].any()
    with pytest.raises(PinnsceneError, match="at least 400x160"):
        list(film(problem, TWO, RenderRequest(tmp_path, (300, 300), frames=2)))


def test_figures_know_which_outputs_have_a_reference(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Half(Problem):
        """Two outputs, of which the reference knows the first."""

        domain = Box(x=(0, 1), y=(0, 1))
        values = ("u", "v")

        def constraints(self) -> dict:
            return {}

        def reference(self, p: Points) -> torch.Tensor:
            return p["x"]

        def compared(self) -> tuple[str, ...]:
            return ("u",)

    u = FunctionField(lambda p: torch.cat([p["x"], p["y"]], 1), ("x", "y"), ("u", "v"))
    assert Half().metrics(u) == {"rel_l2": 0.0, "max_abs": 0.0} and Half().metric_names() == ["rel_l2", "max_abs"]
    count = lambda *outputs: len(slices(Half(), u, *outputs).axes)
    # field, reference and error with their colour bars, and profiles; without reference the field and profiles
    assert count(0) == 7 and count(1) == 3 and count() == 7 + 3 + 2
    assert [path.name for path in Half().figures(u, tmp_path)] == ["u.png", "v.png"]


def test_profiles_without_t_go_through_the_largest_value() -> None:
    """Waves that vanish along every even line of the square: profiles along those would show nothing."""
    problem = Helmholtz()
    made = slices(problem, FunctionField(problem.reference, ("x", "y")))
    curves = [curve.get_ydata() for curve in made.axes[3].lines]
    assert len(curves) == 4 and all(np.abs(np.asarray(curve)).max() > 0.9 for curve in curves)
