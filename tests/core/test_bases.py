"""Bases of one coordinate: derivatives against autograd, what each promises, how well each approximates."""

import pytest
import torch

from pinnscene import PinnsceneError
from pinnscene.bases import bases
from pinnscene.bases.spline import Knotted
from pinnscene.encodings.tensor import TensorProduct

X = torch.linspace(-0.99, 0.98, 37, dtype=torch.float64)


def make(name, count=13):
    """Splines on breaks that are not even."""
    basis = bases[name](count)
    if isinstance(basis, Knotted):
        basis.place(basis.breaks + 0.05 * torch.sin(torch.pi * basis.breaks))
    return basis


def fit(basis, f, order=0):
    """The largest error of a least-squares fit of f, or of its derivative."""
    s = torch.linspace(-1, 1, 801, dtype=torch.float64)
    x = torch.cat([torch.sin(torch.pi / 2 * s), torch.sinh(6 * s) / torch.sinh(torch.tensor(6.0)).double()])
    x = x.clamp(-1, 1)
    weights = torch.linalg.lstsq(basis.table(x, 0), f(x)[:, None], driver="gelsd").solution
    at = X.clone().requires_grad_()
    wanted = f(at)
    for _ in range(order):
        (wanted,) = torch.autograd.grad(wanted.sum(), at, create_graph=True)
    return float((basis.table(X, order) @ weights - wanted.detach()[:, None]).abs().max())


@pytest.mark.parametrize("name", list(bases))
@pytest.mark.parametrize("order", range(4))
def test_derivatives_against_autograd_and_differences(name, order):
    """Autograd to rounding; central differences of step 1e-6 to 1e-7."""
    basis, x, h = make(name), X.clone().requires_grad_(), 1e-6
    table = basis.table(x, order)
    slopes = [torch.autograd.grad(c.sum(), x, retain_graph=True, allow_unused=True)[0] for c in table.unbind(1)]
    slopes = torch.stack([torch.zeros_like(X) if s is None else s for s in slopes], 1)
    wanted = basis.table(X, order + 1)
    differences = (basis.table(X + h, order) - basis.table(X - h, order)) / (2 * h)
    scale = float(wanted.abs().max())
    assert float((slopes - wanted).abs().max()) < 1e-12 * scale
    assert float((differences - wanted).abs().max()) < 1e-7 * scale


def test_what_each_promises_at_its_ends():
    ends = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    assert float(make("sine").table(ends, 0).abs().max()) < 1e-13
    assert float(make("cosine").table(ends, 1).abs().max()) < 1e-12 * 13
    for name in ("fourier", "periodic-spline"):
        for order in range(4):
            left, right = make(name).table(ends, order)
            assert torch.allclose(left, right, rtol=1e-11, atol=1e-11 * float(right.abs().max()))
            shifted = make(name).table(X + 2, order)
            assert torch.allclose(
                make(name).table(X, order), shifted, rtol=1e-9, atol=1e-10 * float(shifted.abs().max())
            )


@pytest.mark.parametrize("name", ["spline", "periodic-spline"])
@pytest.mark.parametrize("count", [1, 2, 5, 8, 30])
def test_splines_sum_to_one(name, count):
    assert torch.allclose(make(name, count).table(X, 0).sum(1), torch.ones_like(X), rtol=0, atol=1e-13)


def test_splines_hold_polynomials_of_their_degree():
    for degree in range(8):
        assert fit(make("spline", 20), lambda x, d=degree: x**d + 0.1 * x) < 1e-11


@pytest.mark.parametrize("name", ["spline", "periodic-spline"])
def test_order_of_splines(name):
    """Degree 7: halving the cells divides the error by about 2^8, and that of the slope by 2^7."""
    wave = lambda x: torch.sin(2 * torch.pi * x) * torch.exp(torch.cos(torch.pi * x))
    for order in (0, 1):
        more = 7 if name == "spline" else 0
        coarse, fine = (fit(bases[name](cells + more), wave, order) for cells in (32, 64))
        assert 2 ** (7.3 - order) < coarse / fine < 2 ** (9.7 - order)


@pytest.mark.parametrize(
    ("name", "wave"),
    [
        ("chebyshev", lambda x: torch.exp(x) / (2 + x)),
        ("fourier", lambda x: torch.exp(torch.sin(torch.pi * x))),
        ("sine", lambda x: torch.sin(torch.pi * x) / (2 + torch.cos(torch.pi * x))),
        ("cosine", lambda x: torch.exp(torch.cos(torch.pi * x))),
    ],
)
def test_spectral_convergence(name, wave):
    """No fixed order: each further dozen functions gains orders of magnitude, to rounding."""
    errors = [fit(bases[name](count), wave) for count in (8, 20, 48)]
    assert errors[1] < 1e-3 * errors[0] and errors[2] < 1e-11


def test_breaks_close_to_a_layer_beat_even_ones():
    layer = lambda x: torch.tanh(100 * x) + torch.exp(-((30 * x) ** 2))
    even, close = bases["spline"](40), bases["spline"](40)
    close.place(torch.sinh(6 * close.breaks) / torch.sinh(torch.tensor(6.0, dtype=torch.float64)))
    assert fit(close, layer) < 1e-3 * fit(even, layer)


def test_breaks_must_rise():
    with pytest.raises(PinnsceneError, match="rising breaks"):
        bases["spline"](20).place(torch.zeros(14, dtype=torch.float64))


@pytest.mark.parametrize(
    ("knobs", "match"),
    [
        ({"modes": "0"}, "expected 1 to 2048 modes"),
        ({"modes": "8,8,8"}, "1 or 2 entries"),
        ({"modes": "many"}, "modes"),
        ({"modes": "2000"}, "products at most"),
        ({"modes": "1,100000"}, "expected 1 to 2048 modes"),
        ({"basis": "legendre"}, "legendre"),
        ({"basis": "splin,chebyshev"}, "did you mean spline"),
    ],
)
def test_tensor_refuses(knobs, match):
    with pytest.raises(PinnsceneError, match=match):
        TensorProduct(2, **knobs)
