"""Rays as a batch: where they start, where they go, and what was seen along them."""

from dataclasses import dataclass

from torch import Tensor

from pinnscene.batch import Batch


@dataclass(frozen=True, eq=False)
class RayBatch(Batch):
    """Rays, with the randomness that is spent along them, so that any batch can be drawn again.

    Attributes:
        origins: where they start [n, 3], in the scene's units.
        directions: unit vectors [n, 3].
        near, far: the stretch of each ray to look at [n, 1], distances along it.
        jitter: where within its bin each sample lies, from 0 to 1 [n, 1]; 0.5 for the middle.
        radius: half the width of the pixel's cone at distance 1 [n, 1].
        background: the colour behind everything [n, 3].
        colour: the colour that was seen [n, 3], from 0 to 1.
        depth: the known distance along the ray [n, 1], NaN where it is not known.
    """

    origins: Tensor
    directions: Tensor
    near: Tensor
    far: Tensor
    jitter: Tensor
    radius: Tensor
    background: Tensor
    colour: Tensor | None = None
    depth: Tensor | None = None

    def at(self, t: Tensor) -> Tensor:
        """The points [n, s, 3] at distances t [n, s] along the rays."""
        return self.origins[:, None] + t[..., None] * self.directions[:, None]
