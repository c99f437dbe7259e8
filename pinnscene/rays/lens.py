"""What a lens does to the straight lines of a pinhole camera."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Lens:
    """A lens that bends nothing; subclasses bend.

    Places are on the plane at distance 1 in front of the camera: across and down, [n, 2], float64.
    """

    def bend(self, plane: Tensor) -> Tensor:
        """Where straight rays through ``plane`` [n, 2] fall on the sensor [n, 2], in units of the focal length."""
        return plane

    def straighten(self, seen: Tensor) -> Tensor:
        """The inverse of ``bend``: the straight rays [n, 2] that fall on places [n, 2] of the sensor."""
        return seen


PINHOLE = Lens()
