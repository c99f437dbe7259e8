"""Knots: where they end up for functions whose steep places are known, and the properties of what puts them there."""

import pytest
import torch

from pinnscene import Box, PinnsceneError
from pinnscene.placement import FINE, GRADING, SAFETY, SHORTEST, equal_shares, graded, local_length, place
from pinnscene.views import FunctionField

BOX = Box(x=(-1.0, 3.0), t=(0.0, 2.0))
X = torch.linspace(-1, 1, FINE, dtype=torch.float64)


def made(make_field, box=BOX, basis="spline,chebyshev", modes="40,4", **more):
    return make_field(box, "linear", "tensor", basis=basis, modes=modes, **more)


def of(f, box=BOX, values=("u",)):
    return FunctionField(f, box.axes, values)


def knots(u, axis=0):
    return u.encoding.bases[axis].breaks


def test_lengths_rise_no_faster_than_the_grading_and_lie_below():
    length = 0.02 + 0.5 * torch.sin(9 * X) ** 2
    found = graded(X, length)
    assert bool((found <= length + 1e-15).all())
    slope = (found[1:] - found[:-1]) / (X[1:] - X[:-1])
    assert float(slope.abs().max()) <= GRADING * (1 + 1e-9)
    wanted = (length[:, None] + GRADING * (X[:, None] - X).abs()).amin(0)  # the largest such function
    assert torch.allclose(found, wanted, rtol=1e-12)


def test_shares_are_equal():
    """Of a length 0.1 + x^2 the integral of 1 / length is an arc tangent: to the trapezoidal rule's 1e-4."""
    breaks = equal_shares(X, 0.1 + X**2, 12)
    shares = torch.atan(breaks / 0.1**0.5).diff()
    assert breaks[0] == -1 and breaks[-1] == 1 and len(breaks) == 13
    assert float((shares / shares.mean() - 1).abs().max()) < 1e-4


def test_an_even_function_gets_even_knots(make_field):
    u = made(make_field)
    place(u, of(lambda p: torch.sin(3 * torch.pi * p["x"]) + torch.cos(3 * torch.pi * p["x"])))
    widths = knots(u).diff()
    assert float(widths.max() / widths.min()) < 1.3


@pytest.mark.parametrize("centre", [-0.4, 1.0, 2.9])
def test_knots_stand_close_at_a_layer(make_field, centre):
    """Of tanh((x - c) / 0.01): a third of the cells within ten widths, a fortieth of the axis or less; least there."""
    u = made(make_field)
    place(u, of(lambda p: torch.tanh((p["x"] - centre) / 0.01)))
    at = 1 + 2 * knots(u)  # in the box's units
    near = int(((at - centre).abs() < 0.1).sum())
    assert near >= 33 / 3
    widths, middles = at.diff(), (at[1:] + at[:-1]) / 2
    assert abs(float(middles[widths.argmin()]) - centre) < 0.03
    assert float(widths.min()) < 0.02
    ratio = widths[1:] / widths[:-1]
    assert float(ratio.min()) > 1 / 3 and float(ratio.max()) < 3  # graded


def test_only_the_first_time_is_looked_at(make_field):
    u, v = made(make_field), made(make_field)
    place(u, of(lambda p: torch.sin(p["x"]) + p["t"] * torch.tanh(100 * p["x"])))
    place(v, of(lambda p: torch.sin(p["x"])))
    assert torch.equal(knots(u), knots(v))


def test_the_kink_of_a_periodic_function(make_field):
    """x^2 is smooth inside and turns where the ends meet; exp(sin) does not."""
    u = made(make_field, basis="periodic-spline,chebyshev")
    kinked = local_length(u, of(lambda p: (p["x"] - 1) ** 2), 0, X, periodic=True)
    smooth = local_length(u, of(lambda p: torch.exp(torch.sin(torch.pi / 2 * p["x"]))), 0, X, periodic=True)
    assert float(kinked[0]) == pytest.approx(SHORTEST / SAFETY) == float(kinked[-1])
    assert float(smooth[[0, -1]].min()) > 0.01
    assert float(local_length(u, of(lambda p: (p["x"] - 1) ** 2), 0, X)[0]) > 0.01
    place(u, of(lambda p: (p["x"] - 1) ** 2))
    widths = knots(u).diff()
    assert max(float(widths[0]), float(widths[-1])) < 0.1 * float(widths.max())


def test_a_kink_inside_is_as_steep_as_can_be(make_field):
    """Of sqrt|x - 1| derivatives are not finite at 1: knots crowd there, and all are finite and rise."""
    u = made(make_field)
    place(u, of(lambda p: (p["x"] - 1).abs().sqrt()))
    widths, middles = knots(u).diff(), (knots(u)[1:] + knots(u)[:-1]) / 2
    assert float(widths.min()) > 0
    assert abs(float(middles[widths.argmin()])) < 0.01


def test_two_axes_of_space_each_by_itself(make_field):
    """Whatever the place along the other axis; t keeps its basis."""
    box = Box(x=(0.0, 1.0), y=(0.0, 1.0), t=(0.0, 1.0))
    u = made(make_field, box, basis="spline,spline,chebyshev", modes="30,20,3")
    place(u, of(lambda p: torch.tanh((p["x"] - 0.25) / 0.01) * p["y"] ** 2, box))
    widths, middles = knots(u).diff(), (knots(u)[1:] + knots(u)[:-1]) / 2
    assert abs(float(middles[widths.argmin()]) + 0.5) < 0.03 and float(widths.min()) < 0.02
    other = knots(u, 1).diff()
    assert float(other.max() / other.min()) < 3


def test_the_output_that_turns_most_counts_and_rounding_does_not(make_field):
    layer = lambda p: torch.tanh((p["x"] - 1) / 0.01)
    flat = lambda p: torch.cos(p["x"])
    both, one, noisy, plain = (made(make_field, values=("u", "v")) for _ in range(4))
    place(both, of(lambda p: torch.cat([flat(p), 1e-3 * layer(p)], 1), values=("u", "v")))
    place(one, of(lambda p: torch.cat([1e-3 * layer(p), layer(p)], 1), values=("u", "v")))
    assert float(knots(both).diff().min()) < 0.01 and float(knots(one).diff().min()) < 0.01
    place(noisy, of(lambda p: torch.cat([flat(p), 1e-18 * layer(p)], 1), values=("u", "v")))
    place(plain, of(lambda p: torch.cat([flat(p), 0 * p["x"]], 1), values=("u", "v")))
    assert torch.allclose(knots(noisy), knots(plain), rtol=0, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 3.0, float("nan")])
def test_a_constant_and_nonsense_leave_even_knots(make_field, value):
    u = made(make_field)
    place(u, of(lambda p: 0 * p["x"] + value))
    assert torch.allclose(knots(u), torch.linspace(-1, 1, 34, dtype=torch.float64), rtol=0, atol=1e-9)


def test_fields_without_splines_stay_as_they_are(make_field):
    silent = of(lambda p: pytest.fail("looked at"))
    for u in (made(make_field, basis="sine,chebyshev"), make_field(BOX, "siren")):
        before = {k: t.clone() for k, t in u.state_dict().items()}
        place(u, silent)
        assert all(torch.equal(t, before[k]) for k, t in u.state_dict().items())


def test_bad_breaks_are_told_in_one_line(make_field):
    with pytest.raises(PinnsceneError) as told:
        made(make_field).encoding.bases[0].place(torch.full((34,), float("nan"), dtype=torch.float64))
    assert "\n" not in str(told.value) and len(str(told.value)) < 300
