"""The true distance to an ellipsoid, which has no closed form: the root of one convex function."""

from dataclasses import dataclass
from math import hypot

import torch
from torch import Tensor

from pinnscene.scenes.solid import Solid, Vector, vector

STEPS = 40  # the slowest points, beside the rim of the middle disc, take about 16
CLOSE = 1e-4  # relative change after which two more steps, which converge quadratically, reach rounding
OFF = 1e-16  # keeps the squares of coordinates off zero, in units of the longest half axis: 1e-8 from a plane


@dataclass(frozen=True)
class Ellipsoid(Solid):
    """(x / a)^2 + (y / b)^2 + (z / c)^2 = 1 with half axes a, b, c; the distance is exact.

    The nearest surface point to p has the coordinates a_i^2 p_i / (t + a_i^2), where t is the root of
    N(t) = 1 right of every pole, N(t) = sum (a_i p_i / (t + a_i^2))^2 (Eberly, "Distance from a point to an
    ellipse, an ellipsoid, or a hyperellipsoid"). 1 / sqrt(N) is nearly linear, rises and is concave there (Conn,
    Gould and Toint, "Trust-Region Methods", section 7.3): Newton's steps for 1 / sqrt(N) = 1 from a point left of
    the root climb to it without overshooting. The distance t |(p_i / (t + a_i^2))| has the sign of t.
    """

    half: Vector = (1.0, 0.8, 0.6)

    def __post_init__(self) -> None:
        vector("Ellipsoid half", self.half, least=0)

    def distance(self, p: Tensor) -> Tensor:
        scale = max(self.half)
        a = p.new_tensor(self.half)[:, None] / scale
        # s = t + least^2 instead of t: sums of positive numbers lose no digits beside a pole
        poles = a * a - (a * a).amin()
        square = (p.T.contiguous() / scale) ** 2 + OFF
        s = _root(a * a * square.detach(), poles)
        # two more steps that autograd sees make the derivatives of the root right up to the third order
        for _ in range(2):
            s = _newton(a * a * square, poles, s)
        t = s - (a * a).amin()
        return scale * (t * (square / (s + poles) ** 2).sum(0).sqrt())[:, None]

    def extent(self, e: Vector) -> float:
        return hypot(*(x * side for x, side in zip(e, self.half, strict=True)))


def _root(squares: Tensor, poles: Tensor) -> Tensor:
    """The root s [n] of sum squares / (s + poles)^2 = 1 to about eight digits, squares [3, n], poles [3, 1]."""
    s = (squares.sqrt() - poles).amax(0)
    rows = torch.arange(len(s), device=s.device)
    for _ in range(STEPS):
        last, new = s[rows], _newton(squares[:, rows], poles, s[rows])
        s[rows] = new
        rows = rows[new - last > CLOSE * new]
        if not len(rows):
            break
    return s


def _newton(squares: Tensor, poles: Tensor, s: Tensor) -> Tensor:
    """One step of Newton's method for 1 / sqrt(N) = 1 from s [n]."""
    at = s + poles
    terms = squares / at**2
    n = terms.sum(0)
    return s + n * (n.sqrt() - 1) / (terms / at).sum(0)
