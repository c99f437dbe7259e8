"""Volumes as shapes: numbers on a regular grid that say what is inside, or how far away the surface is."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import distance_transform_edt

from pinnscene.errors import PinnsceneError
from pinnscene.mesh.record import Mesh
from pinnscene.scenes.meshclean import used
from pinnscene.scenes.meshshape import on_triangles
from pinnscene.scenes.shapechecks import finite, with_volume
from pinnscene.scenes.shapes import Numbers, Shape, queries
from pinnscene.scenes.winding import CHUNK

UNIT = 0.05  # by how much the slope may differ from 1 and still be that of a distance
NEARLY = 0.9  # share of the voxels that must have such a slope


@dataclass(frozen=True, eq=False, kw_only=True)
class VolumeShape(Shape):
    """Signed distances at the centres of voxels, see ``volume_shape``.

    Attributes:
        values: distances [x, y, z], negative inside.
        spacing: the step between voxels along each axis [3].
        origin: the centre of the first voxel [3].
    """

    kind = "volume"
    values: Numbers
    spacing: Numbers
    origin: Numbers

    def surface(self, n: int, g: torch.Generator) -> tuple[Numbers, Numbers | None]:
        return on_triangles(self.mesh(), n, g)

    def distance(self, p: Numbers) -> Numbers:
        """Between voxels by their trilinear mean; outside the array the way to it is added."""
        points = (queries(p) - self.origin) / self.spacing
        out = np.empty(len(points))
        for first in range(0, len(points), CHUNK):
            part = points[first : first + CHUNK]
            within = part.clip(0, np.array(self.values.shape) - 1)
            away = np.linalg.norm((part - within) * self.spacing, axis=1)
            out[first : first + CHUNK] = self._trilinear(within) + away
        return out

    def shifted(self, by: Numbers) -> "VolumeShape":
        return replace(self, origin=self.origin + by, lower=self.lower + by, upper=self.upper + by)

    def mesh(self) -> Mesh:
        return self._triangles

    @cached_property
    def _trilinear(self) -> RegularGridInterpolator:
        return RegularGridInterpolator([np.arange(n) for n in self.values.shape], self.values)

    @cached_property
    def _triangles(self) -> Mesh:
        return isosurface(self.values, self.spacing, self.origin)


def isosurface(values: Numbers, spacing: Numbers, origin: Numbers) -> Mesh:
    """The zero set of ``values`` [x, y, z], negative inside, by marching cubes (Lewiner et al. 2003)."""
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(values.astype(np.float32), 0.0, gradient_direction="descent")
    vertices, faces = used(vertices.astype(np.float64), faces.astype(np.int64))
    return Mesh(vertices * spacing + origin, faces)


def volume_shape(values: NDArray, spacing: Numbers, origin: Numbers, name: str) -> VolumeShape:
    """An array [x, y, z] as a shape: two different values mean outside and inside, others signed distances.

    Args:
        values: booleans, 0 and 1 or any two values, the larger one inside; or distances of both signs. Which sign
            is inside is told from the border, most of which is taken to be outside.
        spacing: the step between voxels along each axis [3], in the units of the distances.
        origin: the centre of the first voxel [3].
        name: the shape's name.

    Raises:
        PinnsceneError: another number of axes, fewer than two voxels along one, a step that is not positive, values
            that are not finite, or no surface between the voxels.
    """
    if values.ndim != 3 or min(values.shape) < 2:
        raise PinnsceneError(f"{name}: expected at least 2 voxels along three axes, got shape {list(values.shape)}")
    if not (spacing > 0).all():
        raise PinnsceneError(f"{name}: expected a positive spacing, got {spacing.tolist()}")
    finite(values.reshape(-1, 1), name, "voxel")
    notes: list[str] = []
    low, high = values.min(), values.max()
    if low == high:
        raise PinnsceneError(f"{name}: all voxels are {low}: expected an inside and an outside")
    if bool(((values == low) | (values == high)).all()):
        distances, origin, exact = *_from_occupancy(values == high, spacing, origin, notes), False
    elif low < 0 < high:
        distances, exact = _signed(values.astype(np.float64), spacing, notes)
    else:
        raise PinnsceneError(
            f"{name}: the values go from {low:g} to {high:g}: expected distances of both signs or two values only, "
            "subtract the surface's level first"
        )
    mesh = isosurface(distances, spacing, origin)
    with_volume(mesh.vertices, name, "surface point")
    shape = VolumeShape(
        name=name, lower=mesh.vertices.min(0), upper=mesh.vertices.max(0), exact=exact, notes=notes,
        values=distances, spacing=spacing, origin=origin,
    )  # fmt: skip
    return shape


def _from_occupancy(
    inside: NDArray[np.bool_], spacing: Numbers, origin: Numbers, notes: list[str]
) -> tuple[Numbers, Numbers]:
    """Distances from flags, and the origin of the padded grid: the surface runs halfway between unlike voxels."""
    notes.append("two values only: the larger one is inside, the surface runs halfway between voxels")
    if _border(inside).any():
        notes.append("the inside reaches the array's border: closed there")
    inside = np.pad(inside, 1)
    step = tuple(spacing.tolist())
    to_outside = np.asarray(distance_transform_edt(inside, sampling=step))
    to_inside = np.asarray(distance_transform_edt(~inside, sampling=step))
    half = spacing.min() / 2
    return np.where(inside, half - to_outside, to_inside - half), origin - spacing


def _signed(values: Numbers, spacing: Numbers, notes: list[str]) -> tuple[Numbers, bool]:
    """Distances negative inside, and whether they are true ones: their slope is 1 nearly everywhere."""
    border = _border(values)
    if (border > 0).mean() < 0.5:
        values, border = -values, -border
        notes.append("most of the border is negative: positive is taken as inside")
    if (border < 0).any():
        notes.append("the inside reaches the array's border: the surface is open there")
    square = np.zeros_like(values)
    for axis, step in enumerate(spacing.tolist()):
        square += np.gradient(values, step, axis=axis) ** 2
    slope = np.sqrt(square)
    exact = bool((np.abs(slope - 1) < UNIT).mean() > NEARLY)
    if not exact:
        notes.append(f"the slope is {np.median(slope):.3g} in the median, not 1 everywhere: only the sign counts")
    return values, exact


def _border(values: NDArray) -> NDArray:
    """The values on the six faces of the array."""
    return np.concatenate([np.take(values, end, axis).ravel() for axis, end in product(range(3), (0, -1))])
