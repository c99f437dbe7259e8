"""Marching through occupied cells, against brute force."""

import pytest
import torch

from pinnscene.rays.box import slab
from pinnscene.rays.marching import march, march_far
from pinnscene.rays.occupancy import Occupancy

LOWER, UPPER = (torch.tensor(v, dtype=torch.float64) for v in ([-1.0, -0.5, -1.5], [1.0, 0.7, 0.5]))


def place(x: torch.Tensor) -> torch.Tensor:
    return (x - (LOWER + UPPER) / 2) / ((UPPER - LOWER) / 2)


def some(share: float, cells: int = 8) -> Occupancy:
    grid = Occupancy(cells).double()
    grid.restrict(torch.rand(cells, cells, cells, generator=torch.Generator().manual_seed(3)) < share)
    return grid


def marched(rays, grid: Occupancy, step: float):
    half = (UPPER - LOWER) / 2
    middle = (UPPER + LOWER) / 2
    return march(rays, grid, place, middle + grid.lower * half, middle + grid.upper * half, step)


def test_slab_is_where_rays_cross_a_box(beams):
    rays = beams(
        [[-3.0, 0, 0], [-3.0, 2, 0], [0.0, 0, 0], [0.0, 0, -4]], [[1.0, 0, 0], [1.0, 0, 0], [0, 1, 1], [0, 0, 1]]
    )
    enter, leave = slab(LOWER, UPPER, rays.origins, rays.directions)
    hit = (leave > enter)[:, 0]
    assert hit.tolist() == [True, False, True, True]
    torch.testing.assert_close(enter[[0, 3], 0], torch.tensor([2.0, 2.5], dtype=torch.float64))
    torch.testing.assert_close(leave[hit, 0], torch.tensor([4.0, 0.5 * 2**0.5, 4.5], dtype=torch.float64))


def test_every_occupied_cell_that_a_ray_crosses_is_looked_at(around):
    """All cells that it is in for more than a step, and no cell that is empty."""
    rays, grid, step = around(200), some(0.3), 0.05
    samples = marched(rays, grid, step)
    t = torch.arange(0, 10, 0.002, dtype=torch.float64)
    x = place(rays.origins[:, None] + t[:, None] * rays.directions[:, None])
    number = grid.number(x).long()
    seen = (x.abs().amax(2) < 1) & grid.occupied[number]
    crossed = torch.zeros(len(rays), 8**3).scatter_add_(1, number, seen.float()) * 0.002
    middles = rays.origins[samples.ray] + samples.middle[:, None] * rays.directions[samples.ray]
    looked = torch.zeros(len(rays), 8**3, dtype=torch.bool)
    looked[samples.ray, grid.number(place(middles)).long()] = True
    assert int((crossed > step).sum()) > 300
    assert bool(looked[crossed > step + 0.004].all())
    whole = samples.length > step - 1e-9  # stretches that are cut at the end of the box have another middle
    assert bool(grid.occupied[grid.number(place(middles[whole])).long()].all())


def test_stretches_of_a_full_box_are_its_chord(around):
    rays, grid = around(300), some(2.0)
    samples = marched(rays, grid, 0.07)
    enter, leave = slab(LOWER, UPPER, rays.origins, rays.directions)
    chord = (leave - enter).clamp(min=0)
    torch.testing.assert_close(samples.total(samples.length[:, None]), chord)
    assert bool((samples.length > 0).all()) and float(samples.length.max()) < 0.07 + 1e-9
    assert bool((samples.start >= enter[samples.ray, 0] - 1e-12).all())


def test_near_and_far_cut_the_stretches(around):
    samples = marched(around(100, near=3.5, far=4.0), some(2.0), 0.07)
    assert len(samples) and float(samples.start.min()) >= 3.5 and float(samples.end.max()) <= 4.0


def test_the_mean_over_the_jitter_is_the_length_in_occupied_cells(beams):
    """A ray whose samples lie anywhere in their steps measures cells without a bias."""
    grid = some(0.4)
    jitter = torch.linspace(0, 1, 400, dtype=torch.float64)[:, None]
    o = torch.tensor([[-3.0, 0.11, -0.4]]).expand(400, 3)
    samples = marched(beams(o, [[1.0, 0.02, 0.1]] * 400, jitter=jitter), grid, 0.1)
    t = torch.arange(0, 10, 1e-4, dtype=torch.float64)
    d = torch.tensor([1.0, 0.02, 0.1], dtype=torch.float64)
    x = place(torch.tensor([-3.0, 0.11, -0.4], dtype=torch.float64) + t[:, None] * d / d.norm())
    seen = ((x.abs().amax(1) < 1) & grid.occupied[grid.number(x).long()]).sum() * 1e-4
    assert float(samples.length.sum()) / 400 == pytest.approx(float(seen), abs=0.01)


def test_rays_that_miss_and_no_rays_at_all(beams, around):
    assert len(marched(beams([[-3.0, 9, 0]] * 3, [[1.0, 0, 0]] * 3), some(0.5), 0.1)) == 0
    none = marched(around(5)[:0], some(0.5), 0.1)
    assert len(none) == 0 and none.count == 0
    behind = beams([[3.0, 0, 0]] * 3, [[1.0, 0, 0]] * 3)
    assert len(marched(behind, some(2.0), 0.1)) == 0


def test_a_camera_far_away_finds_the_same_cells_in_single_precision(beams):
    o = torch.tensor([[-2000.0, 0.13, -0.37]])
    found = []
    for dtype in (torch.float32, torch.float64):
        rays = beams(o, [[1.0, 0, 0]], far=1e4).to("cpu", dtype)
        grid = some(0.4, 16).to(dtype)
        half, middle = ((UPPER - LOWER) / 2).to(dtype), ((UPPER + LOWER) / 2).to(dtype)
        at = lambda x, half=half, middle=middle: (x - middle) / half
        found.append(march(rays, grid, at, middle - half, middle + half, 0.02))
    assert len(found[0]) == len(found[1]) > 5
    torch.testing.assert_close(found[0].middle.double(), found[1].middle, rtol=0, atol=1e-3)


def test_far_marching_keeps_the_stretches_of_occupied_cells(around):
    rays, grid = around(50), some(0.5)
    edges = torch.linspace(0, 8, 60, dtype=torch.float64).expand(50, 60)
    samples = march_far(rays, grid, place, edges)
    middles = place(rays.at((edges[:, :-1] + edges[:, 1:]) / 2))
    expected = grid.occupied[grid.number(middles)]
    assert len(samples) == int(expected.sum())
    assert torch.equal(samples.ray, expected.nonzero()[:, 0])
    torch.testing.assert_close(samples.length, torch.full_like(samples.length, 8 / 59))
