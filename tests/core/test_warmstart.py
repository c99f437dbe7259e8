"""First guesses: functions in the span come back exactly, whatever the scale, lift, outputs and axes."""

import pytest
import torch

from pinnscene import Ansatz, Box
from pinnscene.views import Frozen, FunctionField
from pinnscene.warmstart import fit

BOX = Box(x=(-1.0, 3.0), t=(0.0, 2.0))
LIFT = lambda p: torch.exp(p["x"] / 3)


def of(f, box=BOX, values=("u",)):
    return FunctionField(f, box.axes, values)


def off(u, f, box=BOX):
    p = box.lattice(*[23] * len(box.axes))
    with torch.no_grad():
        return float((u(p) - f(p)).abs().max() / f(p).abs().max())


@pytest.mark.parametrize("basis", ["chebyshev", "spline"])
@pytest.mark.parametrize("ansatz", [None, Ansatz(scale=50.0), Ansatz(LIFT, scale=0.1)], ids=["plain", "scale", "lift"])
def test_polynomials_come_back(make_field, basis, ansatz):
    """Of degree 5 in x and 2 in t, to rounding; beside a lift what is left of it is fitted, exp to 1e-6."""
    u = make_field(BOX, "linear", "tensor", basis=f"{basis},chebyshev", modes="12,4", ansatz=ansatz)
    cubic = lambda p: (p["x"] - 1) ** 5 * (1 + p["t"]) ** 2 - 3 * p["t"]
    fit(u, of(cubic))
    assert off(u, cubic) < (1e-6 if ansatz and ansatz.lift else 1e-12)


@pytest.mark.parametrize(("basis", "modes"), [("sine", "3,1"), ("cosine", "4,1"), ("fourier", "5,1")])
def test_waves_come_back(make_field, basis, modes):
    """Of two outputs, held in t."""
    u = make_field(BOX, "linear", "tensor", values=("u", "v"), basis=f"{basis},chebyshev", modes=modes)
    z = lambda p: torch.pi * (p["x"] + 1) / 4
    wave = {
        "sine": lambda p: torch.sin(3 * z(p)),
        "cosine": lambda p: torch.cos(3 * z(p)),
        "fourier": lambda p: torch.sin(4 * z(p)),
    }[basis]
    both = lambda p: torch.cat([wave(p), -2 * wave(p)], 1)
    fit(u, of(both, values=("u", "v")))
    assert off(u, both) < 1e-12


def test_a_window_starts_from_the_one_before(make_field):
    """The state at its end, held in t."""
    u, v = (make_field(BOX, "linear", "tensor", basis="chebyshev", modes="8,3", seed=s) for s in (0, 1))
    fit(v, Frozen(u, "t", 2.0))
    held = lambda p: u(torch.cat([p["x"], torch.full_like(p["x"], 2.0)], 1))
    assert off(v, held) < 1e-12


def test_three_axes_of_two_lengths(make_field):
    box = Box(x=(0.0, 1.0), y=(0.0, 2.0), t=(0.0, 1.0))
    u = make_field(box, "linear", "tensor", basis="chebyshev", modes="4,5,2")
    f = lambda p: p["x"] ** 3 * p["y"] ** 4 + p["t"]
    fit(u, of(f, box))
    assert off(u, f, box) < 1e-12


@pytest.mark.parametrize("case", ["factor", "siren", "layers"])
def test_other_fields_keep_their_weights(make_field, case):
    factor = Ansatz(lift=LIFT, factor=lambda p: p["t"])
    u = {
        "factor": lambda: make_field(BOX, "linear", "tensor", ansatz=factor),
        "siren": lambda: make_field(BOX, "siren"),
        "layers": lambda: make_field(BOX, "siren", "tensor"),
    }[case]()
    before = u.head.weight.detach().clone()
    fit(u, of(LIFT))
    assert torch.equal(u.head.weight, before)
