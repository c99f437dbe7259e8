"""References without a closed form: the same solver twice, coarse and fine, which says how good it is."""

from collections.abc import Callable
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

    def __call__(self, p: Points) -> Tensor:
        """The values [n, k] at points."""
        ...


class Refined:
    """Values of the fine solve; its error is no more than its distance to the coarse one, the conventional solver.

    Both are solved when first asked for.

    Args:
        domain: where the two are compared.
        names: method and resolution of the coarse and of the fine solve.
        solve: solves at level 0, coarse, or 1, fine.
    """

    def __init__(self, domain: Domain, names: tuple[str, str], solve: Callable[[int], Solved]) -> None:
        self.domain, self.names, self.solve = domain, names, solve

    @cached_property
    def coarse(self) -> Solved:
        return self.solve(0)

    @cached_property
    def fine(self) -> Solved:
        return self.solve(1)

    @cached_property
    def error(self) -> float:
        """How far the two are apart, relative to the fine one: above the error of the fine one."""
        p = self.domain.grid(20_000)
        return rel_l2(self.coarse(p), self.fine(p))

    def __call__(self, p: Points) -> Tensor:
        return self.fine(p)

    def info(self) -> Reference:
        return Reference("converged", self.error, f"{self.names[1]}, against a coarser one")

    def conventional(self) -> Conventional:
        return Conventional(self.names[0], self.coarse, self.coarse.seconds)
