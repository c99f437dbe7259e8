"""Fields that jump on interfaces: features of their own for each side, and what says how the sides meet."""

import pytest
import torch

from pinnscene import Ansatz, Box, FluxJump, Jump, PinnsceneError, partials
from pinnscene.batch import Points
from pinnscene.geometry import Ball, Ellipsoid, Flower, Polygon, Region, Sided, Sides, as_region, disc
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

SQUARE = Box(x=(-1.0, 1.0), y=(-1.0, 1.0))
CUBE = Box(x=(-1.0, 1.0), y=(-1.0, 1.0), z=(-1.0, 1.0))
INNER = [
    disc(0.1, 0.0, 0.5),
    Ellipsoid((0.0, 0.1), (0.7, 0.3)),
    Polygon([(-0.5, -0.4), (0.5, -0.4), (0.0, 0.5)]),
    Flower(0.0, 0.0, 0.5, 0.2, 5),
    SQUARE & disc(0.0, 0.0, 0.4),
    Ball((0.0, 0.0, 0.1), 0.6),
]
DTYPES = [(torch.float64, 1e-10), (torch.float32, 1e-3)]


def jumped(region: Region) -> Sided:
    """U = sin(2 x) y inside and exp(y) - x outside."""
    both = lambda p: torch.cat([torch.sin(2 * p["x"]) * p["y"], p["y"].exp() - p["x"]], 1)
    return Sided(FunctionField(both, region.axes, ("u_in", "u_out")), Sides(region))


@pytest.mark.parametrize("region", INNER, ids=repr)
@pytest.mark.parametrize(("dtype", "most"), DTYPES, ids=["double", "single"])
def test_jumps_are_those_of_the_closed_form(region: Region, dtype: torch.dtype, most: float) -> None:
    p = region.boundary(400, points="sobol")(generator(0, "interface")).to("cpu", dtype)
    assert p.normal is not None
    x, y, nx, ny = p["x"], p["y"], p.normal[:, :1], p.normal[:, 1:2]
    value = y.exp() - x - torch.sin(2 * x) * y
    flux = 3 * (y.exp() * ny - nx) - 50 * (2 * torch.cos(2 * x) * y * nx + torch.sin(2 * x) * ny)
    assert float(Jump(lambda p: value)(jumped(region), p).detach().abs().max()) < most
    assert float(FluxJump(50.0, 3.0, lambda p: flux)(jumped(region), p).detach().abs().max()) < 100 * most


def test_jumps_seen_from_the_other_side_turn_and_those_of_fluxes_do_not() -> None:
    region = disc(0.1, 0.0, 0.5)
    here = region.boundary(100, points="sobol")(generator(0, "interface"))
    assert here.normal is not None
    there = Points(here.coords, here.axes, -here.normal)
    u = jumped(region)
    assert torch.allclose(Jump()(u, there), -Jump()(u, here))
    assert torch.allclose(FluxJump(2.0, 7.0)(u, here), FluxJump(7.0, 2.0)(u, there))


@pytest.mark.parametrize("engine", ["nested", "jets"])
def test_sides_have_weights_of_their_own_and_derivatives(make_field, engine: str) -> None:
    sides = Sides(disc(0.0, 0.0, 0.5), scales=(0.1, 1.0))
    u = make_field(SQUARE, ansatz=Ansatz(sides=sides), engine=engine)
    assert u.head.weight.shape == (1, 2 * u.backbone.outputs)
    p = SQUARE.interior(200)(generator(0))
    inside = sides.of(p.coords) == 0
    before = [part.clone() for part in partials(u, p, "", "x", "xy", "yy")]
    with torch.no_grad():
        u.head.weight[:, : u.backbone.outputs] *= 3
        u.head.weight[:, u.backbone.outputs :] *= 5
    bias = [u.head.bias.detach(), 0.0, 0.0, 0.0]
    for old, new, b in zip(before, partials(u, p, "", "x", "xy", "yy"), bias, strict=True):
        times = torch.where(inside, 3.0, 5.0)[:, None]
        assert torch.allclose(new - b, times * (old - b), atol=1e-10)


def test_features_times_weights_are_the_field(make_field) -> None:
    u = make_field(SQUARE, ansatz=Ansatz(factor=lambda p: p["x"] ** 2, scale=2.0, sides=Sides(disc(0.0, 0.0, 0.5))))
    p = SQUARE.interior(100)(generator(0))
    operators = [{(): 1.0}, {(0, 0): -1.0, (1, 1): 2.0}]
    weights = torch.cat([u.head.weight.T, u.head.bias[None]])
    pairs = zip(u.feature_derivatives(p, operators), u.derivatives(p, operators), strict=True)
    for features, value in pairs:
        assert torch.allclose(features @ weights, value, atol=1e-10)


def test_functions_of_holes_stay_outside(make_field) -> None:
    u = make_field(SQUARE, backbone="singular", ansatz=Ansatz(sides=Sides(disc(0, 0, 0.5))), holes=(0.0, 0.0, 0.5))
    beyond = u.backbone.beyond
    assert beyond > 0 and u.features == 2 * u.backbone.outputs - beyond
    p = SQUARE.interior(300)(generator(0))
    inside = p.coords.norm(dim=1) < 0.5
    (features,) = u.feature_derivatives(p, [{(): 1.0}])
    last = features[:, -beyond - 1 : -1]
    assert not bool(last[inside].any()) and bool((last[~inside] != 0).any(1).all())


def test_several_regions_have_a_side_each() -> None:
    sides = Sides(disc(-0.5, 0.0, 0.3), disc(0.5, 0.0, 0.3))
    x = torch.tensor([[-0.5, 0.0, 9.0], [0.5, 0.0, 9.0], [0.0, 0.0, 9.0]])  # a time after the place
    assert sides.of(x).tolist() == [0, 1, 2] and len(sides) == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Sides, "at least one region"),
        (lambda: Sides(disc(), scales=(1.0,)), "a scale above 0 for each side"),
        (lambda: Sides(disc(), scales=(0.0, 1.0)), "a scale above 0"),
        (lambda: Sided(FunctionField(lambda p: p["x"], ("x", "y")), Sides(disc())), "an output for each of 2 sides"),
        (lambda: Jump()(jumped(INNER[0]), SQUARE.interior(5)(generator(0))), "outward normals"),
        (lambda: Flower(0, 0, 0.5, 0.9), "a depth from 0 to 0.5"),
        (lambda: Flower(0, 0, 0.5, 0.1, 2.5), "petals"),
    ],
)
def test_bad_sides_are_refused(make, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        make()


def test_a_flower_has_its_measures() -> None:
    """The area of r < R (1 + e cos k theta) is pi R^2 (1 + e^2 / 2), the flux of x through its edge twice that."""
    region, area = Flower(0.2, -0.1, 0.5, 0.2, 5), torch.pi * 0.25 * 1.02
    p = region.boundary(20_000, points="sobol")(generator(0))
    assert p.normal is not None
    shifted = p.coords - torch.tensor([0.2, -0.1], dtype=torch.float64)
    radius = 0.5 * (1 + 0.2 * torch.cos(5 * torch.atan2(shifted[:, 1], shifted[:, 0])))
    assert torch.allclose(shifted.norm(dim=1), radius, atol=1e-12)
    assert float((p.coords * p.normal).sum(1).mean()) * region.measure() == pytest.approx(2 * area, rel=1e-3)
    for core in region.cores():
        assert float(region.distance(torch.tensor([core.centre], dtype=torch.float64))) < 0


def test_a_wall_through_the_origin_has_two_sides_too() -> None:
    left = Box(x=(-1.0, 0.0), y=(-1.0, 1.0))
    u = Sided(FunctionField(lambda p: torch.cat([p["y"], p["y"] + 2], 1), ("x", "y"), ("a", "b")), Sides(left))
    p = as_region(left).boundary(50, "x1")(generator(0, "p"))
    assert torch.allclose(Jump()(u, p).detach(), torch.full((50, 1), 2.0, dtype=torch.float64))
