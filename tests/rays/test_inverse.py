"""Sampling from the inverse of a distribution along rays."""

import numpy as np
import torch

from pinnscene.rays.even import even
from pinnscene.rays.inverse import draw, refine


def test_draw_is_the_inverse_of_the_summed_distribution():
    g = torch.Generator().manual_seed(0)
    edges = torch.rand(6, 9, generator=g, dtype=torch.float64).cumsum(1)
    weights = torch.rand(6, 8, generator=g, dtype=torch.float64) + 1e-3
    places = torch.rand(6, 40, generator=g, dtype=torch.float64)
    found = draw(edges, weights, places)
    for row, place, edge, weight in zip(*(t.numpy() for t in (found, places, edges, weights)), strict=True):
        summed = np.concatenate([[0], np.cumsum(weight / weight.sum())])
        np.testing.assert_allclose(row, np.interp(place, summed, edge), atol=1e-12)


def test_stretches_of_no_weight_are_left_out():
    edges = torch.arange(6.0, dtype=torch.float64)[None]
    found = draw(edges, torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0]], dtype=torch.float64), torch.linspace(0, 1, 101)[None])
    assert bool((((found > 1 - 1e-9) & (found < 2 + 1e-9)) | ((found > 3 - 1e-9) & (found < 4 + 1e-9))).all())


def test_a_histogram_of_many_draws_is_the_distribution():
    weights = torch.tensor([[1.0, 5.0, 0.0, 2.0]], dtype=torch.float64)
    places = (torch.arange(8000, dtype=torch.float64)[None] + 0.5) / 8000
    found = draw(torch.arange(5.0, dtype=torch.float64)[None], weights, places)[0]
    counted = torch.histc(found, 4, 0, 4)
    torch.testing.assert_close(counted / 8000, weights[0] / 8, rtol=0, atol=1e-3)


def test_refine_looks_where_weights_are_large_and_everywhere_a_little(around):
    rays = around(30, near=0.0, far=1.0)
    samples = even(rays, 10)
    weights = torch.zeros(30, 10, dtype=torch.float64)
    weights[:, 3] = 0.9
    fine = refine(samples, weights.flatten(), rays, 50)
    assert len(fine) == 30 * 60
    start = samples.start.view(30, 10)
    edges = torch.cat([fine.start.view(30, 60), fine.end.view(30, 60)[:, -1:]], 1)
    assert bool((edges.diff(dim=1) >= 0).all())
    inside = (edges > start[:, 3:4]) & (edges < start[:, 4:5])
    assert int(inside.sum(1).min()) >= 48
    for edge in start.T:  # those of the first look are kept
        assert bool((edges == edge[:, None]).any(1).all())


def test_rays_that_found_nothing_are_refined_evenly(around):
    rays = around(4, near=2.0, far=3.0)
    samples = even(rays, 8)
    fine = refine(samples, torch.zeros(32, dtype=torch.float64), rays, 24)
    edges = fine.start.view(4, 32)
    assert bool(torch.isfinite(edges).all()) and float(edges.diff(dim=1).max()) < 0.13
