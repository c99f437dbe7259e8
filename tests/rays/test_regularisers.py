"""What is asked of a scene beside its colours."""

from dataclasses import replace

import pytest
import torch

from pinnscene.rays.composite import composite
from pinnscene.rays.regularisers import REGULARISERS, depth, distortion, entropy, variation


def ball(y):
    return 8 * torch.exp(-4 * y.square().sum(1))


@pytest.mark.parametrize("unbounded", [False, True])
def test_distortion_is_the_sum_over_all_pairs(around, known, unbounded):
    u, rays = known(ball, (-2.0, -2.0, -2.0), (2.0, 2.0, 2.0), samples=48, unbounded=unbounded), around(12)
    seen = composite(u, rays)
    found = distortion(u, rays, seen)
    place = (lambda t: torch.where(t < 1, t / 2, 1 - 0.5 / t)) if unbounded else lambda t: t
    for k in range(12):
        mine = seen.samples.ray == k
        near, far = place(seen.samples.start[mine] / 2), place(seen.samples.end[mine] / 2)
        weight, middle = seen.weights[mine], (near + far) / 2
        pairs = (weight[:, None] * weight * (middle[:, None] - middle).abs()).sum()
        expected = pairs + (weight.square() * (far - near)).sum() / 3
        torch.testing.assert_close(found[k, 0], expected, rtol=1e-10, atol=1e-12)


def test_distortion_is_larger_for_fog_than_for_a_wall(around, known):
    fog, wall = (known(law, samples=128) for law in (ball, lambda y: 1e5 * (y.norm(dim=1) < 0.7)))
    rays = around(30)
    thick, thin = (distortion(u, rays, composite(u, rays)).mean() for u in (fog, wall))
    assert float(thick) > 5 * float(thin)


def test_entropy_is_zero_for_all_or_nothing(around, known):
    rays = around(10)
    for factor, low, high in ((0.0, 0, 1e-4), (1e6, 0, 1e-4), (0.06, 0.2, 0.70)):
        u = known(lambda y, factor=factor: factor * ball(y), samples=64)
        found = entropy(u, rays, composite(u, rays))
        assert low <= float(found.mean()) <= high
    half = replace(composite(u, rays), opacity=torch.full((10, 1), 0.5))
    torch.testing.assert_close(entropy(u, rays, half), torch.full((10, 1), 2.0).log())


def test_variation_is_of_opacity_between_neighbours(around, known):
    rays = around(400)
    even = known(lambda y: 3.0 + 0 * y[:, 0], samples=64)
    assert float(variation(even, rays, composite(even, rays)).abs().max()) < 1e-12
    slope = known(lambda y: 3.0 + 2 * y[:, 0] - y[:, 2], samples=64)
    seen = composite(slope, rays)
    found = variation(slope, rays, seen)[seen.opacity[:, 0] > 0]
    # opacity is 1 - exp(-step density), step 2 sqrt(3) / 64, and the slope's length sqrt(5)
    step = 2 * 3**0.5 / 64
    low, high = (step**2 * 5**0.5 * torch.exp(-torch.tensor(step * d)) for d in (6.0, 0.0))
    assert float(found.min()) > 0.5 * low and float(found.max()) < 1.02 * high


def test_variation_smooths(around, known):
    """Its gradient takes the roughness out of a field."""
    g = torch.Generator().manual_seed(0)
    rough = (0.3 * torch.randn(6, 6, 6, generator=g, dtype=torch.float64)).requires_grad_()

    def law(y):
        inside = y.view(1, 1, 1, -1, 3)
        return 6 * torch.exp(torch.nn.functional.grid_sample(rough[None, None], inside, align_corners=True).flatten())

    u, before = known(law, samples=24), float(rough.detach().std())
    optimizer = torch.optim.Adam([rough], lr=0.04)
    for k in range(25):
        rays = around(100, seed=k)
        optimizer.zero_grad()
        variation(u, rays, composite(u, rays)).mean().backward()
        optimizer.step()
    assert float(rough.detach().std()) < 0.5 * before


def test_depth_is_the_distance_from_what_is_known(around, known):
    wall = known(lambda y: 1e6 * (y.norm(dim=1) < 0.7), (-2.0, -2.0, -2.0), (2.0, 2.0, 2.0), samples=500)
    rays = around(40)
    seen = composite(wall, rays)
    hit = (seen.opacity > 0.999)[:, 0]
    assert int(hit.sum()) > 10
    off = replace(rays, depth=seen.depth.detach() + 0.3)
    torch.testing.assert_close(depth(wall, off, seen)[hit], torch.full((int(hit.sum()), 1), 0.15, dtype=torch.float64))
    unknown = replace(rays, depth=torch.full_like(rays.far, torch.nan))
    assert float(depth(wall, unknown, seen).abs().max()) == 0
    assert float(depth(wall, rays, seen).abs().max()) == 0


def test_gradients_of_unknown_depths_are_zero(around, known):
    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)
    u, rays = known(lambda y: scale * ball(y)), around(6)
    known_depth = torch.tensor([[4.0], [torch.nan]] * 3, dtype=torch.float64)
    rays = replace(rays, depth=known_depth)
    depth(u, rays, composite(u, rays)).sum().backward()
    assert bool(torch.isfinite(scale.grad)) and float(scale.grad.abs()) > 0
    scale.grad = None
    rays = replace(rays, depth=torch.full_like(known_depth, torch.nan))
    depth(u, rays, composite(u, rays)).sum().backward()
    assert float(scale.grad) == 0


def test_depth_moves_a_wall_to_where_it_is(around, known):
    """From depths alone, a ball of fog at the wrong size comes to the right one."""
    radius = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    law = lambda y, r: 200 * torch.sigmoid((r - y.norm(dim=1)) / 0.05)
    u, truth = known(lambda y: law(y, radius), samples=96), known(lambda y: law(y, 0.8), samples=96)
    optimizer = torch.optim.Adam([radius], lr=0.02)
    for k in range(40):
        rays = around(60, seed=k)
        true = composite(truth, rays)
        rays = replace(rays, depth=torch.where(true.opacity > 0.9, true.depth, torch.nan))
        optimizer.zero_grad()
        depth(u, rays, composite(u, rays)).mean().backward()
        optimizer.step()
    assert float(radius.detach()) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("name", REGULARISERS)
def test_rays_that_miss_are_asked_nothing_and_have_gradients(beams, known, name):
    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)
    u = known(lambda y: scale * ball(y))
    rays = beams([[0.0, 5.0, 0.0]] * 3, [[1.0, 0, 0]] * 3)
    found = REGULARISERS[name](u, rays, composite(u, rays))
    assert found.shape == (3, 1) and float(found.detach().abs().max()) < 1e-4
