"""What makes a field a signed distance: constraints from true distances, and from points on the surface alone."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.constraint import Constraint
from pinnscene.operators import gradient
from pinnscene.penalty import absolute, square
from pinnscene.problems.shapesampling import Located, OnSurface, Pool, PoolSampler, SurfaceSampler
from pinnscene.scenes.shapes import Shape
from pinnscene.views import Differentiable

Unseen = tuple[NDArray[np.float64], NDArray[np.float64] | None] | None
NEAR = 0.01  # of the side: relative errors of distances count down to here
STEEP = 10.0  # weight of the gradients: lower ones leave ripples that are seen in the curvature
SHARP = 100.0  # how soon exp(-SHARP |d| / side) falls (Sitzmann et al. 2006.09661, eq. 6)


def from_distances(pool: Pool, n: int, slopes: int, side: float, truncate: float) -> Mapping[str, Constraint]:
    """Distances relative to themselves, and their gradients where they are known.

    Args:
        pool: gives ``Located`` rows.
        n: rows a step for distances.
        slopes: rows a step for gradients.
        side: the length that "near" is measured by.
        truncate: distances are cut off here where positive (Park et al. 1901.05103, eq. 4).
    """

    def distance(u: Differentiable, p: Located) -> Tensor:
        value = u(p.xyz)
        if truncate:
            value = value.clamp(-truncate, truncate)
        return (value - p.distance) / (p.distance.abs() + NEAR * side)

    def slope(u: Differentiable, p: Located) -> Tensor:
        known = (p.slope != 0).any(1, keepdim=True)
        return (gradient(u, p.xyz) - p.slope) * known

    return {
        "distance": Constraint(PoolSampler(pool, n), distance, absolute),
        "slope": Constraint(PoolSampler(pool, slopes), slope, absolute, STEEP),
    }


def from_points(
    shape: Shape, pool: Pool, far: Pool | None, n: int, slopes: int, side: float, unseen: Unseen = None
) -> Mapping[str, Constraint]:
    """Surface points have d = 0 and grad d = n; around them |grad d| = 1; off them what is known.

    Args:
        shape: gives points on the surface, with or without normals.
        pool: gives places for |grad d| = 1.
        far: gives ``Located`` rows off the surface where the points tell the side; None where they do not.
        n: rows a step off the surface.
        slopes: rows a step where gradients are taken.
        side: the length that distances are measured by.
        unseen: surface points [m, 3] that are held out from a cloud, and their normals [m, 3] or None.
    """

    def surface(u: Differentiable, p: OnSurface) -> dict[str, Tensor]:
        value = {"value": u(p.xyz) / side}
        return value if p.normal is None else {**value, "normal": gradient(u, p.xyz) - p.normal}

    def eikonal(u: Differentiable, p: Located) -> Tensor:
        return gradient(u, p.xyz).norm(dim=1, keepdim=True) - 1

    def off(u: Differentiable, p: Located) -> Tensor:
        return torch.exp(-SHARP * u(p.xyz).abs() / side)

    on = SurfaceSampler(shape, slopes, unseen)
    terms = {
        "surface": Constraint(on, surface, absolute, {"value": 100.0, "normal": 1.0}),
        "eikonal": Constraint(PoolSampler(pool, slopes), eikonal, square, 0.3),
    }
    if far is None:
        return {**terms, "off": Constraint(PoolSampler(pool, n), off, absolute, 0.1)}
    distance = from_distances(far, n, slopes, side, 0.0)["distance"]
    return {**terms, "far": Constraint(distance.sampler, distance.residual, absolute, 0.3)}
