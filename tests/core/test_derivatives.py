"""Both derivative engines against one another, against finite differences and against closed forms."""

import math

import pytest
import torch

from pinnscene import (
    Ansatz,
    Box,
    PinnsceneError,
    Points,
    divergence,
    gradient,
    hessian,
    jacobian,
    laplacian,
    operator,
    partials,
)
from pinnscene.backbones import backbones
from pinnscene.encodings import encodings
from pinnscene.layers import ACTIVATIONS
from pinnscene.views import FunctionField

BOX = Box(x=(-1.0, 2.0), y=(0.0, 1.5), t=(0.0, 2.0))
GENERAL = [name for name in backbones if name != "singular"]  # it wants two coordinates: tests/core/test_singular.py
KINDS = [(name, a) for name in GENERAL for a in (ACTIVATIONS if name == "mlp" else [None])]
SHAPE = Ansatz(
    lift=lambda p: torch.sin(2 * p["x"]) * p["t"] + p["y"] ** 2,
    factor=lambda p: p["t"] * (4 - p["x"] ** 2) * torch.exp(0.2 * p["y"]),
)


def points(n=17, seed=3):
    return BOX.interior(n)(torch.Generator().manual_seed(seed))


def terms(p):
    """A mixed operator with numbers and a column for coefficients."""
    c = 1 + p["x"] ** 2
    return {"t": 1.0, "xx": -0.3, "xy": c, "x": 0.5 * c, "": 2.0, "tt": c * p["t"]}


def assert_close(a, b, rel):
    scale = max(float(b.detach().abs().max()), 1e-3)
    assert a.shape == b.shape
    assert float((a - b).detach().abs().max()) <= rel * scale


def build(make_field, kind, encoding="none", **more):
    backbone, activation = kind
    knobs = {"activation": activation} if activation else {}
    return make_field(BOX, backbone, encoding, values=("u", "v"), **knobs, **more)


# ---- the engines agree -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [None, SHAPE], ids=["plain", "ansatz"])
@pytest.mark.parametrize("encoding", list(encodings))
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: "-".join(filter(None, k)))
def test_engines_agree(make_field, kind, encoding, shape):
    """1e-10: both are exact, so only float64 rounding (1e-16, times the growth through three layers) parts them."""
    u, p = build(make_field, kind, encoding, ansatz=shape), points()
    answers = {}
    for engine in ("jets", "nested"):
        u.engine = engine
        answers[engine] = (*partials(u, p, "", "t", "xx", "xy"), operator(u, p, terms(p)))
    for jet, nest in zip(answers["jets"], answers["nested"], strict=True):
        assert jet.shape == (17, 2)
        assert_close(jet, nest, 1e-10)


@pytest.mark.parametrize("encoding", [name for name in encodings if encodings[name].towers])
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: "-".join(filter(None, k)))
def test_engines_agree_beyond_second_order(make_field, kind, encoding):
    """Third and fourth derivatives, pure and mixed, and operators of them; features reproduce the field too."""
    u, p = build(make_field, kind, encoding, ansatz=SHAPE), points()
    c = 1 + p["x"] ** 2
    answers = {}
    for engine in ("jets", "nested"):
        u.engine = engine
        answers[engine] = (*partials(u, p, "xxx", "xxt", "xxxx"), operator(u, p, {"xxxx": c, "yyt": -2.0, "": 1.0}))
    for jet, nest in zip(answers["jets"], answers["nested"], strict=True):
        assert_close(jet, nest, 1e-9)
    operators = [{(0, 0, 0): 1.0}, {(0, 0, 0, 0): 2.0, (1,): c}]
    weights = torch.cat([u.head.weight.T, u.head.bias[None]])[: u.backbone.outputs + u.backbone.biased]
    lifts = u.lift().derivatives(p, operators)
    for phi, g, whole in zip(u.feature_derivatives(p, operators), lifts, u.derivatives(p, operators), strict=True):
        assert_close(g + phi @ weights, whole, 1e-10)


@pytest.mark.parametrize("encoding", list(encodings))
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: "-".join(filter(None, k)))
def test_engines_agree_on_the_gradient_of_a_loss(make_field, kind, encoding):
    """What training uses: d loss / d weights, again to rounding (1e-9: one more derivative)."""
    u, p = build(make_field, kind, encoding, ansatz=SHAPE), points()
    found = {}
    for engine in ("jets", "nested"):
        u.engine = engine
        loss = operator(u, p, terms(p)).square().mean() + partials(u, p, "x").square().mean() + u(p).square().mean()
        found[engine] = torch.autograd.grad(loss, list(u.parameters()))
    for jet, nest in zip(found["jets"], found["nested"], strict=True):
        assert_close(jet, nest, 1e-9)


def test_an_operator_is_the_sum_of_its_partials(make_field):
    u, p = make_field(BOX, ansatz=SHAPE), points()
    for engine in ("jets", "nested"):
        u.engine = engine
        by_hand = sum(c * partials(u, p, name) for name, c in terms(p).items())
        assert_close(operator(u, p, terms(p)), by_hand, 1e-12)


@pytest.mark.parametrize("engine", ["jets", "nested"])
@pytest.mark.parametrize("name", ["", "x", "xx"])
def test_coefficients_may_be_scalar_tensors(make_field, engine, name):
    """An unknown to be found arrives as a tensor without dimensions."""
    u, p = make_field(BOX, engine=engine), points()
    c = torch.tensor(2.5, dtype=torch.float64)
    assert_close(operator(u, p, {name: c, "t": 1.0}), operator(u, p, {name: 2.5, "t": 1.0}), 1e-14)
    assert_close(operator(u, p, {name: c}), 2.5 * partials(u, p, name), 1e-14)


@pytest.mark.parametrize("engine", ["jets", "nested"])
def test_a_coefficient_carries_its_gradient(make_field, engine):
    """d/d alpha of (u_t - alpha u_xx) is -u_xx: the road to unknown coefficients."""
    u, p = make_field(BOX, engine=engine), points()
    alpha = torch.full((len(p), 1), 0.7, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(operator(u, p, {"t": 1.0, "xx": -alpha}).sum(), alpha)
    assert_close(found, -partials(u, p, "xx"), 1e-12)


@pytest.mark.parametrize("engine", ["jets", "nested"])
def test_many_points_without_gradients_equal_few_with(make_field, engine):
    """Without gradients points go in chunks, coefficients row by row; the values are those of one pass."""
    u, p = make_field(BOX, engine=engine, ansatz=SHAPE), points(2500)
    whole = operator(u, p, terms(p)).detach()
    with torch.no_grad():
        assert_close(operator(u, p, terms(p)), whole, 1e-13)
        assert not operator(u, p, terms(p)).requires_grad


def test_repeated_names_add_up(make_field):
    u, p = make_field(BOX), points()
    assert_close(operator(u, p, {"xt": 1.0, "tx": 2.0}), 3 * partials(u, p, "xt"), 1e-13)


# ---- finite differences ----------------------------------------------------------------------------------------------


def shifted(p, **by):
    coords = p.coords.clone()
    for axis, h in by.items():
        coords[:, p.axes.index(axis)] += h
    return Points(coords, p.axes)


@pytest.mark.parametrize("engine", ["jets", "nested"])
@pytest.mark.parametrize("encoding", list(encodings))
@pytest.mark.parametrize("kind", [k for k in KINDS if k[1] != "relu"], ids=lambda k: "-".join(filter(None, k)))
def test_engines_agree_with_finite_differences(make_field, kind, encoding, engine):
    """Central differences: h = 1e-4 errs by h^2 f''' / 6 and by 1e-16 / h (first), 1e-16 / h^2 (second): 1e-5.

    relu is left out: it has kinks that a step may cross.
    """
    u, p, h = build(make_field, kind, encoding, ansatz=SHAPE, engine=engine), points(), 1e-4
    with torch.no_grad():
        at = lambda **by: u(shifted(p, **by))
        assert_close((at(t=h) - at(t=-h)) / (2 * h), partials(u, p, "t"), 1e-5)
        assert_close((at(x=h) - 2 * at() + at(x=-h)) / h**2, partials(u, p, "xx"), 1e-5)
        cross = (at(x=h, y=h) - at(x=h, y=-h) - at(x=-h, y=h) + at(x=-h, y=-h)) / (4 * h**2)
        assert_close(cross, partials(u, p, "xy"), 1e-5)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_activations_know_their_derivatives(activation):
    """Against reverse autograd of the value, far into both tails."""
    s = ACTIVATIONS[activation]()
    z = torch.linspace(-30, 30, 241, dtype=torch.float64) + 0.01
    z.requires_grad_()
    value, first, second = s.derivatives(z, 2)
    (d1,) = torch.autograd.grad(value.sum(), z, create_graph=True)
    assert_close(first, d1, 1e-12)
    d2 = torch.autograd.grad(d1.sum(), z)[0] if d1.requires_grad and activation != "relu" else torch.zeros_like(z)
    assert_close(second, d2, 1e-12)


def test_positional_encoding_is_its_formula(rng):
    """sin(2^k pi x), cos(2^k pi x) in float64, to rounding of an argument of 100: 1e-13."""
    encoding = encodings["positional"](2, frequencies=4).double()
    x = torch.rand(50, 2, generator=rng, dtype=torch.float64) * 2 - 1
    rows = torch.cat([2.0**k * math.pi * x for k in range(4)], 1)
    assert_close(encoding(x), torch.cat([x, torch.sin(rows), torch.cos(rows)], 1), 1e-13)


def test_fourier_features_are_their_formula(rng):
    encoding = encodings["fourier"](2, features=7, sigma=2.0).double()
    encoding.reset(rng)
    x = torch.rand(50, 2, generator=rng, dtype=torch.float64) * 2 - 1
    z = 2 * math.pi * x @ encoding.frequencies.T
    assert_close(encoding(x), torch.cat([torch.cos(z), torch.sin(z)], 1), 1e-13)


# ---- closed forms ----------------------------------------------------------------------------------------------------


def wave(p):
    return torch.sin(2 * p["x"]) * torch.exp(0.5 * p["t"]) + p["x"] ** 4 * p["y"]


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("xxx", lambda x, y, t: -8 * torch.cos(2 * x) * torch.exp(t / 2) + 24 * x * y),
        ("xxxx", lambda x, y, t: 16 * torch.sin(2 * x) * torch.exp(t / 2) + 24 * y),
        ("xxy", lambda x, y, t: 12 * x**2),
        ("ttxx", lambda x, y, t: -torch.sin(2 * x) * torch.exp(t / 2)),
        ("yyyy", lambda x, y, t: 0 * x),
    ],
)
def test_high_orders_against_a_closed_form(name, exact):
    p = points()
    found = partials(FunctionField(wave, BOX.axes), p, name)
    assert_close(found, exact(p["x"], p["y"], p["t"]), 1e-12)


def test_third_order_of_a_network_is_the_difference_of_the_second(make_field):
    """``auto`` goes over to nested beyond second order; h = 1e-4 central, as above."""
    u, p, h = make_field(BOX, ansatz=SHAPE), points(), 1e-4
    slope = (partials(u, shifted(p, x=h), "xx") - partials(u, shifted(p, x=-h), "xx")) / (2 * h)
    assert_close(partials(u, p, "xxx"), slope, 1e-5)


def test_vector_operators_against_closed_forms():
    p = points()
    x, y, t = p["x"], p["y"], p["t"]
    u = FunctionField(lambda q: torch.sin(q["x"]) * q["y"] ** 2 + q["t"] ** 3, BOX.axes)
    assert_close(gradient(u, p), torch.cat([torch.cos(x) * y**2, 2 * torch.sin(x) * y], 1), 1e-13)
    assert_close(gradient(u, p, ("t",)), 3 * t**2, 1e-13)
    assert_close(laplacian(u, p), -torch.sin(x) * y**2 + 2 * torch.sin(x), 1e-13)
    h = hessian(u, p)
    assert h.shape == (17, 3, 3)
    assert_close(h, h.transpose(1, 2), 1e-15)
    assert_close(h[:, 0, 1], (2 * torch.cos(x) * y)[:, 0], 1e-13)
    assert_close(h[:, 2, 2], (6 * t)[:, 0], 1e-13)
    v = FunctionField(lambda q: torch.cat([q["x"] * q["y"], torch.cos(q["y"]) * q["t"]], 1), BOX.axes, ("a", "b"))
    assert_close(divergence(v, p), y - torch.sin(y) * t, 1e-13)
    j = jacobian(v, p)
    assert j.shape == (17, 2, 3)
    assert_close(j[:, 0], torch.cat([y, x, 0 * x], 1), 1e-13)
    assert_close(j[:, 1], torch.cat([0 * x, -torch.sin(y) * t, torch.cos(y)], 1), 1e-13)
    assert hessian(v, p, ("x", "t")).shape == (17, 2, 2, 2)
    assert_close(laplacian(v, p), torch.cat([0 * x, -torch.cos(y) * t], 1), 1e-13)


def test_laplacian_of_a_network_is_the_trace_of_its_hessian(make_field):
    u, p = make_field(BOX, values=("u", "v"), ansatz=SHAPE), points()
    h = hessian(u, p, ("x", "y"))
    assert_close(laplacian(u, p), h[..., 0, 0] + h[..., 1, 1], 1e-12)


def test_names_of_several_letters(make_field):
    box = Box(x=(0, 1), alpha=(1, 2))
    p = box.interior(9)(torch.Generator().manual_seed(0))
    u = FunctionField(lambda q: q["x"] ** 3 * q["alpha"] ** 2, box.axes)
    assert_close(partials(u, p, "alpha"), 2 * p["x"] ** 3 * p["alpha"], 1e-13)
    assert_close(partials(u, p, "alpha,alpha"), 2 * p["x"] ** 3, 1e-13)
    assert_close(partials(u, p, "x,alpha"), 6 * p["x"] ** 2 * p["alpha"], 1e-13)
    net = make_field(box)
    assert_close(operator(net, p, {"alpha,alpha": 1.0}), hessian(net, p)[:, 1, 1:], 1e-12)


# ---- mistakes --------------------------------------------------------------------------------------------------------


def test_unknown_axis_is_told_with_a_hint(make_field):
    box = Box(x=(0, 1), alpha=(1, 2))
    u, p = make_field(box), box.interior(4)(torch.Generator())
    with pytest.raises(PinnsceneError, match=r"'alpa'.*did you mean alpha"):
        partials(u, p, "alpa,x")
    with pytest.raises(PinnsceneError, match="'q'"):
        operator(u, p, {"q": 1.0})
    with pytest.raises(PinnsceneError, match="at least one name"):
        partials(u, p)
    with pytest.raises(PinnsceneError, match="at least one term"):
        operator(u, p, {})


@pytest.mark.parametrize("shape", [(17,), (17, 2), (1, 17, 1), (16, 1), (1, 1)])
@pytest.mark.parametrize("engine", ["jets", "nested"])
def test_a_coefficient_of_a_wrong_shape_is_refused(make_field, shape, engine):
    """A number or [n, 1]; anything else would broadcast into something nobody asked for."""
    u, p = make_field(BOX, engine=engine), points(17)
    with pytest.raises(PinnsceneError, match="coefficient of 'xx'"):
        operator(u, p, {"t": 1.0, "xx": torch.ones(*shape, dtype=torch.float64)})


def test_a_wrong_number_of_outputs_is_refused(make_field):
    p = points()
    with pytest.raises(PinnsceneError, match="gradient expected a field of 1 output, got u, v"):
        gradient(make_field(BOX, values=("u", "v")), p)
    with pytest.raises(PinnsceneError, match="divergence expected a field of 2 outputs, got u"):
        divergence(make_field(BOX), p)


@pytest.mark.parametrize("bad", [torch.zeros(5), torch.zeros(5, 2), torch.zeros(5, 3, 1), [[0.0, 0.0, 0.0]]])
def test_points_of_a_wrong_shape_are_refused(make_field, bad):
    with pytest.raises(PinnsceneError, match=r"expected points of shape \[n, 3\]"):
        make_field(BOX)(bad)


def test_a_grid_has_no_features_of_third_order(make_field):
    with pytest.raises(PinnsceneError, match="second order only"):
        make_field(BOX, "mlp", "grid").feature_derivatives(points(), [{(0, 0, 0): 1.0}])


def test_an_ansatz_of_a_wrong_shape_is_refused(make_field):
    """[n] instead of [n, 1] would broadcast u to [n, n]."""
    for shape in (Ansatz(lift=lambda p: p.coords[:, 0]), Ansatz(factor=lambda p: p.coords[:, 0])):
        u = make_field(BOX, ansatz=shape)
        for names in ((), ("xx",)):
            with pytest.raises(PinnsceneError):
                partials(u, points(), *names) if names else u(points())
