"""Pictures of fields on regions of any form: cut along the outline, on surfaces, in volumes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import Ball, OverTime, as_region, disc
from pinnscene.problem import Problem
from pinnscene.render.baking import bake
from pinnscene.render.distancefield import about, distance_field
from pinnscene.render.film import film, kinds
from pinnscene.render.medium import Medium, Transfer, fill, through
from pinnscene.render.moment import Moment
from pinnscene.render.outline import outline, spread
from pinnscene.render.planes import middle, on_plane, plane
from pinnscene.render.request import RenderRequest
from pinnscene.render.slices import slices
from pinnscene.render.solid import SolidView
from pinnscene.views import FunctionField

RING = disc(0, 0, 1) - disc(0.2, 0, 0.5)
BALL = Ball((0, 0, 0), 1)


def harmonic(p: Points) -> torch.Tensor:
    """x^3 - 3 x y^2, fading with t."""
    value = p["x"] ** 3 - 3 * p["x"] * p["y"] ** 2
    return value * torch.exp(-p["t"]) if "t" in p.axes else value


@dataclass(frozen=True)
class Known(Problem):
    """A problem whose reference knows nothing outside of its domain."""

    domain: Any = RING
    values = ("u",)

    def constraints(self):
        return {}

    def reference(self, p: Points) -> torch.Tensor:
        assert bool(self.domain.inside(p.coords).all())
        return harmonic(p)


def known(domain: Any) -> tuple[Known, FunctionField]:
    return Known(domain), FunctionField(harmonic, domain.axes)


def test_a_plane_holds_the_points_inside_alone() -> None:
    where = plane(RING, 64)
    image = on_plane(FunctionField(lambda p: p["x"] + 0 * p["y"], ("x", "y")), where)
    x, y = np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 64))
    inside = (x**2 + y**2 < 1) & ((x - 0.2) ** 2 + y**2 > 0.25)
    np.testing.assert_array_equal(np.isfinite(image), inside)
    np.testing.assert_allclose(image[inside], x[inside], atol=1e-12)


def test_the_outline_is_the_boundary_with_its_holes_turned_about() -> None:
    line = outline(RING, plane(RING, 160))
    assert line is not None
    areas = []
    for ring in line.to_polygons():
        x, y = np.asarray(ring).T
        assert min(np.abs(np.hypot(x, y) - 1).max(), np.abs(np.hypot(x - 0.2, y) - 0.5).max()) < 1e-4
        areas.append(((x[:-1] * y[1:] - x[1:] * y[:-1]) / 2).sum())
    assert sorted(np.abs(areas)) == pytest.approx([np.pi / 4, np.pi], rel=1e-3)
    assert areas[0] * areas[1] < 0
    assert outline(Box(x=(0, 1), y=(0, 1)), plane(Box(x=(0, 1), y=(0, 1)), 8)) is None


def test_what_is_missing_takes_the_nearest_value() -> None:
    image = np.array([[1.0, np.nan, np.nan], [np.nan, np.nan, 5.0]])
    assert spread(image)[0].tolist() == [1.0, 1.0, 5.0]
    assert np.isnan(image).sum() == 4


def test_slices_leave_a_hole_white() -> None:
    problem, u = known(RING)
    made = slices(problem, u)
    made.canvas.draw()
    shown = np.asarray(made.canvas.buffer_rgba())[..., :3]
    height = shown.shape[0]
    for ax in made.axes[:3]:
        across = lambda x, y, ax=ax: ax.transData.transform((x, y)).astype(int)
        at = lambda x, y, across=across: shown[height - 1 - across(x, y)[1], across(x, y)[0]]
        assert all((at(*place) == 255).all() for place in ((0.2, 0.0), (0.65, 0.0), (0.9, 0.9)))
        assert all((at(*place) != 255).any() for place in ((0.78, 0.0), (-0.9, 0.0)))


def test_planes_miss_no_body() -> None:
    apart = Ball((-2, 0, 0), 1) | Ball((2, 0, 0), 1)
    assert abs(middle(apart)["x"]) > 1 and middle(apart)["y"] == 0
    assert len(slices(*known(apart)).axes) == 18
    with pytest.raises(PinnsceneError, match="no point of"):
        plane(apart, 16, x=0.0)


def test_films_of_regions_follow_the_field(tmp_path: Path) -> None:
    problem, u = known(OverTime(RING, 0, 1))
    frames = list(film(problem, u, RenderRequest(tmp_path, (240, 200), frames=2)))
    assert (frames[0] != frames[1]).any()


def test_a_moment_is_the_field_at_a_time() -> None:
    u = FunctionField(lambda p: torch.cat([p["x"] * p["t"], p["y"] ** 2 * p["t"]], 1), ("x", "t", "y"), ("a", "b"))
    at = Moment(u, 3.0, 1)
    x = torch.tensor([[5.0, 7.0]], dtype=torch.float64)
    assert at.axes == ("x", "y") and at.values == ("b",)
    value, slope = at.derivatives(x, [{(): 1.0}, {(1,): 1.0}])
    assert value.tolist() == [[147.0]] and slope.tolist() == [[42.0]]


@cache
def slab(thick: float) -> Medium:
    """A slab of values x across the middle of the z axis."""
    region = as_region(Box(x=(-1, 1), y=(-1, 1), z=(-thick / 2, thick / 2)))
    solid = bake(distance_field(region), about(region, 0.5))
    return fill(FunctionField(lambda p: p["x"], ("x", "y", "z")), solid)


def along_z(medium: Medium, transfer: Transfer, x: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    origins = torch.tensor([[value, 0.03, 5.0] for value in x])
    directions = torch.tensor([0.0, 0.0, -1.0]).expand(len(x), 3)
    return through(medium, transfer, origins, directions, torch.tensor([0.0, 0.0, 1.0]), glass=False)


@pytest.mark.parametrize("thick", [0.3, 0.77])
def test_a_slab_covers_as_beer_and_lambert_say(thick: float) -> None:
    x = [-0.5, 0.0, 0.25, 0.5]
    transfer = Transfer(-1.0, 1.0, 3.0)
    light, left = along_z(slab(thick), transfer, x)
    sigma = 3.0 * ((np.array(x) + 1) / 2) ** 1.5
    np.testing.assert_allclose(left, np.exp(-sigma * thick), rtol=2e-3)
    share = 1 - np.exp(-sigma * thick)
    np.testing.assert_allclose(light, share[:, None] * transfer.colour(torch.tensor(x)).numpy(), rtol=1e-2, atol=1e-4)


def test_a_ramp_along_the_ray_integrates() -> None:
    medium = slab(1.0)
    transfer = Transfer(-1.0, 1.0, 2.0)
    origins, directions = torch.tensor([[-5.0, 0.03, 0.02]]), torch.tensor([[1.0, 0.0, 0.0]])
    _, left = through(medium, transfer, origins, directions, torch.tensor([0.0, 0.0, 1.0]), glass=False)
    depth = 2.0 * 2 / 2.5  # the integral over x from -1 to 1 of 2 ((x + 1) / 2)^1.5
    assert float(left[0]) == pytest.approx(np.exp(-depth), rel=3e-3)


def test_level_sets_are_met_inside_of_the_solid_alone() -> None:
    medium = slab(0.5)
    rays = lambda z: (torch.tensor([[-5.0, 0.03, z]]), torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([1.0, 0.0, 0.0]))
    for levels, count in (((0.0,), 1), ((-0.5, 0.1, 0.5), 3), ((1.5,), 0)):
        transfer = Transfer(-1.0, 1.0, 0.0, levels)
        assert float(through(medium, transfer, *rays(0.0), glass=False)[1]) == pytest.approx(0.45**count, rel=1e-5)
        assert float(through(medium, transfer, *rays(0.6), glass=False)[1]) == 1.0


def test_a_painted_surface_shows_its_values(tmp_path: Path) -> None:
    problem = Known(BALL)
    u = FunctionField(lambda p: p["z"], BALL.axes)
    view = SolidView(problem, u, "surface", RenderRequest(tmp_path / "a.png", (120, 120), samples=1, elevation=0.0))
    with Image.open(view.still(tmp_path / "a.png")) as opened:
        picture = np.asarray(opened).astype(int)
    high, low = (picture[row, 60] for row in (18, 100))
    assert high[0] > high[2] + 100 and low[2] > low[0] + 10  # yellow above, violet below
    assert view.limits == pytest.approx((-1, 1), abs=0.05)


@pytest.mark.parametrize("kind", ["volume", "iso"])
def test_views_of_solids_over_time_are_films(tmp_path: Path, kind: str) -> None:
    problem, u = known(OverTime(BALL, 0, 2))
    view = SolidView(problem, u, kind, RenderRequest(tmp_path, (48, 48), frames=2))
    first, last = view.frames()
    assert first.shape == (48, 48, 3) and (first != last).any()


def test_what_is_there_is_drawn(tmp_path: Path) -> None:
    problem, u = known(BALL)
    assert kinds(BALL) == ("slices", "surface", "volume", "iso") and kinds(OverTime(RING, 0, 1)) == ("solution",)
    request = RenderRequest(tmp_path, (64, 64), what="volume,iso")
    problem.check_render(request)
    assert [path.name for path in problem.render(u, request)] == ["volume.png", "iso.png"]
    lone = RenderRequest(tmp_path / "b.png", (64, 64), what="surface", azimuth=10.0)
    problem.check_render(lone)
    assert problem.render(u, lone) == [tmp_path / "b.png"]


@pytest.mark.parametrize(
    ("domain", "given", "said"),
    [
        (RING, {"what": "volume"}, "kind of picture"),
        (RING, {"azimuth": 3.0}, "--azimuth is an option of views"),
        (BALL, {"what": "slices", "samples": 4}, "--samples is an option of views"),
        (BALL, {"what": "surface,iso"}, "need a folder"),
        (BALL, {"what": "shaded"}, "kind of picture"),
    ],
)
def test_pictures_that_a_domain_does_not_have(tmp_path: Path, domain: Any, given: dict, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        Known(domain).check_render(RenderRequest(tmp_path / "a.png", **given))
