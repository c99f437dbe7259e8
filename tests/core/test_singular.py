"""Functions of corners and holes: the equations that they solve, how they end, and their jets."""

from math import cos, hypot, pi, sin

import pytest
import torch
from scipy.special import kv
from torch import Tensor

from pinnscene.backbones import Singular
from pinnscene.backbones.multipoles import decaying
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.fieldspec import FieldSpec
from pinnscene.geometry import Ellipsoid, Polygon, disc
from pinnscene.operators import partials
from pinnscene.problem import Problem
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

CORNERS = [0.0, 0.0, 1.5 * pi, 0.0, 0.0, -1.0, 1.0, pi / 2, -pi / 2, 0.7]
HOLES = [0.4, 0.5, 0.2, -0.5, -0.4, 0.3]
L = Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)])


def made(knobs: dict, **t: tuple[float, float]) -> Field:
    class Ask(Problem):
        values, domain = ("u",), Box(x=(-1, 1), y=(-1, 1), **t)

        def constraints(self) -> dict:
            return {}

    u = FieldSpec("singular", knobs={"width": 4, **knobs}).build(Ask())
    u.redraw(torch.full((len(u.axes),), 2.0), generator(0, "features"))
    torch.nn.init.normal_(u.head.weight, generator=generator(1, "head"))
    return u


def places(u: Field) -> Tensor:
    """Points of the L without discs about the holes, and a time where there is one."""
    region = L - disc(0.4, 0.5, 0.2) - disc(-0.5, -0.4, 0.3)
    x = region.interior(60)(generator(0, "p")).coords
    return torch.cat([x, torch.rand(60, len(u.axes) - 2, generator=generator(2, "t"), dtype=x.dtype)], 1)


@pytest.mark.parametrize("t", [{}, {"t": (0.0, 2.0)}])
def test_jets_agree_with_autograd(t: dict) -> None:
    u = made({"orders": 4, "corners": CORNERS, "holes": HOLES, "poles": [3, 2], "decays": [0.0, 5.0], "times": 3}, **t)
    p = places(u)
    names = ("", "x", "y", "xx", "xy", "yy", *(("t", "tt", "xt") if t else ()))
    jets = partials(u, p, *names)
    nested = partials(FunctionField(lambda q: u(q.coords), u.axes), p, *names)
    for name, a, b in zip(names, jets, nested, strict=True):
        assert torch.allclose(a, b, atol=1e-8, rtol=1e-8), name


@pytest.mark.parametrize(
    ("knobs", "k"),
    [
        ({"orders": 4, "corners": CORNERS}, 0.0),
        ({"holes": HOLES, "poles": [5]}, 0.0),
        ({"holes": HOLES, "poles": [5], "decays": [7.0]}, 7.0),
    ],
)
def test_the_equation_holds_whatever_the_weights(knobs: dict, k: float) -> None:
    """lap(u) = k^2 u."""
    u = made(knobs)
    with torch.no_grad():
        u.head.weight[:, :4] = 0  # the sines
        u.head.bias.zero_()
    value, xx, yy = (t.detach() for t in partials(u, places(u), "", "xx", "yy"))
    assert float((xx + yy - k**2 * value).abs().max()) < 1e-8 * float(xx.abs().max())


def test_corner_functions_have_infinite_slopes_of_the_right_order() -> None:
    u = made({"orders": 4, "corners": CORNERS})
    slopes = [torch.stack(partials(u, torch.tensor([[-r, r]]).double(), "x", "y")).norm() for r in (1e-5, 1e-8)]
    assert float((slopes[1] / slopes[0]).detach()) == pytest.approx(10, rel=0.2)  # r^(-1/3)


def test_decaying_functions_are_bessel_functions() -> None:
    x = torch.logspace(-2, 2, 50, dtype=torch.float64)
    for m, found in enumerate(decaying(x, 12).unbind(-1)):
        assert torch.allclose(found * torch.exp(-x), torch.as_tensor(kv(m, x.numpy())), rtol=1e-12), m


def test_features_stay_finite_within_holes_and_at_corners() -> None:
    u = made({"corners": CORNERS, "holes": HOLES, "poles": [4, 4], "decays": [0.0, 5.0]})
    inside = torch.tensor([[0.4, 0.5], [0.41, 0.5], [-0.5, -0.4], [0.0, 0.0], [-1.0, 1.0]]).double()
    assert all(torch.isfinite(t).all() for t in partials(u, inside, "", "x", "xx"))


@pytest.mark.parametrize(
    "knobs",
    [{"corners": (1.0, 2.0)}, {"holes": (0.0, 0.0)}, {"holes": (0.0, 0.0, -1.0)}, {"poles": (0,)}, {"times": 99}, {}],
)
def test_what_is_no_corner_and_no_hole_is_refused(knobs: dict) -> None:
    with pytest.raises(PinnsceneError, match="singular expected"):
        Singular(2, **knobs)


def test_members_share_corners_in_one_place_and_holes_about_one_centre() -> None:
    knobs = {"corners": CORNERS, "orders": 3, "holes": (0.0, 0.0, 0.3), "poles": (4,), "decays": (0.0,)}
    other = {**knobs, "corners": [*CORNERS[:5], 0.5, *CORNERS[6:]], "holes": (0.0, 0.0, 0.2)}
    found = Singular.shared([knobs, other], 3)
    assert found is not None
    assert found["holes"] == (0.0, 0.0, 0.2) and list(found["corners"]) == CORNERS[:5]
    assert Singular.shared([knobs, other], 4) is None  # two parameters
    assert Singular.shared([knobs, {**knobs, "holes": (0.1, 0.0, 0.3)}], 3) is None  # it moves
    assert Singular.shared([knobs, {**knobs, "decays": (2.0,)}], 3) is None
    assert Singular.shared([knobs, {**knobs, "holes": ()}], 3) is None


def test_regions_know_their_corners_and_holes() -> None:
    square = Polygon([(-2, -2), (2, -2), (2, 2), (-2, 2)])
    region = square - disc(1, 0, 0.5) - Polygon([(-1, -1), (0, -1), (0, 0), (-1, 0)]) - disc(2, 2, 1)
    corners = region.corners()
    inward = {(round(x, 9), round(y, 9)): angle for (x, y), angle, *_ in corners}
    assert inward == {
        **dict.fromkeys([(-2, -2), (2, -2), (-2, 2), (1, 2), (2, 1)], pytest.approx(pi / 2)),  # two where a disc cuts
        **dict.fromkeys([(-1, -1), (0, -1), (0, 0), (-1, 0)], pytest.approx(1.5 * pi)),
    }
    assert [h.radius for h in region.holes()] == pytest.approx([0.5, 0.5, 1.0])
    for c in corners:  # the inside is to the left of the first side, up to the angle
        for share in (0.01, 0.99):
            way = torch.tensor(c.direction + share * c.angle).double()
            assert region.inside(torch.tensor([c.place]).double() + 0.01 * torch.stack([way.cos(), way.sin()])).all()


def test_curves_that_cross_make_corners_of_the_right_angle() -> None:
    """Two discs of radius 1, 1 apart: their circles cross at 60 degrees."""
    one, other = disc(0, 0, 1), disc(1, 0, 1)
    for region, angle in ((one & other, 2 * pi / 3), (one | other, 4 * pi / 3), (one - other, pi / 3)):
        corners = region.corners()
        assert [c.angle for c in corners] == pytest.approx([angle, angle], abs=1e-6)
        assert sorted(c.place[1] for c in corners) == pytest.approx([-(0.75**0.5), 0.75**0.5], abs=1e-10)
    assert (one | disc(2, 0, 1)).corners() == [] == disc(0, 0, 1).corners()  # discs that touch have none


def test_the_cut_of_a_corner_ends_before_it_enters_the_region() -> None:
    region = Polygon([(-2, -2), (2, -2), (2, 2), (-2, 2)]) - Polygon([(-1, -1), (0, -1), (0, 0), (-1, 0)])
    for (x, y), angle, direction, room in region.corners():
        out = direction + angle / 2 + pi
        assert room == pytest.approx(2**0.5, rel=0.02) if hypot(x, y) < 2 else room > 10
        assert not region.inside(torch.tensor([[x + room / 2 * cos(out), y + room / 2 * sin(out)]]).double()).any()
    short = 2 / 2**0.5
    u = made({"orders": 4, "corners": [0.0, 0.0, 1.5 * pi, -pi / 2, short]})
    with torch.no_grad():
        u.head.weight[:, :4] = 0  # the sines
    way = -pi / 2 + 0.75 * pi + pi
    turn = torch.tensor([-sin(way), cos(way)]).double()
    for far, jumps in ((0.5, True), (1.2, False)):
        place = far * torch.tensor([cos(way), sin(way)]).double()
        values = u(torch.stack([place + 1e-9 * turn, place - 1e-9 * turn])).detach()
        assert bool((values[0] - values[1]).abs() > 1e-3) == jumps, far


def test_cores_of_an_ellipse_lie_within_it() -> None:
    region = Polygon([(-2, -2), (2, -2), (2, 2), (-2, 2)]) - Ellipsoid((0.1, 0.2), (0.2, 1.0))
    holes = region.holes()
    assert len(holes) > 3
    for (x, y), radius in holes:
        assert abs(x - 0.1) < 1e-12 and 0 < radius <= 0.2 + 1e-9
        assert float(region.distance(torch.tensor([[x, y]]).double())) == pytest.approx(radius, rel=1e-5)


def test_the_distance_to_an_ellipse_is_right_on_its_axes() -> None:
    ellipse = Ellipsoid((0, 0), (0.6, 0.2))
    edge = ellipse.boundary(20_000, points="sobol")(generator(0, "edge")).coords
    p = torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.5, 0.0], [0.59, 0.0], [0.0, 0.1], [0.7, 0.0], [0.0, -0.5]]).double()
    near = torch.cdist(p, edge).amin(1)
    found = ellipse.distance(p)[:, 0]
    assert torch.allclose(found.abs(), near, atol=1e-5)
    assert found.sign().tolist() == [-1, -1, -1, -1, -1, 1, 1]
