"""Complex functions of the plane and their derivative streams.

With z = x + i y and w its conjugate, f has the derivative f_z d + f_w conj(d) along a direction d, written as a complex
number; of an analytic function f_w vanishes (Wirtinger's calculus).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.derivatives.jet import Jet

Part = Tensor | float


class Planar(NamedTuple):
    """Complex functions [n, ...] with their derivatives by z and its conjugate w."""

    value: Tensor
    z: Part
    w: Part = 0.0
    zz: Part = 0.0
    zw: Part = 0.0
    ww: Part = 0.0


def streams(f: Planar, ways: Tensor, a: Tensor | Jet) -> Tensor:
    """The streams [s, n, ...] that ``a`` carries, of f: the value alone where it is no jet; complex.

    Args:
        f: the functions where the places are.
        ways: the streams [s, n, ...] of the place as a complex number: itself, along each direction, of each operator.
        a: the places with their derivatives.
    """
    if not isinstance(a, Jet):
        return f.value[None]
    plan, d = a.streams, len(a.streams.directions)
    along = ways[1 : 1 + d]
    slope = lambda way: f.z * way + f.w * way.conj()
    found = [f.value, *(slope(way) for way in along)]
    for op, way in zip(plan.operators, ways[1 + d :], strict=True):
        stream = slope(way)
        if op.second:
            back = along.conj()
            twice = plan.quadratic(op, along, back) + plan.quadratic(op, back, along)
            stream = stream + f.zz * plan.quadratic(op, along, along) + f.ww * plan.quadratic(op, back, back)
            stream = stream + f.zw * twice
        found.append(stream)
    return torch.stack(found)
