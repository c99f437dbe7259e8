"""Evolution equations on a square whose reference is a spectral solve, converged by refinement."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.evolution import Evolution
from pinnscene.problems.refinement import Refined
from pinnscene.problems.squaremodes import SquareEquation, SquareModes


@dataclass(frozen=True)
class SquareEvolution(Evolution):
    """An evolution in x, y and t that ``SquareModes`` solves too, twice: the finer solve is the reference.

    Subclasses set ``resolutions``: modes an axis, longest step of time and time between kept states, coarse and fine.
    """

    resolutions: ClassVar[tuple[tuple[int, float, float], tuple[int, float, float]]]

    @abstractmethod
    def equation(self) -> SquareEquation:
        """The same equation as the spectral solver takes it."""

    @property
    def space(self) -> tuple[str, ...]:
        """The space axes."""
        return ("x", "y")

    def notes(self) -> list[str]:
        return ["the reference is solved at two resolutions when first asked for: some ten seconds"]

    @property
    def _reference(self) -> Refined:
        return _reference(replace(self, n=0, windows=0, growth=0.0, hard=None))

    def reference(self, p: Points) -> Tensor:
        return self._reference(p)

    def reference_info(self) -> Reference:
        return self._reference.info()

    def conventional(self) -> Conventional:
        return self._reference.conventional()


@lru_cache(maxsize=4)  # once a process, whoever asks
def _reference(problem: SquareEvolution) -> Refined:
    equation = problem.equation()
    coarse, fine = (f"{equation.modes(n)} modes, ETDRK4 in steps of {step:g}" for n, step, _ in problem.resolutions)
    return Refined(problem.domain, (coarse, fine), lambda level: SquareModes(equation, *problem.resolutions[level]))
