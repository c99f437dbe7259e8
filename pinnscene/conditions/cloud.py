"""From a cloud of points to a code: a small PointNet (Qi et al. 1612.00593).

As in the point-cloud encoder of Occupancy Networks (Mescheder et al. 1812.03828, appendix), residual blocks see each
point beside the largest entries over the whole cloud, so that the result does not depend on the order of the points.
"""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pinnscene.conditions.base import Condition, conditions
from pinnscene.errors import PinnsceneError
from pinnscene.layers import Affine, stack

BLOCKS = 2


@conditions.register("cloud")
class CloudEncoder(Condition):
    """The code of a cloud of points, any number of them, in any order.

    Attributes:
        size: entries of a code.
        width: features of a point.
        inputs: coordinates of a point.
    """

    def __init__(self, *, size: int = 32, width: int = 64, inputs: int = 3) -> None:
        super().__init__()
        if size < 1 or width < 1 or inputs < 1:
            raise PinnsceneError(f"cloud expected size, width and inputs >= 1, got {size}, {width} and {inputs}")
        self.size, self.width, self.inputs = size, width, inputs
        self.first = Affine(inputs, width)
        self.blocks = stack(PooledBlock(width) for _ in range(BLOCKS))
        self.last = Affine(width, size)

    def forward(self, given: Tensor) -> Tensor:
        """The codes [b, size] of clouds [b, m, inputs], their coordinates about -1 to 1."""
        h = F.relu(F.linear(given, self.first.weight, self.first.bias))
        for block in self.blocks:
            h = block(h)
        return F.linear(F.relu(h.amax(1)), self.last.weight, self.last.bias)

    def reset(self, generator: torch.Generator) -> None:
        self.first.uniform(sqrt(6 / self.inputs), 1.0, generator)
        for block in self.blocks:
            block.reset(generator)
        self.last.uniform(1 / sqrt(self.width), 0.0, generator)


class PooledBlock(nn.Module):
    """h + V s(W [h, max h] + b) + c for features h [b, m, width]; s is relu and max runs over the m points."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.join, self.inner = Affine(2 * width, width), Affine(width, width)

    def forward(self, h: Tensor) -> Tensor:
        own, pooled = self.join.weight.chunk(2, 1)
        # the part of the maximum is the same for all points: once a cloud will do
        shared = F.linear(h.amax(1), pooled, self.join.bias)
        a = F.relu(F.linear(h, own) + shared[:, None])
        return h + F.linear(a, self.inner.weight, self.inner.bias)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights; the inner layer starts small, so that the block starts near the identity."""
        width = self.inner.weight.shape[1]
        self.join.uniform(sqrt(3 / width), 0.0, generator)
        self.inner.uniform(0.3 * sqrt(6 / width), 0.0, generator)
