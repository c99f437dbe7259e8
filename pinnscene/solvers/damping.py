"""How strongly Levenberg-Marquardt damps its steps, by what the last step gained."""

from dataclasses import dataclass

LEAST = 1.2  # factor by which a good step lowers the damping at least


@dataclass
class Damping:
    """Nielsen's control (Madsen, Nielsen and Tingleff, Methods for non-linear least squares, 2004, section 3.2).

    A smooth function of the gain, so that steps near the edge do not make it jump; refusals in a row multiply ever
    faster. The largest relief is learnt: residuals that bend sharply refuse every step after a bold relief, and each
    refusal costs a solve.

    Attributes:
        value: lambda in (J^T J + lambda I) d = J^T y.
        most: the largest factor by which one step lowers it.
        relief: the largest at present; the power 3/2 of itself after a step that was taken, its root after a refusal.
        growth: what the next refusal multiplies it by.
    """

    value: float
    most: float = 10.0
    relief: float = 10.0
    growth: float = 2.0

    def accept(self, gain: float) -> None:
        """After a step that gained ``gain``: the fall of the loss as a share of what its parabola promised."""
        self.value *= max(1 / self.relief, 1 - (2 * min(gain, 1.0) - 1) ** 3)
        self.growth = 2.0
        self.relief = min(self.most, self.relief**1.5)

    def refuse(self) -> None:
        """After a step that was not taken."""
        if self.growth == 2.0:  # the first in a row
            self.relief = max(LEAST, self.relief**0.5)
        self.value *= self.growth
        self.growth *= 2
