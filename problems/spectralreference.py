"""The reference of a periodic evolution equation: Fourier modes and ETDRK4, converged by refinement."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problems.evolution import Evolution
from pinnscene.problems.periodicmodes import PeriodicModes, Semilinear, Steps
from pinnscene.problems.refinement import Refined

FINER = 16  # nodes a mode that the start is sampled at: the coefficients of a kink, taken from fewer, are off


class Resolution(NamedTuple):
    """How finely a solve goes.

    Attributes:
        modes: of Fourier, an odd number.
        steps: in each stretch of t.
        kept: states kept of each stretch.
        stretches: of t, 1, or more where the start is rough: each ends ten times later than the one before.
    """

    modes: int
    steps: int
    kept: int
    stretches: int = 1


class SpectralSolution:
    """A solve of a problem at one resolution; one output, or two that are real and imaginary part."""

    def __init__(self, problem: Evolution, equation: Semilinear, at: Resolution) -> None:
        self.problem = problem
        low, high = problem.lower, problem.upper
        x = torch.linspace(low, high, FINER * at.modes + 1, dtype=torch.float64)[:-1]
        nodes = Points(torch.stack([x, torch.full_like(x, problem.begin)], 1), problem.domain.axes)
        start = problem.u0(nodes).detach().double().cpu().numpy()
        values = start[:, 0] if start.shape[1] == 1 else start[:, 0] + 1j * start[:, 1]
        length = problem.end - problem.begin
        ends = [problem.begin + length * 10.0 ** -(at.stretches - k) for k in range(1, at.stretches + 1)]
        steps = [Steps(end, at.steps, at.steps // at.kept) for end in ends]
        self.solved = PeriodicModes(equation, values, at.modes, (low, high), problem.begin, steps)
        self.seconds = self.solved.seconds

    def __call__(self, p: Points) -> Tensor:
        """The values [n, k]; those of the first time are the start itself, whatever its kinks."""
        x, t = (p[axis][:, 0].detach().double().cpu().numpy() for axis in ("x", "t"))
        found = self.solved(x, t)
        parts = [found] if self.solved.real else [np.real(found), np.imag(found)]
        values = torch.as_tensor(np.stack(parts, 1))
        at_start = torch.as_tensor(t == self.problem.begin)[:, None]
        return torch.where(at_start, self.problem.u0(p).detach().double().cpu(), values)


def spectral_reference(problem: Evolution, equation: Semilinear, resolutions: Sequence[Resolution]) -> Refined:
    """Values of the finer of two solves.

    Args:
        problem: what is solved.
        equation: the same as multipliers of waves.
        resolutions: of the coarse and the fine solve.
    """
    coarse, fine = (f"Fourier, {at.modes} modes, ETDRK4, {at.steps * at.stretches} steps" for at in resolutions)
    solve = lambda level: SpectralSolution(problem, equation, resolutions[level])
    return Refined(problem.domain, (coarse, fine), solve)
