"""What a lens does to the straight lines of a pinhole camera.

Notation: a ray of the camera crosses the plane at distance 1 at (x, y), across and down, r^2 = x^2 + y^2; the lens
puts it at (x', y') instead, and pixel = focal (x', y') + centre. The coefficients have the names, the order and the
meaning of OpenCV (calib3d, "Camera Calibration and 3D Reconstruction" and "Fisheye camera model").
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, pi

import torch
from numpy.polynomial import Polynomial
from torch import Tensor

WIDEST = pi / 2 - 0.01  # radians off the view that a plane in front of the camera can still hold
BRACKETS = 2049  # places of the table that Newton's method starts from
STEPS = 30  # of Newton's method at most; 4 to 6 are enough unless a place is at the very edge
MET = 1e-8  # how near the lens must come to a place to have reached it


@dataclass(frozen=True)
class Lens:
    """A lens that bends nothing; subclasses bend.

    Places are on the plane at distance 1 in front of the camera: across and down, [n, 2], float64.
    """

    def bend(self, plane: Tensor) -> Tensor:
        """Where straight rays through ``plane`` [n, 2] fall on the sensor [n, 2], in units of the focal length.

        NaN where a ray is so far out that the formula folds back: the lens does not show it.
        """
        return plane

    def straighten(self, seen: Tensor) -> Tensor:
        """The inverse of ``bend``: the straight rays [n, 2] that fall on places [n, 2] of the sensor.

        Places that no ray falls on get the outermost ray that the lens shows, see ``reaches``.
        """
        return seen

    def reaches(self, seen: Tensor) -> Tensor:
        """Whether some ray falls on each of the places [n, 2] of the sensor, booleans [n]."""
        return torch.isfinite(seen).all(1)


PINHOLE = Lens()


@dataclass(frozen=True)
class RadialLens(Lens):
    """x' = x N(r^2) / D(r^2) + 2 p1 x y + p2 (r^2 + 2 x^2), and y' alike with p1 and p2 exchanged.

    Attributes:
        over: the coefficients of N = 1 + k1 r^2 + k2 r^4 + ...
        under: the coefficients of D = 1 + k4 r^2 + k5 r^4 + ..., none for the usual polynomial model.
        tangential: p1 and p2.
    """

    over: tuple[float, ...] = ()
    under: tuple[float, ...] = ()
    tangential: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def limit(self) -> float:
        """The radius r at which r N / D stops to grow, infinite where it never does."""
        q, n, d = Polynomial([0, 1]), Polynomial([1, *self.over]), Polynomial([1, *self.under])
        slope = (n + 2 * q * n.deriv()) * d - 2 * q * n * d.deriv()
        return min(_first_root(slope), _first_root(d)) ** 0.5

    def bend(self, plane: Tensor) -> Tensor:
        outside = plane.norm(dim=1, keepdim=True) > self.limit * (1 + 1e-9)
        return self._formula(plane).masked_fill(outside, torch.nan)

    def straighten(self, seen: Tensor) -> Tensor:
        target = seen.norm(dim=1, keepdim=True)
        radius = _inverse(lambda r: r * self._ratio(r**2)[0], self._slope, target, self.limit)
        plane = seen * (radius / target.clamp(min=1e-300))
        return self._newton(plane, seen) if any(self.tangential) else plane

    def reaches(self, seen: Tensor) -> Tensor:
        return _met(self, seen)

    def _ratio(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """N / D at q = r^2, and its derivative by q."""
        n, dn = _horner(self.over, q)
        if not self.under:
            return n, dn
        d, dd = _horner(self.under, q)
        return n / d, (dn * d - n * dd) / d**2

    def _slope(self, r: Tensor) -> Tensor:
        f, df = self._ratio(r**2)
        return f + 2 * r**2 * df

    def _formula(self, plane: Tensor) -> Tensor:
        f, _ = self._ratio((plane**2).sum(1, keepdim=True))
        swapped, (p1, p2) = plane.flip(1), self.tangential
        across = torch.tensor([[p2, p1]], dtype=plane.dtype)
        return plane * f + 2 * across.flip(1) * plane * swapped + across * (3 * plane**2 + swapped**2)

    def _newton(self, plane: Tensor, seen: Tensor) -> Tensor:
        """Newton's method with the exact Jacobian [[a, b], [b, d]], from near the solution ``plane``."""
        p1, p2 = self.tangential
        for _ in range(STEPS):
            x, y = plane.unbind(1)
            f, df = self._ratio(x**2 + y**2)
            a = f + 2 * x**2 * df + 2 * p1 * y + 6 * p2 * x
            b = 2 * x * y * df + 2 * p1 * x + 2 * p2 * y
            d = f + 2 * y**2 * df + 6 * p1 * y + 2 * p2 * x
            u, v = (self._formula(plane) - seen).unbind(1)
            det = a * d - b * b
            step = torch.stack([d * u - b * v, a * v - b * u], 1) / torch.where(det.abs() > 1e-12, det, 1.0)[:, None]
            moved = plane - step.clamp(-0.1, 0.1)
            plane = moved * (self.limit / moved.norm(dim=1, keepdim=True).clamp(min=1e-300)).clamp(max=1.0)
            if not step.numel() or step.abs().max() < 1e-14:
                break
        return plane


@dataclass(frozen=True)
class FisheyeLens(Lens):
    """A ray at the angle a = atan(r) off the view falls at the radius a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8)."""

    coefficients: tuple[float, ...] = ()

    @cached_property
    def limit(self) -> float:
        """The largest angle that is shown, radians: where the radius stops to grow, or nearly a right angle."""
        slope = Polynomial([1, *((2 * k + 3) * c for k, c in enumerate(self.coefficients))])
        return min(_first_root(slope) ** 0.5, WIDEST)

    def bend(self, plane: Tensor) -> Tensor:
        r = plane.norm(dim=1, keepdim=True)
        angle = torch.atan(r)
        ratio = torch.where(r > 0, self._radius(angle) / r.clamp(min=1e-300), 1.0)
        return (plane * ratio).masked_fill(angle > self.limit * (1 + 1e-9), torch.nan)

    def straighten(self, seen: Tensor) -> Tensor:
        target = seen.norm(dim=1, keepdim=True)
        angle = _inverse(self._radius, self._slope, target, self.limit)
        return seen * torch.where(target > 0, torch.tan(angle) / target.clamp(min=1e-300), 1.0)

    def reaches(self, seen: Tensor) -> Tensor:
        return _met(self, seen)

    def _radius(self, angle: Tensor) -> Tensor:
        return angle * _horner(self.coefficients, angle**2)[0]

    def _slope(self, angle: Tensor) -> Tensor:
        value, slope = _horner(self.coefficients, angle**2)
        return value + 2 * angle**2 * slope


def _horner(coefficients: Sequence[float], q: Tensor) -> tuple[Tensor, Tensor]:
    """1 + c1 q + c2 q^2 + ... and its derivative by q."""
    value, slope = torch.zeros_like(q), torch.zeros_like(q)
    for c in (*reversed(coefficients), 1.0):
        slope = value + q * slope
        value = c + q * value
    return value, slope


def _first_root(polynomial: Polynomial) -> float:
    """The smallest positive root, infinite where there is none."""
    roots = [complex(root) for root in polynomial.trim().roots()]
    return min((root.real for root in roots if root.real > 0 and abs(root.imag) < 1e-12 * abs(root)), default=inf)


def _inverse(
    value: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor], target: Tensor, limit: float
) -> Tensor:
    """Where a function that rises from value(0) = 0 up to ``limit`` takes on ``target``; ``limit`` beyond that.

    Newton's method within the bracket that a table of the function gives.
    """
    if not target.numel():
        return target
    top = min(limit, float(target.max()))
    while top < min(limit, 1e6) and float(value(torch.tensor(top, dtype=target.dtype))) < float(target.max()):
        top = min(2 * top, limit)
    table = torch.linspace(0, top, BRACKETS, dtype=target.dtype)
    bracket = torch.searchsorted(value(table), target).clamp(1, BRACKETS - 1)
    lower, upper = table[bracket - 1], table[bracket]
    x = (lower + upper) / 2
    for _ in range(STEPS):
        rate = slope(x)
        moved = x - (value(x) - target) / torch.where(rate > 1e-12, rate, 1e-12)
        moved = torch.minimum(torch.maximum(moved, lower), upper)
        still = bool((moved - x).abs().max() <= 1e-15 * top)
        x = moved
        if still:
            break
    return x


def _met(lens: Lens, seen: Tensor) -> Tensor:
    return (lens.bend(lens.straighten(seen)) - seen).norm(dim=1) < MET
