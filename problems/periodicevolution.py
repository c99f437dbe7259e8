"""Evolution equations on a periodic axis, with references by Fourier modes."""

from abc import abstractmethod
from functools import lru_cache
from typing import ClassVar

from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.evolution import Evolution
from pinnscene.problems.periodicmodes import Semilinear
from pinnscene.problems.refinement import Refined
from pinnscene.problems.spectralreference import Resolution, spectral_reference


class PeriodicEvolution(Evolution):
    """An evolution equation on a periodic axis x."""

    resolutions: ClassVar[tuple[Resolution, Resolution]]  # of the coarse and the fine solve

    @abstractmethod
    def semilinear(self) -> Semilinear:
        """The equation as multipliers of waves."""

    def reference(self, p: Points) -> Tensor:
        return _reference(self)(p)

    def reference_info(self) -> Reference:
        return _reference(self).info()

    def conventional(self) -> Conventional:
        return _reference(self).conventional()


@lru_cache(maxsize=8)
def _reference(problem: PeriodicEvolution) -> Refined:
    """Kept, since a solve takes seconds and is asked for wherever a problem is built anew from the same options."""
    return spectral_reference(problem, problem.semilinear(), problem.resolutions)
