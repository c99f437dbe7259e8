"""The record of a triangle mesh."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 2**16  # faces at a time


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in space, in the units of what they were made from.

    Attributes:
        vertices: positions [v, 3].
        faces: three numbers of vertices each [f, 3], counter-clockwise seen from outside.
        normals: outward unit normals [v, 3] of the vertices, or None.
        colours: RGB of the vertices [v, 3], uint8, or None.
        values: what else is known of the vertices, [v] by name.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    normals: NDArray[Any] | None = None
    colours: NDArray[Any] | None = None
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def corners(self) -> NDArray[np.float64]:
        """The corners of each face [f, 3 corners, 3]."""
        return self.vertices[self.faces]

    def area_vectors(self) -> NDArray[np.float64]:
        """Each face's normal times its area [f, 3]."""
        areas = np.empty((len(self.faces), 3))
        for start in range(0, len(areas), CHUNK):
            a, b, c = (self.vertices[corner] for corner in self.faces[start : start + CHUNK].T)
            areas[start : start + CHUNK] = np.cross(b - a, c - a) / 2
        return areas
