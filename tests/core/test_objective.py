"""The objective: one weighted mean of penalties for every solver, on points that can be drawn again."""

from math import sqrt

import pytest
import torch

from pinnscene import Box, Constraint, PinnsceneError, partials
from pinnscene.objective import Objective
from pinnscene.penalty import absolute, square
from pinnscene.residual import Baseline, relative

BOX = Box(x=(0, 1), t=(0, 1))
CPU = torch.device("cpu")


def two_terms():
    return {
        "pde": Constraint(BOX.interior(20), lambda u, p: partials(u, p, "x") - p["t"], weight=0.5),
        "walls": Constraint(
            BOX.face(12, "x"),
            lambda u, p: {"value": u(p), "both": torch.cat([u(p), p.normal[:, :1] - u(p)], 1)},
            penalty={"value": square, "both": absolute},
            weight={"value": 2.0, "both": 3.0},
        ),
    }


def objective(constraints=None, seed=0, resample=True, dtype=torch.float64):
    return Objective(constraints or two_terms(), seed, CPU, dtype, resample)


def test_the_losses_are_what_they_say(make_field):
    """By hand, to rounding."""
    u, obj = make_field(BOX), objective()
    batches = obj.batches(3)
    losses = obj.losses(u, batches)
    inside, walls = batches["pde"], batches["walls"]
    by_hand = {
        "pde": 0.5 * (partials(u, inside, "x") - inside["t"]).square().mean(),
        "walls.value": 2 * u(walls).square().mean(),
        "walls.both": 3 * (u(walls).abs().mean() + (walls.normal[:, :1] - u(walls)).abs().mean()) / 2,
    }
    assert list(losses) == list(by_hand)
    for name, loss in losses.items():
        assert loss.shape == ()
        assert torch.allclose(loss, by_hand[name], rtol=1e-14)


def coords(batches):
    return torch.cat([b.coords for b in batches.values()])


def test_batches_can_be_drawn_again_and_change_with_step_seed_and_name():
    obj = objective()
    assert torch.equal(coords(obj.batches(3)), coords(obj.batches(3)))
    assert torch.equal(coords(obj.batches(3)), coords(objective().batches(3)))
    assert not torch.equal(coords(obj.batches(3)), coords(obj.batches(4)))
    assert not torch.equal(coords(obj.batches(3)), coords(objective(seed=1).batches(3)))
    same = Constraint(BOX.interior(20), lambda u, p: u(p))
    pair = objective({"a": same, "b": same}).batches(0)
    assert not torch.equal(pair["a"].coords, pair["b"].coords)


def test_without_resampling_every_step_has_the_points_of_step_zero():
    obj = objective(resample=False)
    assert torch.equal(coords(obj.batches(5)), coords(obj.batches(9)))
    assert torch.equal(coords(obj.batches(5)), coords(objective().batches(0)))


def test_batches_arrive_in_the_precision_of_the_phase():
    assert all(b.coords.dtype == torch.float32 for b in objective(dtype=torch.float32).batches(0).values())


def test_heldout_is_the_root_mean_square_on_points_of_its_own(make_field):
    seen = []

    def residual(u, p):
        seen.append(p.coords.clone())
        return u(p) - p["x"]

    u, obj = make_field(BOX), objective({"pde": Constraint(BOX.interior(50), residual, weight=4.0)})
    found = obj.heldout(u)
    held = seen[-1]
    assert found == pytest.approx(2 * float((u(held) - held[:, :1]).square().mean().sqrt().detach()), rel=1e-12)
    assert obj.heldout(u) == found
    for step in range(3):
        trained = obj.batches(step)["pde"].coords
        assert not (held[:, None] == trained[None]).all(-1).any()


def test_a_share_of_the_heldout_points_sees_every_wall(make_field):
    """A residual that only the upper wall breaks must not vanish because the rows of the lower wall come first."""
    u = make_field(BOX)
    broken = Constraint(BOX.face(64, "x"), lambda u, p: 0 * u(p) + (p.normal[:, :1] > 0))
    for share, expected in ((1.0, sqrt(0.5)), (0.5, sqrt(0.5)), (0.25, sqrt(0.5))):
        assert objective({"walls": broken}).heldout(u, share) == pytest.approx(expected, abs=0.1)


def test_a_residual_that_forgets_the_field_is_refused(make_field):
    obj = objective({"pde": Constraint(BOX.interior(5), lambda u, p: p["x"])})
    with pytest.raises(PinnsceneError, match="residual of 'pde' does not depend on the field"):
        obj.check(make_field(BOX))
    objective().check(make_field(BOX))


def test_no_constraint_is_refused():
    with pytest.raises(PinnsceneError, match="at least one constraint"):
        Objective({}, 0, CPU, torch.float64)


def test_the_relative_residual_of_a_zero_network_is_one(make_field):
    u = make_field(BOX)
    baseline = Baseline(objective(), u)
    with torch.no_grad():
        for p in u.head.parameters():
            p.zero_()
    assert baseline.relative(u) == pytest.approx(1.0, rel=1e-14)


def test_relative_residuals_of_windows_join():
    assert relative([(3.0, 6.0), (4.0, 8.0)]) == pytest.approx(5 / 10)
    assert relative([(0.25, 0.0)]) == 0.25
    assert relative([]) != relative([])
