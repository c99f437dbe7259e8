"""Samples where a first look found something: from the inverse of a distribution (2003.08934, section 5.2)."""

import torch
from torch import Tensor

from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.even import spread
from pinnscene.rays.samples import Samples, stretches

FLOOR = 1e-2  # share of the finer samples that is spread evenly, lest a place be never looked at again


def draw(edges: Tensor, weights: Tensor, places: Tensor) -> Tensor:
    """Distances [n, k] at which a distribution along rays has summed up to ``places`` [n, k], from 0 to 1.

    It is constant between ``edges`` [n, s + 1], in proportion to ``weights`` [n, s] and not to their lengths.
    """
    weights = weights / weights.sum(1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    summed = torch.cat([torch.zeros_like(weights[:, :1]), weights.cumsum(1)], 1)
    summed = summed / summed[:, -1:].clamp(min=torch.finfo(weights.dtype).tiny)
    right = torch.searchsorted(summed.contiguous(), places.contiguous(), right=True).clamp(1, edges.shape[1] - 1)
    low, high = summed.gather(1, right - 1), summed.gather(1, right)
    share = ((places - low) / (high - low).clamp(min=torch.finfo(weights.dtype).tiny)).clamp(0, 1)
    first, last = edges.gather(1, right - 1), edges.gather(1, right)
    return first + share * (last - first)


def refine(samples: Samples, weights: Tensor, rays: RayBatch, count: int) -> Samples:
    """The stretches of an even look with ``count`` more edges a ray, most of them where ``weights`` [m] are large.

    Every ray must have the same number of stretches, one after the other.
    """
    table = samples.table(weights)
    start = samples.table(samples.start)
    edges = torch.cat([start, samples.end.view(samples.count, -1)[:, -1:]], 1)
    table = table + FLOOR * (table.sum(1, keepdim=True) + 1e-6) / table.shape[1]
    places = (torch.arange(count, device=edges.device) + spread(rays.jitter, count)) / count
    return stretches(torch.cat([edges, draw(edges, table, places)], 1).sort(1).values)
