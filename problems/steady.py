"""Equations without time: Chebyshev polynomials along each axis, and QR factors."""

from abc import abstractmethod
from typing import Any, ClassVar

from pinnscene.domain import Box
from pinnscene.problem import Problem


class Steady(Problem):
    """An equation on a box of space, by default the unit square."""

    values = ("u",)
    domain: ClassVar[Any] = Box(x=(0.0, 1.0), y=(0.0, 1.0))

    @abstractmethod
    def modes(self) -> str:
        """The number of polynomials of each axis, as text."""

    def products(self) -> tuple[str, str]:
        return "chebyshev", self.modes()

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        del backbone
        # with second derivatives of polynomials conjugate gradients stall; without windows the first guess is far
        return {"head": {"form": "dense", "steps": 40}, "adam": {"steps": 3000}}
