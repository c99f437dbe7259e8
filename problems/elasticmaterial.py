"""Isotropic, linearly elastic materials: stress from the gradient of the displacement.

Shapes: the gradient is [n, d, d] with du_i / dx_k at [i, k], second derivatives [n, d, d, d] with
d2u_i / dx_k dx_l at [i, k, l], stress [n, d, d]; d is 2 in the plane and 3 in space.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.derivatives import Operator
from pinnscene.errors import PinnsceneError
from pinnscene.operators import jacobian
from pinnscene.views import Differentiable

PLANES = ("strain", "stress")


@dataclass(frozen=True)
class Material:
    """sigma = lam tr(eps) I + 2 mu eps with eps = (grad u + grad u^T) / 2 (Gould, Introduction to Linear Elasticity).

    Attributes:
        young: Young's modulus, force / area.
        nu: Poisson's ratio.
        plane: "strain" (a thick body, nothing moves across the plane), "stress" (a thin plate, nothing presses
            on it), or "" in space.
    """

    young: float
    nu: float
    plane: str = ""

    @property
    def mu(self) -> float:
        """The shear modulus."""
        return self.young / (2 * (1 + self.nu))

    @property
    def lam(self) -> float:
        """Lame's first parameter; of plane stress what takes its place where the strain across is eliminated."""
        if self.plane == "stress":
            return self.young * self.nu / (1 - self.nu**2)
        return self.young * self.nu / ((1 + self.nu) * (1 - 2 * self.nu))

    def stress(self, slopes: Tensor) -> Tensor:
        """The stress [n, d, d] of a gradient of the displacement."""
        dilatation = slopes.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
        unit = torch.eye(slopes.shape[1], dtype=slopes.dtype, device=slopes.device)
        return self.lam * dilatation * unit + self.mu * (slopes + slopes.transpose(1, 2))

    def divergence(self, bends: Tensor) -> Tensor:
        """The divergence of the stress [n, d] of second derivatives: mu lap(u) + (lam + mu) grad div u."""
        laplacian = bends.diagonal(dim1=2, dim2=3).sum(2)
        inner = bends.diagonal(dim1=1, dim2=2).sum(2)  # d/dx_k of div u
        return self.mu * laplacian + (self.lam + self.mu) * inner

    def von_mises(self, stress: Tensor) -> Tensor:
        """The equivalent stress of von Mises [n, 1], the stress across a plane included."""
        trace = stress.diagonal(dim1=1, dim2=2).sum(1)
        across = self.nu * trace if self.plane == "strain" else torch.zeros_like(trace)
        squares = stress.square().sum((1, 2)) + across.square()
        return (1.5 * squares - 0.5 * (trace + across).square()).clamp_min(0.0).sqrt()[:, None]


class Stresses(Differentiable):
    """The stress of a displacement as a field: sxx, syy, sxy (in space also szz, sxz, syz) and von_mises.

    Args:
        u: the displacement, one output an axis.
        material: what moves.
    """

    def __init__(self, u: Differentiable, material: Material) -> None:
        self.u, self.material, self.axes = u, material, u.axes
        d = len(u.axes)
        self.places = [(k, k) for k in range(d)] + [(i, k) for i in range(d) for k in range(i + 1, d)]
        self.values = (*(f"s{u.axes[i]}{u.axes[k]}" for i, k in self.places), "von_mises")
        self.device = getattr(u, "device", torch.device("cpu"))

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.u.param(name, p, along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        if any(index for op in operators for index in op):
            raise PinnsceneError("stresses have values alone: ask the displacement for derivatives")
        stress = self.material.stress(jacobian(self.u, p))
        columns = [stress[:, i, k : k + 1] for i, k in self.places]
        found = torch.cat([*columns, self.material.von_mises(stress)], 1)
        return [op[()] * found for op in operators]
