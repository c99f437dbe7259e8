"""Initialisation: the statistics that the papers ask for, from a generator alone."""

from math import pi, sqrt

import pytest
import torch

from pinnscene import Box, Constraint, FieldSpec
from pinnscene.backbones import backbones
from pinnscene.encodings import encodings
from pinnscene.plan import make_plan
from pinnscene.trainer import train

BOX = Box(x=(-1, 1), t=(-1, 1))


@pytest.fixture(autouse=True)
def _no_gradients(request):
    """Statistics of weights need none; training switches them on for itself."""
    if "training" in request.node.name:
        yield
    else:
        with torch.no_grad():
            yield


def siren(width=256, depth=4, inputs=2, **knobs):
    built = backbones["siren"](inputs, width=width, depth=depth, **knobs).double()
    built.reset(torch.Generator().manual_seed(0))
    return built


def test_siren_weights_fill_the_bounds_of_the_paper():
    """First layer +-1/n, later ones +-sqrt(6/n)/omega (2006.09661, theorem 1.8): none beyond, and the largest of the
    256 * n draws within 3% of the bound (missing it has probability 0.97^512 < 1e-6).
    """
    net = siren(omega=20.0)
    bounds = [1 / 2] + [sqrt(6 / 256) / 20] * 3
    for layer, bound in zip(net.layers, bounds, strict=True):
        largest = float(layer.weight.abs().max())
        assert 0.97 * bound < largest <= bound
        assert float(layer.bias.abs().max()) <= 1 / sqrt(layer.weight.shape[1])


def test_siren_preactivations_stay_standard_through_depth():
    """Omega W h of later layers is N(0, 1) in the paper: each unit's mean square over points, averaged over units.

    A tolerance of 15%: 256 units whose inputs are one draw of the layer before, so about 3 sqrt(2 / 256) = 27% for a
    single unit's share of it, less for the mean; seen over four seeds.
    """
    for seed in range(4):
        net = siren(depth=5)
        net.reset(torch.Generator().manual_seed(seed))
        h = torch.rand(4000, 2, generator=torch.Generator().manual_seed(9), dtype=torch.float64) * 2 - 1
        for k, (layer, sine) in enumerate(zip(net.layers, net.sines, strict=True)):
            z = sine.omega * h @ layer.weight.T
            if k:
                assert float(z.square().mean()) == pytest.approx(1, abs=0.15)
            h = sine(layer(h))
            if k:
                assert float(h.square().mean()) == pytest.approx(0.5, abs=0.05)  # arcsine: variance 1/2


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "softplus", "sine"])
def test_mlp_weights_after_he_or_glorot(activation):
    """Variance 2/n (He) or 1/n (Glorot, square layers); 5 standard errors of the variance of 128^2 uniform draws is
    5 * sqrt(0.8 / 16384) = 3.5%.
    """
    net = backbones["mlp"](128, width=128, depth=2, activation=activation).double()
    net.reset(torch.Generator().manual_seed(0))
    expected = (1 if activation in ("tanh", "sine") else 2) / 128
    for layer in net.layers:
        assert float(layer.weight.var()) == pytest.approx(expected, rel=0.035)


@pytest.mark.parametrize("name", ["fourier", "learned-fourier"])
def test_fourier_frequencies_have_their_sigma(name):
    """6000 draws: 5 standard errors of a standard deviation are 5 / sqrt(2 * 6000) = 4.6%."""
    encoding = encodings[name](3, features=2000, sigma=2.5).double()
    encoding.reset(torch.Generator().manual_seed(0))
    assert float(encoding.frequencies.std()) == pytest.approx(2.5, rel=0.046)
    assert abs(float(encoding.frequencies.mean())) < 5 * 2.5 / sqrt(6000)
    assert encoding.redraw(torch.tensor([1.0, 10.0, 100.0]), torch.Generator().manual_seed(0))
    spread = 2 * pi * encoding.frequencies.std(0)
    assert torch.allclose(spread, torch.tensor([1.0, 10.0, 100.0]).double(), rtol=5 / sqrt(2 * 2000))


def test_random_features_turn_by_their_scales(make_field):
    """The first layer's sin(W x + b): each column of W within its scale and filling it, phases over a full turn."""
    u = make_field(BOX, width=256, depth=1)
    u.redraw(torch.tensor([2.0, 50.0]), torch.Generator().manual_seed(0))
    turns = u.backbone.first * u.backbone.layers[0].weight
    for column, scale in zip(turns.T, (2.0, 50.0), strict=True):
        assert 0.97 * scale < float(column.abs().max()) <= scale
        assert float(column.std()) == pytest.approx(scale / sqrt(3), rel=0.05)
    phases = u.backbone.first * u.backbone.layers[0].bias
    assert float(phases.abs().max()) <= pi
    assert float(phases.std()) == pytest.approx(pi / sqrt(3), rel=0.05)
    assert not any(p.any() for p in u.head.parameters())


@pytest.mark.parametrize("encoding", list(encodings))
@pytest.mark.parametrize("backbone", [name for name in backbones if name != "singular"])
def test_the_same_seed_gives_the_same_bits(make_field, backbone, encoding):
    torch.manual_seed(1)
    first = make_field(BOX, backbone, encoding).state_dict()
    torch.manual_seed(2)
    second = make_field(BOX, backbone, encoding).state_dict()
    other = make_field(BOX, backbone, encoding, seed=1).state_dict()
    assert all(torch.equal(second[k], t) for k, t in first.items())
    assert any(not torch.equal(other[k], t) for k, t in first.items())


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "head"])
def test_building_and_training_leave_the_global_random_state_alone(toy, solver):
    problem = toy(BOX, {"fit": Constraint(BOX.interior(20, "sobol"), lambda u, p: u(p) - torch.sin(3 * p["x"]))})
    torch.manual_seed(5)
    before = torch.get_rng_state()
    plan = make_plan(solver, {solver: {"steps": 3}})
    train(problem, FieldSpec("siren", knobs={"width": 8, "depth": 1}), plan, device="cpu")
    assert torch.equal(before, torch.get_rng_state())


def test_positional_knows_its_size():
    assert encodings["positional"](3, frequencies=4).outputs == 3 * (1 + 2 * 4)


def test_pairs_of_axes(make_field):
    """The share asked for turns along two axes only, every pair in turn; the others along all."""
    u = make_field(Box(x=(0, 1), y=(0, 1), z=(0, 1), t=(0, 1)), "siren", width=24, depth=1, pairs=0.5)
    u.redraw(torch.ones(4), torch.Generator().manual_seed(0))
    turning = (u.backbone.layers[0].weight != 0).sum(1)
    assert turning.tolist() == [2] * 12 + [4] * 12
    assert len({tuple(row.nonzero()[:, 0].tolist()) for row in u.backbone.layers[0].weight[:6]}) == 6
