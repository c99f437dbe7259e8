"""B-splines on knots that may stand anywhere: closer where a function is steep (de Boor 2001, chapters IX and X)."""

import torch
from torch import Tensor

from pinnscene.bases.base import Basis, bases, gauss
from pinnscene.errors import PinnsceneError

DEGREE = 7


class Knotted(Basis):
    """B-splines of degree 7 (or one less than ``count``) on a partition of [-1, 1], evenly spaced until ``place``."""

    breaks: Tensor

    def __init__(self, count: int, degree: int, cells: int) -> None:
        super().__init__(count)
        self.degree = degree
        self.register_buffer("breaks", torch.linspace(-1, 1, cells + 1, dtype=torch.float64))

    @property
    def cells(self) -> int:
        """Intervals between breaks."""
        return len(self.breaks) - 1

    def nodes(self, count: int) -> Tensor:
        """Nodes of Gauss and Legendre, as many in each cell."""
        inner = gauss(-(-count // self.cells)).to(self.breaks)
        middle, half = (self.breaks[1:] + self.breaks[:-1]) / 2, (self.breaks[1:] - self.breaks[:-1]) / 2
        return (middle[:, None] + half[:, None] * inner).flatten()

    @torch.no_grad()
    def place(self, breaks: Tensor) -> None:
        """Move the breaks [cells + 1], which rise from -1 to 1."""
        if breaks.shape != self.breaks.shape or not bool((breaks[1:] > breaks[:-1]).all()):
            got = ", ".join(f"{b:.3g}" for b in breaks[:4].tolist())
            raise PinnsceneError(
                f"a spline of {self.cells} cells expected {self.cells + 1} rising breaks, got {len(breaks)}: {got}, ..."
            )
        self.breaks.copy_(breaks)

    def _splines(self, x: Tensor, knots: Tensor, degree: int, order: int) -> Tensor:
        """All B-splines of ``degree`` on ``knots``, differentiated ``order`` times: [n, knots - degree - 1]."""
        if order > degree:
            return x.new_zeros(len(x), len(knots) - degree - 1)
        if degree == 0:
            return self._indicators(x, knots)
        lower = self._splines(x, knots, degree - 1, max(order - 1, 0))
        width = knots[degree:-1] - knots[: -degree - 1]
        share, beyond = lower[:, :-1], lower[:, 1:]
        width, next_width = _positive(width), _positive(knots[degree + 1 :] - knots[1:-degree])
        if order:
            return degree * (share / width - beyond / next_width)
        rise, fall = x[:, None] - knots[: -degree - 1], knots[degree + 1 :] - x[:, None]
        return rise / width * share + fall / next_width * beyond

    @staticmethod
    def _indicators(x: Tensor, knots: Tensor) -> Tensor:
        """One in the half-open interval of x, zero elsewhere; the last one that is not empty is closed."""
        below, above = knots[:-1], knots[1:]
        inside = (below <= x[:, None]) & (x[:, None] < above)
        last = int((below < above).nonzero()[-1])
        inside[:, last] |= x == above[last]
        return inside.to(x.dtype)


@bases.register("spline")
class Spline(Knotted):
    """On an interval, the outermost breaks being manifold knots."""

    def __init__(self, count: int) -> None:
        degree = min(DEGREE, count - 1)
        super().__init__(count, degree, count - degree)

    def table(self, x: Tensor, order: int) -> Tensor:
        ends = self.breaks.new_ones(self.degree)
        return self._splines(x.clamp(-1, 1), torch.cat([-ends, self.breaks, ends]), self.degree, order)


@bases.register("periodic-spline")
class PeriodicSpline(Knotted):
    """Around a circle: the breaks repeat with period 2."""

    periodic = True

    def __init__(self, count: int) -> None:
        degree = min(DEGREE, count - 1)
        super().__init__(count, degree, count)

    def table(self, x: Tensor, order: int) -> Tensor:
        d, inner = self.degree, self.breaks[:-1]
        knots = torch.cat([inner[len(inner) - d :] - 2, self.breaks, inner[1 : d + 1] + 2])
        around = torch.remainder(x + 1, 2) - 1
        splines = self._splines(around, knots, d, order)  # [n, count + degree], the last ones being the first again
        folded = splines[:, : self.count].clone()
        folded[:, :d] = folded[:, :d] + splines[:, self.count :]
        return folded


def _positive(width: Tensor) -> Tensor:
    """Widths of supports; those of none divide zeros, whatever they are."""
    return torch.where(width > 0, width, torch.ones_like(width))
