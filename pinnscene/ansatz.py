"""The ansatz: u = g + d N, conditions held exactly by the shape of the field."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Function = Callable[[Any], Tensor]


@dataclass(frozen=True)
class Ansatz:
    """u = lift + factor N with the network N.

    Where ``factor`` vanishes the field equals ``lift``, whatever the network. The derivative engines apply the
    product rule; write both with torch functions of the points.

    Attributes:
        lift: points -> [n, k] (or [n, 1]), or a field; None for zero.
        factor: points -> [n, 1]; None for one.
    """

    lift: Function | None = None
    factor: Function | None = None
