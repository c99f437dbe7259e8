"""Regions: measures, even densities, normals, sides and distances, by properties that hold for every one of them."""

from math import pi

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from pinnscene import Box
from pinnscene.batch import Points
from pinnscene.derivatives import Index
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import (
    Ball,
    Ellipsoid,
    Implicit,
    OverTime,
    Polygon,
    Prism,
    Region,
    Solid,
    as_region,
    cylinder,
    disc,
    hard_on,
    interval,
)
from pinnscene.mesh.crossings import crossings
from pinnscene.mesh.record import Mesh
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

SQUARE = Box(x=(-1.0, 1.0), y=(-1.0, 1.0))
ELL = Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)])
CUBE = Box(x=(0.0, 1.0), y=(0.0, 1.0), z=(0.0, 1.0))


def ring_distance(p: Points) -> torch.Tensor:
    return ((p.coords.square().sum(1, keepdim=True) + 1e-30).sqrt() - 0.75).abs() - 0.25


def ball_distance(p: Points) -> torch.Tensor:
    return (p.coords.square().sum(1, keepdim=True) + 1e-30).sqrt() - 0.5


def box(high: float, low: float, axes: str) -> Box:
    return Box(**{a: (float(low), float(high)) if a == "x" else (-2.0, 2.0) for a in axes})


PLANE, SPACE = (("x", "y"), ("d",)), (("x", "y", "z"), ("d",))
RING = Implicit(FunctionField(ring_distance, ("x", "y"), ("d",)), Box(x=(-1.5, 1.5), y=(-1.5, 1.5)))
BLOB = Implicit(FunctionField(ball_distance, ("x", "y", "z"), ("d",)), Box(x=(-1, 1), y=(-1, 1), z=(-1, 1)))
LENS = 2 * pi / 3 - 3**0.5 / 2  # area common to two unit discs whose middles are 1 apart
# Region, its length or area or volume, and that of its boundary.
REGIONS: list[tuple[Region, float, float]] = [
    (interval(-1.0, 2.0), 3.0, 2.0),
    (as_region(SQUARE), 4.0, 8.0),
    (as_region(CUBE), 1.0, 6.0),
    (Ball((0.5,), 2.0), 4.0, 2.0),
    (disc(1.0, 2.0, 0.5), pi / 4, pi),
    (Ball((0.0, 0.0, 0.0), 1.0), 4 / 3 * pi, 4 * pi),
    (Ball((0.0,) * 5, 1.0), 8 / 15 * pi**2, 8 / 3 * pi**2),
    (Ellipsoid((0.0, 1.0), (2.0, 1.0)), 2 * pi, 9.688448220547675),
    (Ellipsoid((0.0, 0.0, 0.0), (2.0, 2.0, 1.0)), 16 / 3 * pi, 34.687),  # 2 pi a^2 (1 + (1 - e^2) / e atanh e)
    (ELL, 3.0, 8.0),
    (cylinder(0.0, 0.0, 1.0, 0.0, 2.0), 2 * pi, 6 * pi),
    (Prism(ELL, 0.0, 0.5), 1.5, 10.0),
    (SQUARE - disc(0.0, 0.0, 0.5), 4 - pi / 4, 8 + pi),
    (SQUARE - disc(1.0, 1.0, 1.0), 4 - pi / 4, 6 + pi / 2),
    (disc(0, 0, 1) | disc(1, 0, 1), 2 * pi - LENS, 8 / 3 * pi),
    (disc(0, 0, 1) & disc(1, 0, 1), LENS, 4 / 3 * pi),
    (Box(x=(0, 1), y=(0, 1)) | Box(x=(1, 2), y=(0, 1)), 2.0, 6.0),
    (Box(x=(0, 2), y=(0, 1)) & Box(x=(0, 1), y=(0, 1)), 1.0, 4.0),
    (CUBE - Ball((0.5, 0.5, 0.5), 0.25), 1 - pi / 48, 6 + pi / 4),
    (RING, 0.75 * pi, 3 * pi),
    (BLOB, pi / 6, pi),
]
IDS = [repr(region)[:60] for region, *_ in REGIONS]


def draw(sampler, seed: int = 0) -> Points:
    return sampler(generator(seed, "test"))


@pytest.fixture(params=REGIONS, ids=IDS)
def case(request: pytest.FixtureRequest) -> tuple[Region, float, float]:
    return request.param


def test_volume_and_measure(case: tuple[Region, float, float]) -> None:
    region, volume, measure = case
    assert region.volume == pytest.approx(volume, rel=0.02)
    assert region.measure() == pytest.approx(measure, rel=0.02)
    assert region.measure() == pytest.approx(sum(region.measure(part) for part in region.parts))


@pytest.mark.parametrize("sequence", ["uniform", "sobol"])
def test_inside_points_are_inside_and_even(case: tuple[Region, float, float], sequence: str) -> None:
    region, *_ = case
    p = draw(region.interior(4000, sequence))
    assert len(p) == 4000 and p.normal is None
    assert bool((region.distance(p) < 0).all()) and bool(region.inside(p.coords).all())
    # halves of the box hold points by how much of the region is in them, as rejection from a lattice counts it
    grid = region.lattice(401 if len(region.axes) < 3 else 62 if len(region.axes) == 3 else 11).coords
    for k in range(len(region.axes)):
        cut = region.lower[k] + 0.45 * (region.upper[k] - region.lower[k])
        share = float((grid[:, k] < cut).double().mean())
        assert float((p.coords[:, k] < cut).double().mean()) == pytest.approx(share, abs=0.04)


def test_boundary_points_lie_on_it_with_outward_unit_normals(case: tuple[Region, float, float]) -> None:
    region, *_ = case
    p = draw(region.boundary(2000, points="sobol"))
    assert p.normal is not None and len(p) == 2000
    assert float(region.distance(p).abs().max()) < 1e-9
    assert torch.allclose(p.normal.norm(dim=1), torch.ones(2000, dtype=torch.float64))
    h = 1e-5
    ahead, behind = (region.distance(p.coords + sign * h * p.normal) for sign in (1, -1))
    # the distance grows by 1 along the normal, but within h of a corner
    slope = ((ahead - behind) / (2 * h))[:, 0]
    assert float((slope - 1).abs().quantile(0.99)) < 1e-6


def test_boundary_points_are_even(case: tuple[Region, float, float]) -> None:
    """The means of coordinates over the boundary are those of a dense independent draw, half by half."""
    region, *_ = case
    if len(region.axes) == 1:
        return
    p, q = draw(region.boundary(4000, points="sobol")), draw(region.boundary(40_000), 1)
    size = max(high - low for low, high in zip(region.lower, region.upper, strict=True))
    assert float((p.coords.mean(0) - q.coords.mean(0)).abs().max()) < 0.02 * size


def test_the_boundary_of_an_ellipse_is_even_by_length() -> None:
    p = draw(Ellipsoid((0.0, 0.0), (3.0, 0.5)).boundary(8000, points="sobol")).coords.numpy()
    p = p[np.argsort(np.arctan2(p[:, 1] / 0.5, p[:, 0] / 3))]
    gaps = np.linalg.norm(np.diff(p[::50], axis=0), axis=1)
    assert gaps.max() < 1.1 * gaps.min()


def test_the_divergence_theorem_holds(case: tuple[Region, float, float]) -> None:
    """The flux of x through the boundary is d times the volume: measures, normals and densities together."""
    region, volume, measure = case
    p = draw(region.boundary(20_000, points="sobol"))
    assert p.normal is not None
    flux = float((p.coords * p.normal).sum(1).mean()) * measure
    assert flux == pytest.approx(len(region.axes) * volume, rel=0.02, abs=0.02)


CONVEX_OR_CUT = [ELL, Ellipsoid((0.0, 0.0), (2.0, 0.7)), SQUARE - disc(0.2, 0.0, 0.5), cylinder(0, 0, 1, 0, 1)]


@pytest.mark.parametrize("region", CONVEX_OR_CUT, ids=repr)
def test_inside_the_distance_is_that_to_the_nearest_boundary_point(region: Region) -> None:
    dense = draw(region.boundary(60_000, points="sobol")).coords.numpy()
    p = draw(region.interior(500))
    apart = KDTree(dense).query(p.coords.numpy())[0]
    assert np.abs(apart + region.distance(p)[:, 0].numpy()).max() < (5e-3 if len(region.axes) < 3 else 0.03)


def test_an_ellipse_knows_its_distance_on_both_sides() -> None:
    region = Ellipsoid((0.0, 0.0), (2.0, 0.7))
    dense = draw(region.boundary(200_000)).coords.numpy()
    p = draw(Box(x=(-3, 3), y=(-2, 2)).interior(500)).coords
    assert np.abs(KDTree(dense).query(p.numpy())[0] - region.distance(p)[:, 0].abs().numpy()).max() < 1e-3


def test_parts_keep_their_names() -> None:
    region = SQUARE - disc(0, 0, 0.25, "hole") - Ellipsoid((0.6, 0.6), (0.2, 0.1)).named("second")
    assert region.parts == ("x0", "x1", "y0", "y1", "hole", "second")
    hole = draw(region.boundary(100, "hole"))
    assert torch.allclose(hole.coords.norm(dim=1), torch.full((100,), 0.25, dtype=torch.float64))
    assert hole.normal is not None and float((hole.normal * hole.coords).sum(1).max()) < 0  # out of the region
    with pytest.raises(PinnsceneError, match="unknown part of the boundary 'hol'; did you mean hole"):
        region.boundary(10, "hol")


def test_what_is_cut_away_is_no_part() -> None:
    assert (SQUARE - Box(x=(0, 2), y=(-2, 2))).parts == ("x0", "y0", "y1")
    assert SQUARE.parts == ("x0", "x1", "y0", "y1")  # a box has the same


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: disc(0, 0, 0.5) & disc(2, 0, 0.5), "do not meet"),
        (lambda: (SQUARE - disc(0, 0, 3)).interior(10), "empty"),
        (lambda: Ball((0, 0), -1.0), "radius above 0"),
        (lambda: Ball((0, 0), float("nan")), "radius above 0"),
        (lambda: Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "crosses itself"),
        (lambda: Polygon([(0, 0), (1, 1)]), "three corners"),
        (lambda: Polygon([(0, 0), (1, 1), (2, 2)]), "crosses itself|no area"),
        (lambda: Ellipsoid((0, 0), (1, 0)), "half axes above 0"),
        (lambda: SQUARE - Ball((0, 0, 0), 1), "same axes"),
        (lambda: Box(x=(0, 1), t=(0, 1)) - interval(0, 0.5), "of space alone"),
        (lambda: OverTime(SQUARE, 1.0, 0.0), "lower first"),
        (lambda: Prism(SQUARE, 1.0, 1.0), "lower one first"),
        (lambda: SQUARE | Ball((0, 0), 1) - disc(0, 0, 0.1).named("a") | 3, "expected a region"),  # type: ignore[operator]
        (
            lambda: Implicit(FunctionField(lambda p: 9 * ring_distance(p), *PLANE), box(2, -2, "xy")),
            "no distance field",
        ),
        (lambda: Implicit(FunctionField(ring_distance, *PLANE), box(2, 0, "xy")), "leaves its box"),
        (lambda: Implicit(FunctionField(lambda p: ring_distance(p) + 9, *PLANE), box(2, -2, "xy")), "no zero set"),
        (lambda: Implicit(FunctionField(ball_distance, *SPACE), box(2, 0, "xyz")), "open, or leaves"),
        (lambda: hard_on(disc(), start=0.0), "needs a time"),
        (lambda: hard_on(disc()), "neither"),
    ],
)
def test_bad_regions_are_refused(make, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        make()


def test_time_goes_with_every_region() -> None:
    domain = OverTime(SQUARE - disc(0, 0, 0.5), 1.0, 3.0)
    assert domain.axes == ("x", "y", "t") and domain.parts[-1] == "circle"
    p, wall, start = (draw(s) for s in (domain.interior(500), domain.boundary(500, "circle"), domain.start(500)))
    assert bool(domain.inside(p.coords).all()) and float(p["t"].min()) >= 1 and float(p["t"].max()) <= 3
    assert wall.normal is not None and wall.normal.shape == (500, 3) and bool((wall.normal[:, 2] == 0).all())
    assert torch.allclose(wall.coords[:, :2].norm(dim=1), torch.full((500,), 0.5, dtype=torch.float64))
    assert bool((start["t"] == 1).all()) and float(p["t"].mean()) == pytest.approx(2, abs=0.1)
    grid = domain.grid(5000)
    assert len(grid) <= 6000 and bool(domain.inside(grid.coords).all())


def cube(shift: float = 0.0) -> Mesh:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) + shift
    faces = ["013", "032", "467", "475", "045", "051", "237", "276", "026", "064", "157", "173"]
    return Mesh(corners, np.array([[int(k) for k in face] for face in faces]))


class CubeShape:
    """A unit cube that answers as shapes do."""

    name, lower, upper = "cube", np.zeros(3), np.ones(3)

    def inside(self, p: np.ndarray) -> np.ndarray:
        return ((p > 0) & (p < 1)).all(1)

    def nearest(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.enable_grad():
            x = torch.as_tensor(p).requires_grad_()
            d = as_region(CUBE).distance(x)
            return d.detach().numpy()[:, 0], torch.autograd.grad(d.sum(), x)[0].numpy()


def test_a_closed_mesh_is_a_region() -> None:
    region = Solid(CubeShape(), cube())
    assert region.measure() == pytest.approx(6) and region.volume == pytest.approx(1)
    p = draw(region.boundary(3000, points="sobol"))
    assert p.normal is not None and float(region.distance(p).abs().max()) < 1e-12
    assert bool((p.normal * (p.coords - 0.5) > 0).any(1).all())
    x = draw(region.interior(100)).coords.requires_grad_()
    slope = torch.autograd.grad(region.distance(x).sum(), x)[0]
    assert torch.allclose(slope.norm(dim=1), torch.ones(100, dtype=torch.float64))
    with pytest.raises(PinnsceneError, match="hard=false"):
        hard_on(region, walls={"surface": 0.0})


def test_a_cloud_gives_its_points() -> None:
    points = np.random.default_rng(0).random((50, 3))
    normals = np.tile([[0.0, 0.0, 1.0]], (50, 1))
    p = draw(Solid(CubeShape(), (points, normals)).boundary(200))
    assert KDTree(points).query(p.coords.numpy())[0].max() == 0


def test_crossing_faces_are_found() -> None:
    one, two = cube(), cube(0.3)
    assert len(crossings(one)) == 0
    both = Mesh(np.concatenate([one.vertices, two.vertices]), np.concatenate([one.faces, two.faces + 8]))
    pairs = crossings(both)
    assert len(pairs) and bool(((pairs[:, 0] < 12) != (pairs[:, 1] < 12)).all())


HELD = [
    as_region(SQUARE),
    disc(0.2, 0.0, 0.8),
    Ellipsoid((0.0, 0.0), (1.0, 0.5)),
    Ball((0.0, 0.0, 0.0), 1.0),
    ELL,
    SQUARE - disc(0.0, 0.3, 0.3),
    cylinder(0, 0, 1, 0, 1),
    BLOB,
]


@pytest.mark.parametrize("region", HELD, ids=repr)
def test_hard_values_hold_on_the_boundary_whatever_the_network(region: Region) -> None:
    values = {part: float(k) for k, part in enumerate(region.parts)}
    ansatz = hard_on(region, walls=values)
    assert ansatz.factor is not None and ansatz.lift is not None
    for part, value in values.items():
        p = draw(region.boundary(200, part))
        assert float(ansatz.factor(p).abs().max()) < 1e-6
        assert float((ansatz.lift(p) - value).abs().quantile(0.95)) < 1e-5
    inside = draw(region.interior(500))
    assert float(ansatz.factor(inside).min()) > 0
    # unit slope inwards, and derivatives of second order that are finite
    edge = draw(region.boundary(400))
    assert edge.normal is not None
    slope = ansatz.factor(Points(edge.coords - 1e-5 * edge.normal, edge.axes)) / 1e-5
    assert float((slope - 1).abs().quantile(0.8)) < 0.01
    second: list[dict[Index, float]] = [{(k, k): 1.0} for k in range(len(region.axes))]
    for part in FunctionField(ansatz.factor, region.axes).derivatives(inside, second):
        assert bool(part.isfinite().all())


def test_hard_starts_hold_with_walls_that_agree() -> None:
    domain = OverTime(disc(0.0, 0.0, 1.0), 0.0, 2.0)
    start = lambda p: 1 - p.coords[:, :2].square().sum(1, keepdim=True)
    ansatz = hard_on(domain, start=start, walls={"circle": 0.0})
    assert ansatz.factor is not None and ansatz.lift is not None
    begin, wall = draw(domain.start(100)), draw(domain.boundary(100))
    assert float(ansatz.factor(begin).abs().max()) == 0 and float(ansatz.factor(wall).abs().max()) < 1e-12
    assert torch.allclose(ansatz.lift(begin), start(begin))
    assert float(ansatz.lift(wall).abs().max()) < 1e-12


@pytest.mark.parametrize("points", ["uniform", "sobol", "halton", "lhs"])
def test_times_have_nothing_to_do_with_places(points):
    """Cells of an 8 x 8 table of x and t hold 64 of 4096 points each: chi squared with 63 degrees of freedom."""
    over = OverTime(Box(x=(0, 1), y=(0, 1)), 0.0, 1.0)
    for sampler in (over.interior(4096, points), over.boundary(4096, "y0", points=points)):
        p = sampler(torch.Generator().manual_seed(1))
        cells = (8 * p["x"]).long().clamp(max=7) * 8 + (8 * p["t"]).long().clamp(max=7)
        expected = 64 * len(p) / 4096
        assert float(((cells.flatten().bincount(minlength=64) - expected) ** 2 / expected).sum()) < 120


@pytest.mark.parametrize("half", [(1.0, 0.5), (1.0, 1.0), (0.5, 1.0, 0.8)])
def test_the_distance_to_an_ellipse_has_unit_slope_along_its_normals(half: tuple[float, ...]) -> None:
    """Finite elements move their nodes onto the boundary along it."""
    region = Ellipsoid((0.0,) * len(half), half)
    p = region.boundary(200)(generator(0, "wall"))
    assert p.normal is not None
    x = (p.coords + 0.01 * p.normal).requires_grad_()
    (slope,) = torch.autograd.grad(region.distance(x).sum(), x)
    assert torch.allclose(slope, p.normal, atol=1e-6)
