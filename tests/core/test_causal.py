"""Causal weights: their formula, their schedule, and that early times are learnt first."""

from math import exp

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, FieldSpec, PinnsceneError, partials
from pinnscene.causal import Causal
from pinnscene.emphasis import Emphasis
from pinnscene.objective import Objective
from pinnscene.plan import make_plan
from pinnscene.seeds import generator
from pinnscene.trainer import train

TIME = Box(t=(0.0, 1.0))
BOX = Box(x=(0.0, 1.0), t=(0.0, 2.0))


def wrapped(causal, residual, n=64, box=BOX, weight=1.0):
    return causal.wrap("pde", Constraint(box.interior(n), residual, weight=weight))


def test_weights_are_the_formula_of_the_paper(make_field):
    """A residual of t alone: the sums of the chunks by hand."""
    causal = Causal(chunks=4, epsilon=(0.7,))
    u, constraint = make_field(BOX), wrapped(causal, lambda u, p: 0 * u(p) + 1 + p["t"], n=32)
    batch = constraint.draw("pde", generator(0, "refresh"))
    constraint.march.refresh(u, 0, generator(0, "refresh"))
    t = batch["t"][:, 0].sort().values
    losses = [float((1 + part).square().mean()) for part in t.split(8)]
    expected = [exp(-0.7 * sum(losses[:k])) for k in range(4)]
    weights = constraint.march(batch)[:, 0]
    by_time = weights[batch["t"][:, 0].argsort()]
    assert by_time.tolist() == pytest.approx([w for w in expected for _ in range(8)])
    block = constraint.blocks("pde", u, batch)[0]
    assert torch.equal(block.weight, weights[:, None])
    assert constraint.plain.blocks("pde", u, batch)[0].weight == 1.0


def test_the_loss_is_the_weighted_mean(make_field):
    residual = lambda u, p: {"a": u(p) - 1, "b": partials(u, p, "t") * torch.ones(1, 2)}
    causal, u = Causal(chunks=3, epsilon=(2.0,)), make_field(BOX)
    constraint = wrapped(causal, residual, weight={"a": 1.0, "b": 3.0})
    objective = Objective({"pde": constraint}, 0, torch.device("cpu"), torch.float64)
    objective.refresh(u, 0)
    batch = objective.batches(0)["pde"]
    w = constraint.march(batch)
    assert 0 < float(w.min()) < float(w.max()) == 1
    losses = objective.losses(u, {"pde": batch})
    by_hand = {
        "pde.a": (w * (u(batch) - 1) ** 2).mean(),
        "pde.b": 3 * (w * partials(u, batch, "t") ** 2).mean(),
    }
    assert losses.keys() == by_hand.keys()
    assert all(torch.allclose(losses[name], value) for name, value in by_hand.items())


def test_heldout_residuals_know_nothing_of_the_weights(make_field):
    residual, u = lambda u, p: u(p) - 2, make_field(BOX)
    plain = Objective({"pde": Constraint(BOX.interior(64), residual)}, 0, torch.device("cpu"), torch.float64)
    weighted = Objective({"pde": wrapped(Causal(), residual)}, 0, torch.device("cpu"), torch.float64)
    weighted.refresh(u, 0)
    assert weighted.heldout(u) == plain.heldout(u)
    assert bool(weighted.losses(u, weighted.batches(0))["pde"] < plain.losses(u, plain.batches(0))["pde"])


def test_epsilon_grows_once_all_times_are_learnt(make_field):
    size = [1.0]
    constraint = wrapped(Causal(chunks=4, epsilon=(1.0, 10.0)), lambda u, p: 0 * u(p) + size[0])
    u, seen = make_field(BOX), []
    for step, size[0] in enumerate([1.0, 0.5, 0.05, 0.05, 0.001]):
        constraint.march.refresh(u, step, generator(0, step))
        seen.append((constraint.march.level, float(constraint.march.weights.min())))
    assert [level for level, _ in seen] == [0, 0, 1, 1, 1]
    assert seen[3][1] == pytest.approx(exp(-10 * 3 * 0.05**2))


def test_fewer_points_than_chunks_are_chunks_of_their_own(make_field):
    constraint = wrapped(Causal(chunks=16), lambda u, p: u(p) - 2, n=3)
    constraint.march.refresh(make_field(BOX), 0, generator(0))
    assert len(constraint.march.weights) == 3


def oscillator(toy, omega=15.0):
    """U'' = -omega^2 u from u = 1, u' = 0: descent ends in u = 0 for all later times, where the residual is small."""
    pde = lambda u, p: partials(u, p, "tt") / omega**2 + u(p)
    ansatz = Ansatz(lambda p: 0 * p["t"] + 1, lambda p: p["t"] ** 2)
    return toy(TIME, {"pde": Constraint(TIME.interior(32, "sobol"), pde)}, ("u",), ansatz)


def test_early_times_are_learnt_first(toy):
    """Seen in the first third: errors of 0.56 and 0.58 without, 0.25 and 0.23 with the weights."""
    spec = FieldSpec("siren", knobs={"width": 24, "depth": 2, "first": 6.0, "omega": 3.0})
    plan = make_plan("adam", {"adam": {"steps": 800, "every": 400, "lr": 1e-2}})
    t, errors = torch.linspace(0, 1, 301)[:100, None], []
    for emphasis in (Emphasis(), Emphasis(causal={"pde": Causal(epsilon=(10.0,))})):
        wrap = lambda stage, emphasis=emphasis: emphasis.wrap(stage.constraints())
        u = train(oscillator(toy), spec, plan, device="cpu", constraints=wrap).field
        with torch.no_grad():
            errors.append(float((u(t) - torch.cos(15 * t)).abs().mean()))
    assert errors[1] < 0.6 * errors[0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Causal(chunks=1), "chunks >= 2"),
        (lambda: Causal(epsilon=()), "positive numbers for epsilon"),
        (lambda: Causal(epsilon=(1.0, -1.0)), "positive numbers for epsilon"),
        (lambda: Causal(threshold=1.0), "threshold < 1"),
        (lambda: Causal(every=0), "every >= 1"),
    ],
)
def test_bad_knobs_are_refused(make, said):
    with pytest.raises(PinnsceneError, match=said):
        make()
