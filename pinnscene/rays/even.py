"""Samples spread evenly over each ray."""

import torch
from torch import Tensor

from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.samples import Samples, stretches

GOLDEN = 0.6180339887498949  # multiples of it fill [0, 1] evenly


def spread(jitter: Tensor, count: int) -> Tensor:
    """``count`` numbers from 0 to 1 a ray [n, count] from one [n, 1], each in a place of its own."""
    return (jitter + GOLDEN * torch.arange(count, device=jitter.device, dtype=jitter.dtype)) % 1.0


def even(rays: RayBatch, count: int) -> Samples:
    """``count`` stretches a ray between its near and far ends, the edges between them jittered within half a bin."""
    return stretches(rays.near + shares(rays, count) * (rays.far - rays.near))


def shares(rays: RayBatch, count: int) -> Tensor:
    """The edges [n, count + 1] of ``count`` stretches a ray, as shares of its way from 0 to 1."""
    inner = torch.arange(1, count, device=rays.near.device, dtype=rays.near.dtype)
    moved = (inner + (spread(rays.jitter, count - 1) - 0.5)) / count
    ends = rays.near.new_zeros(len(rays), 1)
    return torch.cat([ends, moved, ends + 1], 1)
