"""Pinhole cameras, their rays, and orbits around a box.

Convention of OpenGL and Blender: the camera looks along its own -z, +x is right and +y is up. Pixel (i, j) of a
picture covers [i, i + 1] x [j, j + 1], counted from the upper left corner, so that its centre is (i + 1/2, j + 1/2).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import cos, isfinite, pi, radians, sin, tan
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pinnscene.errors import PinnsceneError, unknown

CHUNK = 1 << 16  # rays made at a time
AZIMUTH, ELEVATION, FOV = 35.0, 25.0, 30.0  # degrees
FILL = 0.8  # share of the picture that a framed box may take
GRID = ((0.375, 0.125), (0.875, 0.375), (0.125, 0.625), (0.625, 0.875))  # the rotated grid of four
BASES: dict[str, NDArray[np.float64]] = {  # rows: where the azimuth starts, a quarter turn on, and up
    "x": np.eye(3)[[1, 2, 0]],
    "y": np.eye(3)[[2, 0, 1]],
    "z": np.eye(3),
}


class Rays(NamedTuple):
    """``origins`` and unit ``directions`` [n, 3] in float64, and the ``pixel`` [n] that each goes through."""

    origins: Tensor
    directions: Tensor
    pixel: Tensor


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position, target: where it stands and what it looks at, in the scene's units.
        up: the direction that is upwards in its pictures.
        fov: vertical angle of view, degrees.

    Raises:
        PinnsceneError: a position at the target, a view along ``up``, or an angle outside (0, 180).
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    fov: float = FOV

    def __post_init__(self) -> None:
        numbers = (*self.position, *self.target, *self.up, self.fov)
        if not all(isfinite(x) for x in numbers) or not 0 < self.fov < 180:
            raise PinnsceneError(f"a camera expected finite numbers and an angle of view from 0 to 180, got {self}")
        view, up = np.subtract(self.target, self.position), np.asarray(self.up, dtype=float)
        if not np.linalg.norm(np.cross(view, up)) > 1e-9 * np.linalg.norm(view) * np.linalg.norm(up):
            raise PinnsceneError(f"a camera expected a target aside of its position and its up direction, got {self}")

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Camera to world, [4, 4]: the columns are right, up, backwards and the position."""
        back = _unit(np.subtract(self.position, self.target))
        right = _unit(np.cross(self.up, back))
        made = np.eye(4)
        made[:3] = np.stack([right, np.cross(back, right), back, np.asarray(self.position)], 1)
        return made

    def focal(self, height: int) -> float:
        """The focal length in pixels of a picture of ``height`` pixels."""
        return height / (2 * tan(radians(self.fov) / 2))

    def through(self, pixel: Tensor, offset: Tensor, size: tuple[int, int]) -> Rays:
        """The rays through places ``offset`` [n, 2], from 0 to 1, within pixels numbered along rows [n]."""
        width, height = size
        across = (pixel % width).double() + offset[:, 0] - width / 2
        down = torch.div(pixel, width, rounding_mode="floor").double() + offset[:, 1] - height / 2
        local = torch.stack([across, -down, torch.full_like(across, -self.focal(height))], 1)
        local = local / local.norm(dim=1, keepdim=True)
        frame = torch.from_numpy(self.matrix).to(local)
        return Rays(frame[:3, 3].expand_as(local), local @ frame[:3, :3].T, pixel)

    def rays(
        self, size: tuple[int, int], samples: int = 1, generator: torch.Generator | None = None, chunk: int = CHUNK
    ) -> Iterator[Rays]:
        """All rays of a picture along its rows, ``samples`` of each pixel side by side, in chunks of whole pixels.

        Args:
            size: width and height in pixels.
            samples: rays a pixel.
            generator: draws places within the pixels; None for the fixed ``pattern``.
            chunk: most rays at a time.
        """
        fixed = torch.from_numpy(pattern(samples))
        pixels, step = size[0] * size[1], max(1, chunk // samples)
        for first in range(0, pixels, step):
            pixel = torch.arange(first, min(first + step, pixels))
            drawn = torch.rand(len(pixel), samples, 2, dtype=torch.float64, generator=generator) if generator else fixed
            offset = drawn.expand(len(pixel), samples, 2).reshape(-1, 2)
            yield self.through(pixel.repeat_interleave(samples), offset, size)

    def project(self, points: ArrayLike, size: tuple[int, int]) -> NDArray[np.float64]:
        """Where points [n, 3] fall: across and down in pixels, and the depth along the view, [n, 3]."""
        frame = self.matrix
        local = (np.asarray(points, dtype=float) - frame[:3, 3]) @ frame[:3, :3]
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = self.focal(size[1]) / -local[:, 2]
            return np.stack([size[0] / 2 + scale * local[:, 0], size[1] / 2 - scale * local[:, 1], -local[:, 2]], 1)

    def turned(self, degrees: float) -> "Camera":
        """The camera moved about the upright axis through its target, counter-clockwise seen from above."""
        axis, arm = _unit(np.asarray(self.up, dtype=float)), np.subtract(self.position, self.target)
        c, s = cos(radians(degrees)), sin(radians(degrees))
        moved = c * arm + s * np.cross(axis, arm) + (1 - c) * axis * (axis @ arm)  # Rodrigues
        return replace(self, position=_triple(np.asarray(self.target) + moved))


def pattern(samples: int) -> NDArray[np.float64]:
    """Fixed places [samples, 2] within a pixel: its centre, the rotated grid of four, or Hammersley's points."""
    if samples < 1:
        raise PinnsceneError(f"expected at least 1 sample a pixel, got {samples}")
    if samples == 4:
        return np.array(GRID)
    k = np.arange(samples)
    inverse = np.zeros(samples)
    for bit in range(samples.bit_length()):  # the radical inverse in base 2
        inverse += ((k >> bit) & 1) / 2 ** (bit + 1)
    return np.stack([(k + 0.5) / samples, inverse + 0.5 - inverse.mean()], 1)


def corners(lower: ArrayLike, upper: ArrayLike) -> NDArray[np.float64]:
    """The eight corners [8, 3] of a box."""
    ends = np.stack([np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)])
    return np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])


def view(
    points: ArrayLike,
    azimuth: float = AZIMUTH,
    elevation: float = ELEVATION,
    up: str = "z",
    fov: float = FOV,
    aspect: float = 1.0,
) -> Camera:
    """A camera that has points in view from a direction, at a distance that suits every azimuth.

    Args:
        points: [n, 3], such as a box's ``corners``; the camera looks at the middle of their bounding box.
        azimuth: degrees counter-clockwise about ``up``: 0 looks from +x where z is up, from +z where y is.
        elevation: degrees above the ground, from -89 to 89.
        up: "x", "y" or "z".
        fov: vertical angle of view, degrees.
        aspect: width of the picture over its height.

    Raises:
        PinnsceneError: another axis, or an elevation outside its range.
    """
    if up not in BASES:
        raise unknown("axis", up, BASES)
    if not -89 <= elevation <= 89:
        raise PinnsceneError(f"elevation expected -89 to 89 degrees, got {elevation}")
    seen = np.asarray(points, dtype=float)
    target = (seen.min(0) + seen.max(0)) / 2
    a, e = radians(azimuth), radians(elevation)
    distance = _distance((seen - target) @ BASES[up].T, e, radians(fov), aspect)
    arm = distance * np.array([cos(e) * cos(a), cos(e) * sin(a), sin(e)]) @ BASES[up]
    return Camera(_triple(target + arm), _triple(target), _triple(BASES[up][2]), fov)


def orbit(
    points: ArrayLike,
    frames: int,
    azimuth: float = AZIMUTH,
    elevation: float = ELEVATION,
    up: str = "z",
    fov: float = FOV,
    aspect: float = 1.0,
) -> list[Camera]:
    """``frames`` cameras evenly around points, see ``view``: the last stands one step before the first."""
    first = view(points, azimuth, elevation, up, fov, aspect)
    return [first.turned(360.0 * k / frames) for k in range(frames)]


def _distance(arms: NDArray[np.float64], elevation: float, fov: float, aspect: float) -> float:
    """How far away points stay in view from all around: none leaves the part of the picture to be filled."""
    turn = np.linspace(0, 2 * pi, 48, endpoint=False)[:, None]
    along = arms[:, 0] * np.cos(turn) + arms[:, 1] * np.sin(turn)
    across = arms[:, 1] * np.cos(turn) - arms[:, 0] * np.sin(turn)
    towards = along * cos(elevation) + arms[:, 2] * sin(elevation)
    upwards = arms[:, 2] * cos(elevation) - along * sin(elevation)
    reach = np.maximum(np.abs(across) / aspect, np.abs(upwards)) / (FILL * tan(fov / 2))
    return float((towards + reach).max())


def _unit(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return v / np.linalg.norm(v)


def _triple(v: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(v[0]), float(v[1]), float(v[2])
