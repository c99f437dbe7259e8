"""References without a closed form: the same solver, coarse and fine, which says how good it is."""

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


SAFETY = 1.25  # of an error told by three solves (Roache 1994)
FASTEST = 8.0  # of elements of second order, from a level to the next
CONVERGES = 2.0  # by which distances must shrink from level to level to say at which rate


class Refined:
    """Values of the fine solve; its error is no more than its distance to the coarse one, the conventional solver.

    Where a third, still coarser one shows at which rate distances shrink, what is left of them is the error (Roache
    1994, eq. 13). All are solved when first asked for.

    Args:
        domain: where they are compared.
        names: method and resolution of the coarse and of the fine solve.
        solve: solves at level 0, coarse, or 1, fine; at -1, coarsest, where ``rated``.
        rated: whether to look at the rate.
    """

    def __init__(
        self, domain: Domain, names: tuple[str, str], solve: Callable[[int], Solved], *, rated: bool = False
    ) -> None:
        self.domain, self.names, self.solve, self.rated = domain, names, solve, rated

    @cached_property
    def coarse(self) -> Solved:
        return self.solve(0)

    @cached_property
    def fine(self) -> Solved:
        return self.solve(1)

    @cached_property
    def error(self) -> float:
        """The error of the fine one, relative: above it but for what three solves do not see."""
        p = self.domain.grid(20_000)
        coarse = self.coarse(p)
        apart = rel_l2(coarse, self.fine(p))
        rate = rel_l2(self.solve(-1)(p), coarse) / apart if self.rated and apart > 0 else 0.0
        rate = min(rate, FASTEST)  # a coarsest solve that is poor says nothing of the finest
        return SAFETY * apart / (rate - 1) if rate > CONVERGES else apart

    def __call__(self, p: Points) -> Tensor:
        return self.fine(p)

    def info(self) -> Reference:
        return Reference("converged", self.error, f"{self.names[1]}, against coarser ones")

    def conventional(self) -> Conventional:
        return Conventional(self.names[0], self.coarse, self.coarse.seconds)
