"""What every analytic solid is: a signed distance function with a bounding box that is known in closed form.

The box comes from the support function h(e) = max of e . x over the surface (Rockafellar, Convex Analysis,
section 13), which stays exact under rotations, where turned boxes of boxes would grow. Every solid here has

    distance(p) >= e . p - h(e)    for all points p and unit vectors e,

because a supporting plane is never nearer than the surface. Combinations keep that, and their extents rest on it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError

Vector = tuple[float, float, float]
AXES: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


class Solid(ABC):
    """A closed solid in three dimensions. Its surface is the zero set of ``distance``.

    The size of ``distance`` never exceeds the true one (its Lipschitz constant is 1), so that spheres may be
    traced with it.
    """

    @property
    def exact(self) -> bool:
        """Whether ``distance`` is the true distance everywhere; else a lower bound with the right sign."""
        return True

    @abstractmethod
    def distance(self, p: Tensor) -> Tensor:
        """Signed distance [n, 1] of points [n, 3], negative inside, in the dtype and on the device of ``p``."""

    @abstractmethod
    def extent(self, e: Vector) -> float:
        """The support function: how far the surface reaches along the unit vector ``e``, or a bound above it."""

    @property
    def lower(self) -> Vector:
        """The lower corner of the surface's bounding box."""
        x, y, z = (-self.extent((-i, -j, -k)) for i, j, k in AXES)
        return x, y, z

    @property
    def upper(self) -> Vector:
        """The upper corner of the surface's bounding box."""
        x, y, z = (self.extent(axis) for axis in AXES)
        return x, y, z


def length(v: Tensor) -> Tensor:
    """Euclidean length [n, 1] of [n, k]; at zero every derivative is 0, where a norm's own would be NaN."""
    square = (v * v).sum(-1, keepdim=True)
    away = square > 0
    return torch.where(away, square, 1.0).sqrt() * away


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """The inner product of two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def vector(what: str, value: Sequence[float], least: float | None = None) -> None:
    """Check three finite numbers, all above ``least`` where one is given.

    Raises:
        PinnsceneError: anything else.
    """
    try:
        x, y, z = value
    except (TypeError, ValueError):
        raise PinnsceneError(f"{what} expected three numbers, got {value!r}: give x, y and z") from None
    for number in (x, y, z):
        _finite(what, number)
        if least is not None and number <= least:
            raise PinnsceneError(f"{what} expected numbers > {least:g}, got {number:g} in {tuple(value)}")


def positive(what: str, number: float) -> None:
    """Check a finite number above 0.

    Raises:
        PinnsceneError: anything else.
    """
    _finite(what, number)
    if number <= 0:
        raise PinnsceneError(f"{what} expected a number > 0, got {number:g}")


def within(what: str, number: float, low: float, high: float) -> None:
    """Check a finite number from ``low`` to ``high``.

    Raises:
        PinnsceneError: anything else.
    """
    _finite(what, number)
    if not low <= number <= high:
        raise PinnsceneError(f"{what} expected a number from {low:g} to {high:g}, got {number:g}")


def _finite(what: str, number: float) -> None:
    if not isinstance(number, int | float) or not isfinite(number):
        raise PinnsceneError(f"{what} expected a finite number, got {number!r}")
