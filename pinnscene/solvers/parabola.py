"""The parabola that second-order solvers put in the place of a penalty, as rows of a least-squares problem.

With scale s = sqrt(weight curvature / (2 entries)) and target y = -slope / curvature, the loss of residuals r + d is
sum (s (d - y))^2 up to third order and a constant: for squares s = sqrt(weight / entries), y = -r, exactly.
"""

from torch import Tensor

from pinnscene.constraint import Block
from pinnscene.objective import entries


def row_scale(block: Block) -> Tensor:
    """What the rows of a residual [n, k] are multiplied by, so that their squares sum to its loss."""
    r = block.residual
    return (block.weight * block.penalty.curvature(r) / (2 * entries(r))).sqrt()


def row_target(block: Block) -> Tensor:
    """The change [n, k] of a residual that brings its parabola to its vertex."""
    r = block.residual
    return -block.penalty.slope(r) / block.penalty.curvature(r)
