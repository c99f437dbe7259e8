"""Shapes: the surfaces and solids that fields are fitted to, from files or from formulae.

Whatever a shape comes from, it gives points on its surface, answers on which side of it a point lies, and where
it can how far away the surface is. All numbers are float64, in the units and at the place of the file.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.memory import Told
from pinnscene.mesh.record import Mesh

Numbers = NDArray[np.float64]

MESHES = (".obj", ".ply", ".stl", ".off", ".glb", ".gltf")
COLUMNS = (".xyz", ".txt", ".csv")
ARRAYS = (".npy", ".npz")


@dataclass(frozen=True, eq=False, kw_only=True)
class Shape(ABC):
    """A surface in space with an inside, as far as that is known.

    Attributes:
        name: the file's name, or that of a built-in shape.
        lower, upper: the corners of the surface's bounding box [3].
        exact: whether ``distance`` is the true distance; where it is not, only its sign counts.
        signed: whether ``inside`` is known at all.
        notes: a line each for what was found in the file and what was decided.
    """

    kind: ClassVar[str]  # "mesh", "cloud", "volume" or "solid"
    name: str
    lower: Numbers
    upper: Numbers
    exact: bool = True
    signed: bool = True
    notes: list[str] = field(default_factory=list)

    @property
    def diagonal(self) -> float:
        """The length of the bounding box's diagonal."""
        return float(np.linalg.norm(self.upper - self.lower))

    @abstractmethod
    def surface(self, n: int, g: torch.Generator) -> tuple[Numbers, Numbers | None]:
        """``n`` random points [n, 3] on the surface, uniform by area, and their outward unit normals [n, 3].

        The normals are None where the shape has none: a cloud of bare points.
        """

    @abstractmethod
    def distance(self, p: Numbers) -> Numbers:
        """The signed distance [n] of points [n, 3] to the surface, negative inside.

        Raises:
            PinnsceneError: points of another shape or not finite, or a shape that has no inside.
        """

    def inside(self, p: Numbers) -> NDArray[np.bool_]:
        """Whether each of the points [n, 3] lies inside; raises as ``distance`` does."""
        return self.distance(p) < 0

    def nearest(self, p: Numbers) -> tuple[Numbers, Numbers]:
        """The true signed distance [n] of points [n, 3] and its gradient [n, 3], which has length one.

        Unless a shape knows better, to its mesh, with the shape's own sign. On a mesh the gradient is the normal.

        Raises:
            PinnsceneError: as ``distance`` does.
        """
        apart, direction = self._meshed.nearest(p)
        side = np.where(self.inside(p), -1.0, 1.0)
        flip = np.where(side * apart < 0, -1.0, 1.0)
        return side * np.abs(apart), flip[:, None] * direction

    @cached_property
    def _meshed(self) -> "Shape":
        """The shape's mesh as a shape of its own."""
        from pinnscene.scenes.meshshape import mesh_shape

        surface = self.mesh()
        if surface is None:
            raise PinnsceneError(f"{self.name} has no mesh to take distances to: give a mesh, a volume or a solid")
        return mesh_shape(surface.vertices, surface.faces, self.name)

    @abstractmethod
    def shifted(self, by: Numbers) -> "Shape":
        """The same shape ``by`` [3] further on."""

    @abstractmethod
    def mesh(self) -> Mesh | None:
        """The surface as triangles, to draw and to measure against; None for clouds."""


def upwards(path: str | Path | None) -> str:
    """The axis that points upwards in a file: y in those of modelling programs and scans, z in STL and in none."""
    return "z" if path is None or Path(path).suffix.lower() == ".stl" else "y"


def queries(p: Numbers) -> Numbers:
    """Points to be asked about, checked: finite and [n, 3].

    Raises:
        PinnsceneError: another shape, or values that are not finite.
    """
    points = np.ascontiguousarray(p, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise PinnsceneError(f"expected points of shape [n, 3], got {list(points.shape)}")
    if not np.isfinite(points).all():
        raise PinnsceneError("expected finite points, got NaN or infinite coordinates")
    return points


def load_shape(path: str | Path, told: Told = lambda line: None) -> Shape:
    """The shape in a file, by the file's ending and content.

    Meshes: OBJ, PLY, STL, OFF, GLB and self-contained GLTF. Points: XYZ, TXT and CSV with 3 or 6 columns, PLY and
    OBJ without faces, NPY and NPZ of [n, 3] or [n, 6]. Volumes: NPY and NPZ of three axes. Nothing outside the
    file is read, and a file that cannot be a shape is refused before much memory is spent on it.

    Args:
        path: the file.
        told: hears a line that states the memory needed, before it is spent, where that is a lot.

    Raises:
        PinnsceneError: no such file, a folder, an unknown ending, or content that is no shape.
    """
    path = Path(path)
    if path.is_dir():
        raise PinnsceneError(f"expected a shape, got the folder {path}: name a file in it")
    if not path.is_file():
        raise PinnsceneError(f"there is no shape {path}: check the path")
    ending = path.suffix.lower()
    if ending in MESHES:
        from pinnscene.scenes.meshshape import load_mesh

        return load_mesh(path, told)
    if ending in COLUMNS:
        from pinnscene.scenes.cloudshape import load_columns

        return load_columns(path, told)
    if ending in ARRAYS:
        from pinnscene.scenes.arrayfiles import load_array

        return load_array(path, told)
    known = ", ".join((*MESHES, *COLUMNS, *ARRAYS))
    raise PinnsceneError(f"{path} has the ending '{ending}', which no shape has: expected {known}")


def built_in(name: str) -> Shape:
    """A shape that needs no file; an unknown name raises with its near matches."""
    from pinnscene.scenes.solids import SOLIDS
    from pinnscene.scenes.solidshape import solid_shape

    if name not in SOLIDS:
        raise unknown("shape", name, SOLIDS)
    return solid_shape(SOLIDS[name], name)
