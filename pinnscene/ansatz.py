"""The ansatz: u = g + d s N, conditions held exactly by the shape of the field, in the problem's own units."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from pinnscene.geometry.sides import Sides

Function = Callable[[Any], Tensor]


@dataclass(frozen=True)
class Ansatz:
    """u = lift + factor scale N with the network N.

    Where ``factor`` vanishes the field equals ``lift``, whatever the network. The derivative engines apply the
    product rule; write both with torch functions of the points.

    Attributes:
        lift: points -> [n, k] (or [n, 1]), or a field; None for zero.
        factor: points -> [n, 1]; None for one.
        scale: the size of the values in the problem's units, so that the network's own are about one.
        sides: of interfaces that N may jump on, with weights of its last layer for each; None for a smooth N.
    """

    lift: Function | None = None
    factor: Function | None = None
    scale: float = 1.0
    sides: "Sides | None" = None
