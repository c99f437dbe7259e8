"""The relative residual on held-out points: what ``--tol`` bounds, and what scales are chosen by."""

from collections.abc import Sequence
from math import hypot

from pinnscene.field import Field
from pinnscene.objective import Objective

MOST = 2048  # points that a residual is measured on


class Baseline:
    """The held-out residual of a network that is zero, to measure others against."""

    def __init__(self, objective: Objective, field: Field) -> None:
        self.objective, self.field = objective, field
        self._zero: float | None = None

    @property
    def zero(self) -> float:
        """The held-out residual of the ansatz's lift alone."""
        if self._zero is None:
            self._zero = self.objective.heldout(self.field.lift(), self.share)
        return self._zero

    @property
    def share(self) -> float:
        """So many of the points that the longest batch has at most ``MOST``."""
        return min(1.0, MOST / self.objective.longest)

    def measure(self, field: Field) -> tuple[float, float]:
        """The root mean square of all weighted residuals, of the field and of the zero network."""
        return self.objective.heldout(field, self.share), self.zero

    def gauge(self, field: Field, step: int) -> tuple[float, float]:
        """The same of the field on the points that ``step`` is trained on, and on held-out ones."""
        return self.objective.trained(field, step, self.share), self.objective.heldout(field, self.share)

    def relative(self, field: Field) -> float:
        """The residual as a share of the zero network's."""
        return relative([self.measure(field)])


def relative(measures: Sequence[tuple[float, float]]) -> float:
    """The residuals of all windows together as a share of the zero networks'; NaN where nothing was measured."""
    if not measures:
        return float("nan")
    value, zero = (hypot(*column) for column in zip(*measures, strict=True))
    return value / zero if zero > 0 else value
