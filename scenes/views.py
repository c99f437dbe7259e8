"""Posed views: pictures of one scene with the cameras that took them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pinnscene.rays import PosedCamera

EVERY = 8  # where no split is given, one view of so many is held out


@dataclass(frozen=True, eq=False)
class Views:
    """Pictures with cameras, in a world of float64 coordinates about ``origin``.

    Attributes:
        cameras: one a picture.
        read: picture k as bytes [height, width, 3 or 4], the fourth being opacity (straight, not premultiplied).
        train, test: numbers of the pictures to train on, and of those held out.
        lower, upper: the box [3] that holds what is to be seen; for an unbounded scene, its near part.
        near, far: distances along rays between which there is something to see.
        background: colour from 0 to 1 behind transparent pixels; None where pictures have no opacity, and show what
            is behind.
        unbounded: whether there is something to see beyond the box.
        origin: what is added to every coordinate to be in the file's own place.
        read_depth: the distance along the ray of each pixel [height, width], NaN where unknown; None for no depth.
        read_mask: which pixels of picture k count, booleans [height, width]; None where all do.
        points: known points of the surface [m, 3] with colours [m, 3] (from a structure-from-motion model), or None.
        notes: what was found and decided, a line each.
    """

    cameras: Sequence[PosedCamera]
    read: Callable[[int], NDArray[np.uint8]]
    train: tuple[int, ...]
    test: tuple[int, ...]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    near: float
    far: float
    background: tuple[float, float, float] | None = None
    unbounded: bool = False
    origin: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    read_depth: Callable[[int], NDArray[np.float32]] | None = None
    read_mask: Callable[[int], NDArray[np.bool_] | None] | None = None
    points: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    notes: Sequence[str] = ()

    @property
    def transparent(self) -> bool:
        """Whether pictures say where they show nothing, by a fourth channel."""
        return self.background is not None


def hold_out(count: int, every: int = EVERY) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The numbers of ``count`` pictures to train on and those held out: the first and every ``every``th after it."""
    test = tuple(range(0, count, every)) if count > 1 else ()
    return tuple(k for k in range(count) if k not in set(test)), test
