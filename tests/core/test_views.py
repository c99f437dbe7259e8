"""Fields made of fields: piecewise, frozen, scaled."""

import math

import pytest
import torch

from pinnscene import (
    Ansatz,
    Box,
    Piecewise,
    PinnsceneError,
    Points,
    operator,
    partials,
)
from pinnscene.metrics import evaluate
from pinnscene.views import Frozen

BOX = Box(x=(-1.0, 2.0), y=(0.0, 1.5), t=(0.0, 2.0))
SHAPE = Ansatz(lift=lambda p: torch.sin(2 * p["x"]) * p["t"], factor=lambda p: p["t"] * (4 - p["x"] ** 2))
TERMS = {"t": 1.0, "xx": -0.3, "xy": 0.7, "x": 0.5, "": 2.0, "tt": 0.1}


def points(n=17, seed=3):
    return BOX.interior(n)(torch.Generator().manual_seed(seed))


def assert_close(a, b, rel):
    scale = max(float(b.detach().abs().max()), 1e-3)
    assert a.shape == b.shape
    assert float((a - b).detach().abs().max()) <= rel * scale


def test_piecewise_answers_as_the_piece_that_a_point_lies_in(make_field):
    first, second = make_field(BOX, seed=1), make_field(BOX, seed=2)
    u, p = Piecewise("t", [(0.8, first), (2.0, second)]), points(40)
    coords = p.coords.clone()
    coords[0, 2], coords[1, 2], coords[2, 2], coords[3, 2], coords[4, 2] = 0.8, math.nextafter(0.8, 1), 2.0, 5.0, -3.0
    p = Points(coords, p.axes)
    early = p["t"] <= 0.8
    assert early[[0, 4]].all()
    assert not early[1:4].any()
    assert early.sum() > 5
    for answer in (lambda f: f(p), lambda f: partials(f, p, "tx"), lambda f: operator(f, p, TERMS)):
        expected = torch.where(early, answer(first), answer(second))
        assert_close(answer(u), expected, 1e-13)


def test_piecewise_passes_gradients_on(make_field):
    u = Piecewise("t", [(0.8, make_field(BOX, seed=1)), (2.0, make_field(BOX, seed=2))])
    found = torch.autograd.grad(u(points(20)).sum(), [f.head.weight for f in u.pieces()])
    assert all(float(g.abs().max()) > 0 for g in found)


def test_piecewise_needs_its_axis(make_field):
    with pytest.raises(PinnsceneError, match="an axis 'z'"):
        Piecewise("z", [(1.0, make_field(BOX))])
    with pytest.raises(PinnsceneError, match="at least one"):
        Piecewise("t", [])


def test_frozen_is_constant_along_its_axis(make_field):
    u, p = make_field(BOX, ansatz=SHAPE), points()
    held = Frozen(u, "t", 0.5)
    there = Points(torch.cat([points().coords[:, :2], torch.full((17, 1), 0.5)], 1), BOX.axes)
    assert_close(held(p), u(there), 1e-14)
    for name in ("t", "tt", "xt"):
        assert not partials(held, p, name).any()
    for name in ("x", "xx", "xy"):
        assert_close(partials(held, p, name), partials(u, there, name), 1e-13)
    c = 1 + p["x"] ** 2
    mixed, plain = operator(held, p, {"t": 3.0, "xx": c, "": 2.0}), operator(u, there, {"xx": c, "": 2.0})
    assert_close(mixed, plain, 1e-13)


def test_frozen_of_higher_order_is_a_taylor_polynomial(make_field):
    """Along its axis the derivatives at the value up to the order, and none beyond; across it those of the field."""
    u, p = make_field(BOX, ansatz=SHAPE), points()
    there = Points(torch.cat([points().coords[:, :2], torch.full((17, 1), 0.5)], 1), BOX.axes)
    tau = p["t"] - 0.5
    value, slope, bend = partials(u, there, "", "t", "tt")
    assert_close(Frozen(u, "t", 0.5, 1)(p), value + tau * slope, 1e-13)
    second = Frozen(u, "t", 0.5, 2)
    assert_close(second(p), value + tau * slope + tau**2 / 2 * bend, 1e-13)
    assert_close(partials(second, p, "t"), slope + tau * bend, 1e-12)
    assert_close(partials(second, p, "tt"), bend, 1e-12)
    x, xt = partials(u, there, "x", "xt")
    assert_close(partials(Frozen(u, "t", 0.5, 1), p, "x"), x + tau * xt, 1e-12)


def test_frozen_carries_into_an_ansatz(make_field):
    """A window's start: both engines agree where the lift is a field held at a time."""
    u, p = make_field(BOX, ansatz=Ansatz(Frozen(make_field(BOX, seed=5), "t", 0.4), lambda q: q["t"] - 0.4)), points()
    answers = []
    for engine in ("jets", "nested"):
        u.engine = engine
        answers.append(operator(u, p, TERMS))
    assert_close(answers[0], answers[1], 1e-10)


def test_a_scale_is_a_factor_of_the_network(make_field):
    """Of values, of derivatives by both engines, and of the features that a last layer is solved for."""
    p = points()
    plain, scaled = make_field(BOX), make_field(BOX, ansatz=Ansatz(scale=250.0))
    for engine in ("jets", "nested"):
        plain.engine = scaled.engine = engine
        pairs = zip(partials(plain, p, "", "t", "xx"), partials(scaled, p, "", "t", "xx"), strict=True)
        assert all(torch.allclose(250 * a, b, rtol=1e-13) for a, b in pairs)
    (features,) = scaled.feature_derivatives(p, [{(): 1.0}])
    head = torch.cat([scaled.head.weight, scaled.head.bias[:, None]], 1)
    assert torch.allclose(features @ head.T, scaled(p), rtol=1e-13)


def test_no_points_have_values_of_the_right_shape(make_field):
    u = make_field(BOX, values=("u", "v"))
    assert evaluate(u, points(5)[:0]).shape == (0, 2)
