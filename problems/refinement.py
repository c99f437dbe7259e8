"""References without a closed form: the same solver twice, coarse and fine, which says how good it is."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Protocol

from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.metrics import rel_l2
from pinnscene.problem import Conventional, Reference


class Solved(Protocol):
    """A numerical solution anywhere, and the seconds that it took."""

    seconds: float

    def __call__(self, p: Points) -> Tensor: ...


class Refined(ABC):
    """Values of the fine solve; its error is no more than its distance to the coarse one."""

    domain: Domain

    @abstractmethod
    def solve(self, level: int) -> Solved:
        """The coarse solve, level 0, or the fine one, level 1."""

    @abstractmethod
    def name(self, level: int) -> str:
        """The method with its resolution."""

    @cached_property
    def coarse(self) -> Solved:
        return self.solve(0)

    @cached_property
    def fine(self) -> Solved:
        return self.solve(1)

    def __call__(self, p: Points) -> Tensor:
        return self.fine(p)

    def info(self) -> Reference:
        p = self.domain.grid(20_000)
        return Reference("converged", rel_l2(self.coarse(p), self.fine(p)), f"{self.name(1)}, against a coarser one")

    def conventional(self) -> Conventional:
        return Conventional(self.name(0), self.coarse, self.coarse.seconds)
