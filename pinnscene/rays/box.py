"""Where rays cross a box."""

import torch
from torch import Tensor


def slab(lower: Tensor, upper: Tensor, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Distances [n, 1] at which rays [n, 3] enter and leave a box; where they miss it, the second is the lesser."""
    tiny = torch.finfo(directions.dtype).tiny ** 0.5
    inverse = 1 / torch.where(directions.abs() < tiny, torch.full_like(directions, tiny), directions)
    first, second = (lower - origins) * inverse, (upper - origins) * inverse
    return torch.minimum(first, second).amax(1, keepdim=True), torch.maximum(first, second).amin(1, keepdim=True)
