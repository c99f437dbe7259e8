"""Where shapes are asked about: the bands around a surface, and the pool that steps are drawn from."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnscene.objective import Objective
from pinnscene.problems.eikonal_sdf import EikonalSdf
from pinnscene.problems.shapesampling import UNSEEN, Located, Places, Pool, located
from pinnscene.seeds import generator

FEW = {"pool": 2000, "n": 256, "slopes": 128}
RADIUS = 0.8  # of the built-in sphere


def test_points_lie_in_two_bands_around_the_surface_and_all_over_the_box() -> None:
    problem = EikonalSdf(shape="sphere", margin=0.5, **FEW)
    p = problem.places().draw(8000, generator(0, "test"))
    near, even = np.linalg.norm(p[:6000], axis=1) - RADIUS, p[6000:]
    widths = [0.005 * 2 * RADIUS, 0.03 * 2 * RADIUS]
    assert near.std() == pytest.approx(np.sqrt(np.mean(np.square(widths))), rel=0.05)
    # of two normal bands alike often, half of the narrow one's points and some of the wide one's are within its width
    assert (np.abs(near) < widths[0]).mean() == pytest.approx((0.683 + 0.132) / 2, abs=0.02)
    low, high = np.array(problem.domain.lower), np.array(problem.domain.upper)
    np.testing.assert_allclose(even.mean(0), (low + high) / 2, atol=0.1)
    np.testing.assert_allclose(even.std(0), (high - low) / np.sqrt(12), rtol=0.05)
    assert ((p >= low) & (p <= high)).all()


def test_points_never_leave_the_box() -> None:
    problem = EikonalSdf(shape="sphere", margin=1e-3, **FEW)
    p = Places(problem.truth, problem.domain, (1.0,), 0.0).draw(500, generator(0, "test"))
    assert problem.domain.distance(torch.from_numpy(p)).max() <= 1e-12


def rows(pool: Pool, unseen: bool, seed: int = 0) -> Tensor:
    found = pool(seed, unseen)
    assert isinstance(found, Located)
    return found.xyz


def test_held_out_rows_are_others_and_few_and_a_seed_decides_them() -> None:
    problem, again = (EikonalSdf(shape="sphere", **FEW) for _ in range(2))
    pool, other = (Pool(of.places(), 2000, located(of.truth)) for of in (problem, again))
    trained, unseen = rows(pool, False), rows(pool, True)
    assert (len(trained), len(unseen)) == (2000, 2000 * UNSEEN)
    assert not {tuple(r) for r in trained.tolist()} & {tuple(r) for r in unseen.tolist()}
    assert torch.equal(trained, rows(other, False)) and torch.equal(unseen, rows(other, True))
    assert not torch.equal(trained, rows(pool, False, seed=1))
    assert torch.equal(trained, rows(pool, False))  # made anew: those of one seed are kept at a time
    one = Pool(problem.places(), 1, located(problem.truth))
    assert not torch.equal(rows(one, False), rows(one, True))


def drawn(problem: EikonalSdf, seed: int, steps: int = 8) -> set[tuple[float, ...]]:
    """The points at which an objective of a seed has the distance, of some steps."""
    objective = Objective(problem.constraints(), seed, torch.device("cpu"), torch.float64)
    batches = [objective.batches(step)["distance"] for step in range(steps)]
    return {tuple(p) for batch in batches for p in batch.xyz.tolist()}


def test_the_seed_of_a_solve_decides_the_pool() -> None:
    problem = EikonalSdf(shape="sphere", **{**FEW, "pool": 200, "n": 500})
    first, second, again = drawn(problem, 0), drawn(problem, 1), drawn(problem, 0)
    assert len(first) == len(second) == 200  # every row of the one pool, and no other
    assert not first & second
    assert first == again


def test_steps_draw_from_the_pool_and_held_out_residuals_do_not() -> None:
    problem = EikonalSdf(shape="sphere", **{**FEW, "pool": 200, "n": 5000})
    constraint = problem.constraints()["distance"]
    batch, unseen = (constraint.draw("d", generator(0, "test"), heldout).xyz for heldout in (False, True))
    assert (len(batch), len(unseen)) == (5000, 5000)  # a batch may be larger than the pool
    assert len(batch.unique(dim=0)) == 200 and len(unseen.unique(dim=0)) == 10
    assert len(torch.cat([batch, unseen]).unique(dim=0)) == 210
