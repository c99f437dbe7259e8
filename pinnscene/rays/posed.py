"""Cameras of pictures that were taken: a pose in the world, focal lengths, a principal point and a lens.

Conventions as in ``pinnscene.render.camera``: the camera looks along its own -z, +x is right and +y is up; pixel
(i, j) covers [i, i + 1] x [j, j + 1] counted from the upper left corner, its centre is at (i + 1/2, j + 1/2).
"""

from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.rays.lens import PINHOLE, Lens
from pinnscene.render.camera import Camera


class Beams(NamedTuple):
    """``origins`` and unit ``directions`` [n, 3], and half the width ``radius`` [n, 1] of a pixel at distance 1."""

    origins: Tensor
    directions: Tensor
    radius: Tensor


@dataclass(frozen=True, eq=False)
class PosedCamera:
    """One camera.

    Attributes:
        matrix: camera to world [4, 4], float64: the columns are right, up, backwards and the position.
        size: width and height in pixels.
        focal: focal lengths across and down, pixels.
        centre: the principal point across and down, pixels from the upper left corner.
        lens: what the lens does to straight lines.
        name: of the picture.

    Raises:
        PinnsceneError: a matrix that is no rigid motion, sizes or focal lengths that are not positive.
    """

    matrix: NDArray[np.float64]
    size: tuple[int, int]
    focal: tuple[float, float]
    centre: tuple[float, float]
    lens: Lens = PINHOLE
    name: str = ""

    def __post_init__(self) -> None:
        numbers = np.asarray([*self.size, *self.focal, *self.centre], dtype=float)
        if not np.isfinite(numbers).all() or min(self.size) < 1 or min(self.focal) <= 0:
            raise PinnsceneError(
                f"camera {self.name}: expected a size and focal lengths above 0, got {self.size} and {self.focal}"
            )
        matrix = np.asarray(self.matrix, dtype=float)
        turn = matrix[:3, :3] if matrix.shape == (4, 4) else np.full((3, 3), np.nan)
        if not np.isfinite(matrix).all() or not np.allclose(turn @ turn.T, np.eye(3), atol=1e-3):
            raise PinnsceneError(f"camera {self.name}: expected a rotation and a position [4, 4], got {matrix}")
        if np.linalg.det(turn) < 0:
            raise PinnsceneError(f"camera {self.name}: its matrix mirrors the world, expected a rotation")

    @classmethod
    def of(cls, camera: Camera, size: tuple[int, int], name: str = "") -> "PosedCamera":
        """A camera that looks at a target, for pictures of a size."""
        focal = camera.focal(size[1])
        return cls(camera.matrix, size, (focal, focal), (size[0] / 2, size[1] / 2), name=name)

    def rays(self, pixel: Tensor, offset: Tensor | float = 0.5) -> Beams:
        """The rays in float64 through places ``offset`` [n, 2], from 0 to 1, in pixels numbered along rows [n]."""
        width = self.size[0]
        corner = torch.stack([pixel % width, torch.div(pixel, width, rounding_mode="floor")], 1).double()
        focal, centre = (torch.tensor(v, dtype=torch.float64) for v in (self.focal, self.centre))
        plane = self.lens.straighten((corner + offset - centre) / focal)
        local = torch.cat([plane[:, :1], -plane[:, 1:], -torch.ones_like(plane[:, :1])], 1)
        length = local.norm(dim=1, keepdim=True)
        frame = torch.from_numpy(np.asarray(self.matrix, dtype=float))
        directions = local / length @ frame[:3, :3].T
        radius = 0.5 / sqrt(self.focal[0] * self.focal[1]) / length
        return Beams(frame[:3, 3].expand_as(directions), directions, radius)

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Where points [n, 3] fall: across and down in pixels, and the depth along the view, [n, 3]."""
        frame = np.asarray(self.matrix, dtype=float)
        local = (np.asarray(points, dtype=float) - frame[:3, 3]) @ frame[:3, :3]
        depth = -local[:, 2:]
        with np.errstate(divide="ignore", invalid="ignore"):
            plane = torch.from_numpy(local[:, :2] * [1, -1] / depth)
        return np.concatenate([self.lens.bend(plane).numpy() * self.focal + self.centre, depth], 1)

    def plane(self, across: Tensor, down: Tensor) -> Tensor:
        """Places of a lattice in pixels, across [w] and down [h], as the lens has them: in focal lengths [h w, 2]."""
        focal, centre = (torch.tensor(v, dtype=torch.float64) for v in (self.focal, self.centre))
        places = torch.stack(torch.meshgrid(across.double(), down.double(), indexing="xy"), 2)
        return ((places - centre) / focal).reshape(-1, 2)

    def scaled(self, size: tuple[int, int]) -> "PosedCamera":
        """The same view in a picture of another size."""
        across, down = (new / old for new, old in zip(size, self.size, strict=True))
        focal, centre = (self.focal[0] * across, self.focal[1] * down), (self.centre[0] * across, self.centre[1] * down)
        return replace(self, size=size, focal=focal, centre=centre)

    @property
    def position(self) -> NDArray[np.float64]:
        return np.asarray(self.matrix, dtype=float)[:3, 3]
