"""Whether a solid has an inside at all, by cells that its distance rules out."""

import torch
from torch import Tensor

from pinnscene.scenes.solid import Solid

DEPTH = 7  # cells of 1/256 of the box's sides
MOST = 1 << 18  # cells looked at on one level


def has_inside(solid: Solid) -> bool:
    """Find a point inside, or rule out that there is one bigger than about 1/256 of the bounding box.

    No point of a cell lies inside where the distance at its centre is greater than the cell's half diagonal:
    that holds for every function of Lipschitz constant 1. What is left is cut into eight.
    """
    lower, upper = torch.tensor([solid.lower, solid.upper], dtype=torch.float64)
    if bool((lower >= upper).any()):
        return False
    half = (upper - lower) / 2
    centres = (lower + half)[None]
    for _ in range(DEPTH + 1):
        centres, half = _cut(centres, half), half / 2
        distance = solid.distance(centres)[:, 0]
        if bool((distance < 0).any()):
            return True
        near = distance <= half.norm()
        # of too many cells those nearest to an inside are followed
        centres = centres[near][distance[near].argsort()[:MOST]]
    return False


def _cut(centres: Tensor, half: Tensor) -> Tensor:
    """The centres [8 n, 3] of the eight parts of each cell."""
    signs = torch.cartesian_prod(*[centres.new_tensor((-0.5, 0.5))] * 3)
    return (centres[:, None] + signs * half).reshape(-1, 3)
