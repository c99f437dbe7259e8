"""Parameters as one vector, and back."""

from collections.abc import Sequence

import torch
from torch import Tensor


def flatten(parameters: Sequence[Tensor]) -> Tensor:
    """All entries, one parameter after the other."""
    return torch.cat([p.detach().flatten() for p in parameters])


@torch.no_grad()
def assign(parameters: Sequence[Tensor], flat: Tensor) -> None:
    """Put the entries of ``flat`` into the parameters, in the order of ``flatten``."""
    for p, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        p.copy_(part.view_as(p))
