"""The Burgers equation between zero walls, solved by Hopf (1950) and Cole (1951).

With Phi the antiderivative of u0, continued beyond the walls by its images, and y = x - sqrt(4 nu t) s,

    u(x, t) = int u0(y) w ds / int w ds,    w = exp(-s^2 - Phi(y) / (2 nu)).

The trapezoidal rule in s converges exponentially (Trefethen and Weideman 2014). Only differences of the exponents
enter, so that nothing overflows, whatever nu.
"""

from collections.abc import Callable
from math import ceil, sqrt

import numpy as np
import torch
from numpy.polynomial import Chebyshev
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.metrics import rel_l2
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.periodicmodes import PeriodicModes, Semilinear, Steps
from pinnscene.problems.walls import Wall, unfold

Function = Callable[[Points], Tensor]
ZERO = Wall("dirichlet", 1.0, 0.0, 0.0)

DEGREES = (32, 64, 128, 256, 512, 1024)  # of the polynomial that u0 is integrated as
SPACING = 0.35  # of s for a Gaussian exp(-s^2), of which half would be enough; less for the narrower one here
REACH = 6.5  # exp(-REACH^2) is below rounding
CHUNK = 2**15  # numbers at a time, few that stay in a processor's cache


class ColeHopf:
    """u anywhere.

    Args:
        start: u0 as a function of the points, zero on the walls.
        nu: the viscosity.
        domain: the box of x and t.

    Raises:
        PinnsceneError: a start that is not zero on the walls, or so rough that no polynomial holds it.
    """

    def __init__(self, start: Function, nu: float, domain: Box) -> None:
        self.start, self.nu, self.domain = start, nu, domain
        self.low, self.high = domain.bounds["x"]
        edges = self._u0(torch.tensor([self.low, self.high], dtype=torch.float64)).abs().max()
        fit, self.roughness = self._polynomial()
        if float(edges) > 1e-9 or self.roughness > 1e-6:
            raise PinnsceneError(
                "the closed form of burgers needs a smooth start that is zero on the walls; this one is "
                f"{float(edges):.1e} there, and {self.roughness:.1e} from smooth"
            )
        self.potential = fit.integ(lbnd=self.low)
        x = np.linspace(self.low, self.high, 4001)
        drop = float(np.ptp(self.potential(x))) / (2 * nu)
        self.reach = sqrt(drop + REACH**2)
        # the exponent bends at most like -(1 + t max |u0_x|) s^2
        begin, end = domain.bounds["t"]
        self.spacing = SPACING / sqrt(1 + (end - begin) * float(np.abs(fit.deriv()(x)).max()))

    def __call__(self, p: Points, finer: int = 1) -> Tensor:
        """The values [n, 1], a chunk of points at a time; ``finer`` divides the spacing of the integral."""
        spacing = self.spacing / finer
        n = ceil(self.reach / spacing)
        s = spacing * torch.arange(-n, n + 1, dtype=torch.float64)
        x, t = p["x"].double().cpu(), p["t"].double().cpu() - self.domain.bounds["t"][0]
        rows = max(1, CHUNK // len(s))
        return torch.cat([self._mean(x[k : k + rows], t[k : k + rows], s) for k in range(0, len(x), rows)])

    def _mean(self, x: Tensor, t: Tensor, s: Tensor) -> Tensor:
        y = x - (4 * self.nu * t).sqrt() * s
        place, sign = unfold((ZERO, ZERO), y, self.low, self.high - self.low)
        exponent = -s.square() - self._potential(place) / (2 * self.nu)
        return (torch.softmax(exponent, 1) * sign * self._u0(place)).sum(1, keepdim=True)

    def _u0(self, x: Tensor) -> Tensor:
        """U0 at places of any shape."""
        flat = x.reshape(-1, 1)
        first = torch.full_like(flat, self.domain.bounds["t"][0])
        points = {"x": flat, "t": first}
        return self.start(Points(torch.cat([points[a] for a in self.domain.axes], 1), self.domain.axes)).view_as(x)

    def _polynomial(self) -> tuple[Chebyshev, float]:
        """U0 as a Chebyshev series, of the least degree that is enough, and what it misses."""
        sample = lambda x: self._u0(torch.as_tensor(x)).detach().numpy()
        x = np.random.default_rng(0).uniform(self.low, self.high, 2000)
        for degree in DEGREES:
            fit = Chebyshev.interpolate(sample, degree, (self.low, self.high)).trim(1e-16)
            missed = float(np.abs(fit(x) - sample(x)).max())
            if missed < 1e-13:
                break
        return fit, missed

    def _potential(self, x: Tensor) -> Tensor:
        """Phi, by Clenshaw's recurrence."""
        y = (2 * x - self.low - self.high) / (self.high - self.low)
        coefficients = self.potential.coef.tolist()
        b1, b2 = torch.zeros_like(y), torch.zeros_like(y)
        for c in reversed(coefficients[1:]):
            b1, b2 = c + 2 * y * b1 - b2, b1
        return coefficients[0] + y * b1 - b2

    def info(self) -> Reference:
        p = self.domain.grid(5_000)
        error = rel_l2(self(p), self(p, 2)) + self.roughness
        return Reference("exact", error, "Cole-Hopf, its integrals by the trapezoidal rule, against half the spacing")


def odd_fourier(start: Function, nu: float, domain: Box, modes: int = 4095, steps: int = 2000) -> Conventional:
    """The classical solver beside it: Fourier modes of the odd continuation, twice the box long, and ETDRK4."""
    low, high = domain.bounds["x"]
    begin, end = domain.bounds["t"]
    x = low + 2 * (high - low) * torch.arange(modes, dtype=torch.float64)[:, None] / modes
    place, sign = unfold((ZERO, ZERO), x, low, high - low)
    u0 = sign * start(Points(torch.cat([place, torch.full_like(place, begin)], 1), domain.axes))
    equation = Semilinear(lambda k: -nu * k**2, lambda k: -0.5j * k, np.square)
    ends = (low, low + 2 * (high - low))
    solved = PeriodicModes(equation, u0.detach().numpy()[:, 0], modes, ends, begin, [Steps(end, steps, steps // 500)])
    at = lambda p: torch.as_tensor(solved(p["x"][:, 0].double().cpu().numpy(), p["t"][:, 0].double().cpu().numpy()))
    return Conventional(f"Fourier, {modes} modes, ETDRK4, {steps} steps", lambda p: at(p)[:, None], solved.seconds)
