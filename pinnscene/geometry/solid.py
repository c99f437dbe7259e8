"""Regions enclosed by surfaces that are known as data: closed meshes, clouds of points with normals."""

from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.pieces import Piece, Placed
from pinnscene.geometry.region import Factor, Region, names
from pinnscene.mesh.record import Mesh

PART = "surface"


class Enclosing(Protocol):
    """What a surface must answer, as ``pinnscene.scenes.shapes.Shape`` does; arrays are float64."""

    @property
    def name(self) -> str: ...

    @property
    def lower(self) -> NDArray[np.float64]: ...

    @property
    def upper(self) -> NDArray[np.float64]: ...

    def inside(self, p: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each of the points [n, 3] lies inside."""
        ...

    def nearest(self, p: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The signed distance [n] of points [n, 3], negative inside, and its gradient [n, 3]."""
        ...


class Solid(Region):
    """What a closed surface encloses; one part of the boundary, ``surface``.

    Args:
        shape: answers where points lie.
        samples: the triangles of the surface, or points [m, 3] on it with outward unit normals [m, 3].
    """

    def __init__(self, shape: Enclosing, samples: "Mesh | tuple[NDArray[np.float64], NDArray[np.float64]]") -> None:
        self.shape, self.samples, self.axes = shape, samples, names(3)
        self.lower, self.upper = tuple(map(float, shape.lower)), tuple(map(float, shape.upper))

    def __repr__(self) -> str:
        return self.shape.name

    def inside(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.shape.inside(_array(x))).to(x.device)

    def distance(self, p: Points | Tensor) -> Tensor:
        """Differentiable once: its gradient is that of the true distance."""
        return _Distance.apply(self.coordinates(p), self.shape)  # pyright: ignore[reportReturnType]

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        if isinstance(self.samples, Mesh):
            return (triangles(self.samples, PART),)
        points, normals = (torch.as_tensor(a) for a in self.samples)
        place = lambda unit: _taken(points, normals, unit)
        return (Piece(PART, 1.0, 1, place),)

    def factors(self) -> dict[str, list[Factor]]:
        raise PinnsceneError(
            f"the distance to {self.shape.name} has edges, which no smooth field can have: set hard=false, or solve "
            "eikonal-sdf on it and take that run as the domain"
        )


class _Distance(torch.autograd.Function):
    """The signed distance [n, 1] with the direction away from the nearest point as its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: Enclosing) -> Tensor:
        apart, slope = shape.nearest(_array(x))
        ctx.save_for_backward(torch.as_tensor(slope).to(x))
        return torch.as_tensor(apart)[:, None].to(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return grads[0] * slope, None


def _array(x: Tensor) -> NDArray[np.float64]:
    return x.detach().cpu().double().numpy()


def _taken(points: Tensor, normals: Tensor, unit: Tensor) -> Placed:
    rows = (unit[:, 0] * len(points)).long().clamp_max(len(points) - 1)
    return points[rows].to(unit), normals[rows].to(unit)


def triangles(mesh: Mesh, part: str) -> Piece:
    """The triangles of a mesh as a piece of a boundary."""
    vectors = mesh.area_vectors()
    areas = np.linalg.norm(vectors, axis=1)
    ends = torch.as_tensor(np.cumsum(areas))
    normals = torch.as_tensor(vectors / np.maximum(areas, np.finfo(float).tiny)[:, None])
    corners = torch.as_tensor(mesh.corners())
    widths = torch.as_tensor(areas)

    def place(unit: Tensor) -> Placed:
        along = unit[:, 0] * float(ends[-1])
        face = torch.bucketize(along, ends.to(unit), right=True).clamp_max(len(ends) - 1)
        a, b, c = corners.to(unit)[face].unbind(1)
        s, t = unit[:, 1:2].sqrt(), unit[:, 2:3]
        return a + s * (1 - t) * (b - a) + s * t * (c - a), normals.to(unit)[face]

    return Piece(part, float(widths.sum()), 3, place)
