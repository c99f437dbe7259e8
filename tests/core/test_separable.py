"""Sums of products axis by axis, on lattices and anywhere, against the dense features of the same products."""

import pytest
import torch

from pinnscene import Ansatz, Box
from pinnscene.derivatives import plan
from pinnscene.encodings import separable
from pinnscene.encodings.separable import Places

BOX = Box(x=(-1.0, 2.0), y=(0.0, 1.5), t=(0.0, 2.0))
SHAPE = Ansatz(lift=lambda p: torch.sin(p["x"]) * p["t"], factor=lambda p: p["t"] * (1 + p["y"]), scale=2.5)
LIFT = Ansatz(lift=lambda p: torch.sin(p["x"]) * p["t"], scale=0.5)
OPERATORS = [
    {(): 1.0},
    {(0,): 1.0},
    {(2,): 2.0, (0, 0): -1.0},
    {(0, 1): 1.0, (): 0.5},
    {(0, 0, 0): 1.0, (1, 1, 2): 3.0},
]


def scattered(n=41):
    return BOX.interior(n)(torch.Generator().manual_seed(1)).coords.double()


POINTS = {
    "lattice": lambda: BOX.lattice(4, 3, 5).coords,
    "shuffled": lambda: BOX.lattice(4, 3, 5).coords[torch.randperm(60, generator=torch.Generator().manual_seed(2))],
    "subset": lambda: BOX.lattice(4, 3, 5).coords[torch.arange(0, 60, 2)],
    "repeated": lambda: BOX.lattice(4, 3, 5).coords[torch.tensor([0, 7, 7, 59, 3, 3] * 4)],
    "wall": lambda: BOX.lattice(4, 1, 5).coords,
    "one": lambda: BOX.lattice(4, 3, 5).coords[17:18],
    "scattered": scattered,
}


def made(make_field, values=("u",), ansatz=None):
    return make_field(BOX, "linear", "tensor", values=values, ansatz=ansatz)


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("ansatz", [None, SHAPE, LIFT], ids=["plain", "factor", "lift"])
def test_sums_are_the_dense_features_times_the_weights(make_field, points, ansatz):
    """Two outputs, all orders to the third, with the same gradient to the weights: to rounding."""
    u, x = made(make_field, ("u", "v"), ansatz), POINTS[points]()
    features = u.feature_derivatives(x, OPERATORS)
    lift = u.lift().derivatives(x, OPERATORS)
    answers = u.derivatives(x, OPERATORS)
    for got, phi, g in zip(answers, features, lift, strict=True):
        wanted = g + phi @ u.head.weight.T
        scale = float(wanted.detach().abs().max())
        assert float((got - wanted).detach().abs().max()) < 1e-12 * scale
        slopes = [torch.autograd.grad(r.cos().sum(), u.head.weight, retain_graph=True)[0] for r in (got, wanted)]
        assert torch.allclose(*slopes, rtol=1e-10, atol=1e-11 * float(slopes[1].abs().max()))


@pytest.mark.parametrize("backbone", ["linear", "siren"])
def test_merged_streams_of_any_terms(make_field, backbone):
    """Multiples of the value, of slopes, and mixed second order, in one jet: against nested autograd."""
    u, x = make_field(BOX, backbone, "tensor"), scattered(9)
    operators = [{(): 2.0}, {(1,): -3.0}, {(0, 1): 2.0, (): 1.0}, {(0, 0): 1.0, (2, 2): 0.5, (2,): -1.0}]
    u.engine = "jets"
    last = torch.cat([u.head.weight.T, u.head.bias[None]][: 1 + u.backbone.biased])
    fast = [u.derivatives(x, operators), [phi @ last for phi in u.feature_derivatives(x, operators)]]
    u.engine = "nested"
    wanted = u.derivatives(x, operators)
    for found in fast:
        for a, b in zip(found, wanted, strict=True):
            assert torch.allclose(a, b, rtol=1e-10, atol=1e-10 * float(b.detach().abs().max()))


def test_coefficients_may_have_a_row_for_each_point(make_field):
    u, x = made(make_field), BOX.lattice(4, 3, 5).coords
    c = x[:, :1] ** 2
    (got,) = u.derivatives(x, [{(0, 0): c, (): 1.0}])
    second, value = u.derivatives(x, [{(0, 0): 1.0}, {(): 1.0}])
    assert torch.allclose(got, c * second + value, rtol=1e-13)


def test_nested_autograd_agrees(make_field):
    """The engine that knows nothing of products: to the rounding of third derivatives by autograd."""
    u, x = made(make_field, ansatz=SHAPE), scattered()
    fast = u.derivatives(x, OPERATORS)
    u.engine = "nested"
    for got, wanted in zip(fast, u.derivatives(x, OPERATORS), strict=True):
        assert torch.allclose(got, wanted, rtol=1e-9, atol=1e-10 * float(wanted.detach().abs().max()))


def test_gradients_reach_the_points(make_field):
    """Points that ask for a gradient take the way of the dense features."""
    u, x = made(make_field), scattered().requires_grad_()
    (slope,) = torch.autograd.grad(u(x).sum(), x)
    assert torch.allclose(slope[:, :1], u.derivatives(x.detach(), [{(0,): 1.0}])[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("kept", "found"), [(60, True), (15, True), (14, False)])
def test_a_lattice_is_one_up_to_four_places_a_point(make_field, kept, found):
    """15 of 60 places that use every line are taken for a lattice, 14 are not."""
    x = BOX.lattice(4, 3, 5).coords
    lines = torch.arange(60).view(4, 3, 5)
    diagonal = [int(lines[k % 4, k % 3, k % 5]) for k in range(kept if kept < 60 else 60)]
    places = Places(made(make_field).encoding, x[diagonal])
    assert (places.lines is not None) == found


def test_no_features_are_made_on_a_lattice(make_field, monkeypatch):
    u, x = made(make_field), BOX.lattice(4, 3, 5).coords
    monkeypatch.setattr(type(u.encoding), "features", lambda *_: pytest.fail("made"))
    found = u.derivatives(x, OPERATORS)
    monkeypatch.undo()
    monkeypatch.setattr(separable, "SPARSE", 0)
    for a, b in zip(found, u.derivatives(x, OPERATORS), strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)


def test_chunks_join(make_field, monkeypatch):
    u, x = made(make_field, ("u", "v")), scattered()
    whole = u.derivatives(x, OPERATORS)
    monkeypatch.setattr(type(u), "chunk", 7)
    for a, b in zip(u.derivatives(x, OPERATORS), whole, strict=True):
        assert torch.allclose(a, b, rtol=1e-13, atol=1e-13)


def test_what_is_separable(make_field):
    assert made(make_field).separable
    assert not make_field(BOX, "siren", "tensor").separable
    assert not make_field(BOX, "linear", "none").separable


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
def test_jets_to_any_order_against_products_by_hand(make_field, order):
    """Streams to second order, towers beyond: d^order/dx^order of the features is the table's times the others."""
    u, x = made(make_field), scattered(9)
    (got,) = u.feature_derivatives(x, [{(0,) * order: 1.0}])
    z = (x - u.centre) / u.extent
    a, b, c = (basis.table(z[:, k], order if k == 0 else 0) for k, basis in enumerate(u.encoding.bases))
    wanted = torch.einsum("na,nb,nc->nabc", a, b, c).flatten(1) / float(u.extent[0]) ** order
    assert torch.allclose(got, wanted, rtol=1e-11, atol=1e-11 * float(wanted.abs().max()))
    assert type(plan([{(0,) * order: 1.0}])).__name__ == ("Tower" if order > 2 else "Streams")


def test_the_last_layer_adds_no_constant(make_field):
    u = made(make_field)
    assert [name for name, _ in u.named_parameters()] == ["head.weight"]
    with torch.no_grad():
        u.head.weight.zero_()
    assert not u(scattered()).any()


def test_the_encoding_describes_itself(make_field):
    assert made(make_field).encoding.describe() == "products of 4 chebyshev and 3 spline and 5 fourier functions"
