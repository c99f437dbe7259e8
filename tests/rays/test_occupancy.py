"""The grid of what is worth a look."""

import pytest
import torch

from pinnscene.errors import PinnsceneError
from pinnscene.rays.occupancy import EVERY, FIRST, Occupancy


def ball(x: torch.Tensor) -> torch.Tensor:
    return 50.0 * (x.norm(dim=1) < 0.5)


def trained(density, cells: int = 16, refreshes: int = 150) -> Occupancy:
    grid = Occupancy(cells)
    for _ in range(EVERY * refreshes):
        grid.refresh(density, 0.1)
    return grid


def test_cells_and_their_numbers():
    grid = Occupancy(6)
    numbers = torch.arange(216)
    assert torch.equal(grid.number(grid.centres(numbers)).long(), numbers)
    edge = grid.number(torch.tensor([[-9.0, 0.1, 9.0], [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]))
    assert edge.tolist() == [3 * 6 + 5, 0, 215]


def test_empty_cells_are_given_up_and_those_of_a_ball_are_kept():
    grid = trained(ball)
    middles = grid.centres(torch.arange(16**3)).norm(dim=1)
    half = 3**0.5 / 16
    assert bool(grid.occupied[middles < 0.5 - half].all())
    assert not bool(grid.occupied[middles > 0.5 + half].any())
    assert float(grid.upper.max()) < 0.7 and float(grid.lower.min()) > -0.7
    inside = grid.centres(grid.occupied.nonzero()[:, 0])
    assert bool((inside > grid.lower).all()) and bool((inside < grid.upper).all())


def test_no_cell_is_given_up_at_first():
    grid = trained(lambda x: 0 * x[:, 0], refreshes=FIRST)
    assert bool(grid.occupied.all())
    for _ in range(EVERY):
        grid.refresh(lambda x: 0 * x[:, 0], 0.1)
    assert not bool(grid.occupied.any())


def test_what_comes_into_an_empty_cell_is_found_again():
    grid = trained(lambda x: 0 * x[:, 0], refreshes=FIRST + 1)
    for _ in range(40 * EVERY):
        grid.refresh(ball, 0.1)
    assert bool(grid.occupied[grid.centres(torch.arange(16**3)).norm(dim=1) < 0.35].all())


def test_cells_that_are_not_allowed_stay_empty():
    grid = Occupancy(8)
    allowed = torch.zeros(8, 8, 8, dtype=torch.bool)
    allowed[2:4, 3:5, 5:8] = True
    grid.restrict(allowed)
    for _ in range(EVERY * (FIRST + 2)):
        grid.refresh(lambda x: 100 + 0 * x[:, 0], 0.1)
    assert torch.equal(grid.occupied.view(8, 8, 8), allowed)
    torch.testing.assert_close(grid.lower, torch.tensor([-0.5, -0.25, 0.25]))
    torch.testing.assert_close(grid.upper, torch.tensor([0.0, 0.25, 1.0]))


def test_cells_that_reach_into_the_ball():
    grid = Occupancy(12)
    samples = torch.rand(200_000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    held = torch.zeros(12**3, dtype=torch.bool)
    held[grid.number(samples[samples.norm(dim=1) < 1]).long()] = True
    wide = grid.ball().flatten()
    assert bool(wide[held].all()) and int(wide.sum()) <= 1.06 * int(held.sum())


def test_is_saved_and_loaded_whole_and_refreshed_alike():
    grid, other = trained(ball, refreshes=30), Occupancy(16)
    other.load_state_dict(grid.state_dict())
    for _ in range(EVERY):
        grid.refresh(ball, 0.1)
        other.refresh(ball, 0.1)
    for mine, theirs in zip(grid.buffers(), other.buffers(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("cells", [3, 513])
def test_sizes_that_are_none(cells):
    with pytest.raises(PinnsceneError, match="4 to 512"):
        Occupancy(cells)
