"""Scores of shapes: against closed forms on spheres, and on what must not break them."""

from dataclasses import dataclass, field, replace
from math import pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.mesh import Mesh
from pinnscene.problems import shapemetrics, surfacemetrics
from pinnscene.problems.shapefigures import draw_shape_figures
from pinnscene.problems.shapemetrics import distance_scores, eikonal_scores, iou, shape_scores, volume_scores
from pinnscene.problems.surfacemetrics import heldout_scores, surface_scores
from pinnscene.render import contours
from pinnscene.views import FunctionField

BOX = Box(x=(-1.5, 1.5), y=(-1.5, 1.5), z=(-1.5, 1.5))


def sphere(r: float = 1.0, at: tuple[float, float, float] = (0, 0, 0), scale: float = 1.0) -> FunctionField:
    """``scale`` times the distance to a sphere."""
    return FunctionField(
        lambda p: scale * ((p.coords - p.coords.new_tensor(at)).norm(dim=1, keepdim=True) - r), BOX.axes
    )


def ball_mesh(r: float = 1.0, at: tuple[float, float, float] = (0, 0, 0), n: int = 48) -> Mesh:
    """A sphere of n (n - 1) 2 triangles whose vertices lie on it, from a lattice of longitudes and latitudes."""
    theta, phi = np.linspace(0, pi, n + 1)[1:-1], np.arange(n) * 2 * pi / n
    ring = np.stack(
        [np.outer(np.sin(theta), f(phi)) for f in (np.cos, np.sin)] + [np.outer(np.cos(theta), np.ones(n))], 2
    )
    vertices = np.concatenate([[[0, 0, 1]], ring.reshape(-1, 3), [[0, 0, -1]]])
    i, last = np.arange(n), len(vertices) - 1
    j = (i + 1) % n
    faces = [np.stack([0 * i, 1 + i, 1 + j], 1), np.stack([0 * i + last, last - n + j, last - n + i], 1)]
    for row in range(n - 2):
        a, b = 1 + row * n, 1 + (row + 1) * n
        faces += [np.stack([a + i, b + i, b + j], 1), np.stack([a + i, b + j, a + j], 1)]
    return Mesh(r * vertices + np.array(at), np.concatenate(faces).astype(np.int64))


@dataclass(frozen=True)
class Ball:
    """The unit sphere as a shape."""

    r: float = 1.0
    name: str = "ball"
    exact: bool = True
    signed: bool = True
    drawn: Mesh | None = field(default_factory=ball_mesh)

    @property
    def lower(self) -> np.ndarray:
        return np.full(3, -self.r)

    @property
    def upper(self) -> np.ndarray:
        return np.full(3, self.r)

    @property
    def diagonal(self) -> float:
        return 2 * sqrt(3) * self.r

    def distance(self, p: np.ndarray) -> np.ndarray:
        return np.linalg.norm(p, axis=1) - self.r

    def inside(self, p: np.ndarray) -> np.ndarray:
        return self.distance(p) < 0

    def mesh(self) -> Mesh | None:
        return self.drawn


BALL: Any = Ball()
NO_MESH = Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))


def test_the_iou_of_sets_is_what_counting_says() -> None:
    a, b = np.array([1, 1, 1, 0, 0], dtype=bool), np.array([0, 1, 1, 1, 0], dtype=bool)
    assert iou(a, b) == 0.5
    assert iou(a, a) == 1
    assert iou(a, ~a) == 0
    assert iou(a & ~a, b & ~b) == 0


@pytest.mark.parametrize("r", [0.8, 0.95, 1.04])
def test_the_iou_of_concentric_spheres_is_the_ratio_of_their_volumes(r: float) -> None:
    found = volume_scores(sphere(r), BALL, BOX, 60_000)["iou"]
    assert found == pytest.approx(min(r, 1 / r) ** 3, abs=0.01)


@pytest.mark.parametrize("shift", [0.05, 0.3])
def test_the_iou_of_a_shifted_sphere_is_that_of_the_lens(shift: float) -> None:
    lens = pi / 12 * (4 + shift) * (2 - shift) ** 2  # two unit spheres: pi (4 r + d) (2 r - d)^2 / 12
    truth = lens / (8 * pi / 3 - lens)
    # along the diagonal, so that no point of the union leaves the box of the samples by much
    at = (shift / sqrt(3),) * 3
    found = volume_scores(sphere(at=at), BALL, BOX, 100_000)["iou"]
    assert found == pytest.approx(truth, abs=0.012)


def test_the_points_of_the_iou_fill_the_box_enlarged_by_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    monkeypatch.setattr(Ball, "inside", lambda self, p: (seen.append(p), np.linalg.norm(p, axis=1) < 1)[1])
    monkeypatch.setattr(shapemetrics, "TRUTH", 7000)
    volume_scores(sphere(), BALL, BOX, 20_000)
    assert [len(p) for p in seen] == [7000, 7000, 6000]
    assert np.abs(np.concatenate(seen)).max(0) == pytest.approx(1.1, abs=1e-3)
    seen.clear()
    narrow = Box(x=(-1.02, 1.5), y=(-1.5, 1.5), z=(-0.5, 0.5))  # as far as the field goes, yet never within the shape
    volume_scores(sphere(), BALL, narrow, 20_000)
    assert np.concatenate(seen).min(0) == pytest.approx([-1.02, -1.1, -1.0], abs=1e-3)


def test_a_distance_has_no_eikonal_error_and_twice_a_distance_has_one() -> None:
    exact, double = eikonal_scores(sphere(), BOX, 3000), eikonal_scores(sphere(scale=2.0), BOX, 3000)
    assert exact == pytest.approx({"eikonal_mae": 0, "eikonal_p99": 0}, abs=1e-12)
    assert double == pytest.approx({"eikonal_mae": 1, "eikonal_p99": 1}, abs=1e-12)


def test_the_eikonal_percentile_is_that_of_a_known_law() -> None:
    u = FunctionField(lambda p: p["x"] + p["x"] ** 2 / 2, BOX.axes)  # |1 + x| - 1 is |x| or 2 - |x|, below 1.5
    x = np.linspace(-1.5, 1.5, 400_001)
    error = np.abs(np.abs(1 + x) - 1)
    found = eikonal_scores(u, BOX, 40_000)
    assert found["eikonal_mae"] == pytest.approx(error.mean(), abs=0.01)
    assert found["eikonal_p99"] == pytest.approx(np.quantile(error, 0.99), abs=0.01)


def test_distance_errors_are_in_the_units_of_the_shape_and_relative_to_its_size() -> None:
    found = distance_scores(sphere(0.9), BALL, BOX, 2000)
    assert found == pytest.approx({"distance_mae": 0.1, "distance_rel": 0.05})


@pytest.mark.parametrize("d", [0.02, 0.0345, 0.0348, 0.1])
def test_concentric_spheres_are_their_gap_apart(d: float) -> None:
    box = 2 * sqrt(3)  # the diagonal; 1 % of it is 0.03464
    found = surface_scores(ball_mesh(1 + d, n=160), ball_mesh(1, n=160), 4000)
    for name in ("accuracy", "completeness", "chamfer_l1"):
        assert found[name] == pytest.approx(d / box, rel=0.01)
    near = float(d < 0.01 * box)
    assert (found["precision"], found["recall"], found["f_score"]) == pytest.approx((near,) * 3, abs=0.03)
    assert found["normal_consistency"] == pytest.approx(1, abs=1e-3)


def test_accuracy_looks_at_the_result_and_completeness_at_the_truth() -> None:
    far = ball_mesh(0.5, (10, 0, 0))
    one = ball_mesh()
    both = Mesh(
        np.concatenate([one.vertices, far.vertices]), np.concatenate([one.faces, far.faces + len(one.vertices)])
    )
    extra, missing = surface_scores(both, one, 4000), surface_scores(one, both, 4000)
    assert extra["completeness"] < 1e-9 and extra["accuracy"] > 0.1
    assert missing["accuracy"] < 1e-9 and missing["completeness"] > 0.1
    assert (extra["recall"], missing["precision"]) == (1, 1)
    share = 4 / (4 + 1)  # of the area: the radius of the far one is half
    assert extra["precision"] == pytest.approx(share, abs=0.02)
    assert extra["f_score"] == pytest.approx(2 * share / (1 + share), abs=0.02)


def test_a_mesh_is_at_no_distance_from_itself() -> None:
    found = surface_scores(ball_mesh(), ball_mesh(), 3000)
    assert found["chamfer_l1"] < 1e-9
    assert (found["f_score"], found["precision"], found["recall"]) == (1, 1, 1)
    assert found["normal_consistency"] == pytest.approx(1, abs=1e-3)


def test_a_mesh_far_from_the_origin_or_a_tiny_one_scores_the_same() -> None:
    at = (1e6, -2e6, 3e6)
    here, there = (surface_scores(ball_mesh(1.05, c), ball_mesh(1, c), 3000) for c in ((0, 0, 0), at))
    tiny = surface_scores(ball_mesh(1.05e-7), ball_mesh(1e-7), 3000)
    assert tiny == pytest.approx(here, rel=1e-5)
    assert there == pytest.approx(here, rel=1e-5)  # rounded vertices: a few points change their nearest triangle


def test_a_surface_inside_out_has_a_normal_consistency_of_minus_one() -> None:
    flipped = replace(ball_mesh(), faces=ball_mesh().faces[:, ::-1])
    assert surface_scores(flipped, ball_mesh(), 2000)["normal_consistency"] == pytest.approx(-1, abs=1e-3)


def test_faces_without_area_and_small_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ball_mesh()
    needle = replace(plain, faces=np.concatenate([plain.faces, [[0, 0, 1], [5, 5, 5]]]))
    want = surface_scores(plain, ball_mesh(1.05), 3000)
    assert surface_scores(needle, ball_mesh(1.05), 3000) == want
    monkeypatch.setattr(surfacemetrics, "CHUNK", 1000)
    assert surface_scores(plain, ball_mesh(1.05), 3000) == want


def test_scores_depend_little_on_the_seed_and_not_on_the_day() -> None:
    one = shape_scores(sphere(0.97, scale=1.02), BALL, BOX, ball_mesh(0.97), n=40_000, seed=1)
    two = shape_scores(sphere(0.97, scale=1.02), BALL, BOX, ball_mesh(0.97), n=40_000, seed=2)
    assert one == shape_scores(sphere(0.97, scale=1.02), BALL, BOX, ball_mesh(0.97), n=40_000, seed=1)
    assert all(one[name] != two[name] for name in ("iou", "accuracy", "completeness", "distance_mae"))
    assert one == pytest.approx(two, rel=0.02, abs=1e-9)
    assert set(one) >= {"iou", "chamfer_l1", "f_score", "normal_consistency", "eikonal_mae", "eikonal_p99"}
    assert all(type(value) is float for value in one.values())


def test_scores_leave_the_random_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    shape_scores(sphere(), BALL, BOX, ball_mesh(), n=500)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_field_without_a_surface_scores_nothing(sign: float) -> None:
    u = FunctionField(lambda p: p["x"] * 0 + sign * (3 + p["x"]), BOX.axes)
    found = shape_scores(u, BALL, BOX, NO_MESH, n=2000)
    assert (found["iou"], found["f_score"]) == (0, 0)
    assert "chamfer_l1" not in found and "normal_consistency" not in found
    assert found["eikonal_mae"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("value", [1.0, -1.0, float("nan")])
def test_a_zero_set_that_cannot_be_extracted_is_scored_too(value: float) -> None:
    u = FunctionField(lambda p: p["x"] * 0 + value, BOX.axes)
    found = shape_scores(u, BALL, BOX, resolution=16, n=500)
    assert (found["iou"], found["f_score"]) == (0, 0)


def test_without_a_mesh_the_zero_set_is_extracted() -> None:
    found = shape_scores(sphere(1.02), BALL, BOX, resolution=32, n=2000)
    assert found["chamfer_l1"] == pytest.approx(0.02 / (2 * sqrt(3)), rel=0.1)
    assert found["normal_consistency"] > 0.99


def test_a_truth_without_area_is_told() -> None:
    with pytest.raises(PinnsceneError, match="true surface"):
        surface_scores(ball_mesh(), NO_MESH)
    flat = Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    with pytest.raises(PinnsceneError, match="true surface"):
        surface_scores(ball_mesh(), flat)


def test_a_cloud_is_scored_by_its_held_out_points(rng: torch.Generator) -> None:
    normals = torch.nn.functional.normalize(torch.randn(500, 3, generator=rng, dtype=torch.float64)).numpy()
    points, diagonal, mesh = 1.05 * normals, 2 * sqrt(3), ball_mesh(n=120)
    cloud: Any = Ball(exact=False, signed=False, drawn=None)
    found = shape_scores(sphere(), cloud, BOX, mesh, heldout=(points, normals), n=2000)
    assert set(found) == {"eikonal_mae", "eikonal_p99", "completeness", "recall", "normal_consistency"}
    assert found["completeness"] == pytest.approx(0.05 / diagonal, rel=0.01)
    assert found["recall"] == 0
    assert found["normal_consistency"] == pytest.approx(1, abs=1e-3)
    near = heldout_scores(mesh, 1.02 * normals, None, diagonal)
    assert near == pytest.approx({"completeness": 0.02 / diagonal, "recall": 1}, rel=0.02)
    assert heldout_scores(mesh, points, -normals, diagonal)["normal_consistency"] == pytest.approx(-1, abs=1e-3)
    assert heldout_scores(NO_MESH, points, normals, diagonal) == {"recall": 0}
    assert set(shape_scores(sphere(), cloud, BOX, n=500)) == {"eikonal_mae", "eikonal_p99"}
    with pytest.raises(PinnsceneError, match="at least one point"):
        heldout_scores(mesh, points[:0], None, diagonal)


def test_the_figures_of_a_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contours, "N", 24)
    paths = draw_shape_figures(sphere(0.97), BALL, BOX, tmp_path / "figures")
    assert [path.name for path in paths] == ["slices.png", "distance_error.png"]
    for path in paths:
        with Image.open(path) as image:
            assert min(image.size) > 300 and len(image.getcolors(10**6) or []) > 10
    blind: Any = Ball(exact=False, signed=False)
    nothing = FunctionField(lambda p: p["x"] * 0 + 1, BOX.axes)
    assert [path.name for path in draw_shape_figures(nothing, blind, BOX, tmp_path / "less")] == ["slices.png"]
