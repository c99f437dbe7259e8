"""Paths of cameras through a scene that posed cameras have seen: orbits and spirals.

Pictures along a path have the training cameras' angle of view over their shorter side, square pixels and no lens.
"""

from collections.abc import Sequence
from math import asin, atan2, cos, degrees, pi, radians, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.rays.lens import PINHOLE
from pinnscene.rays.posed import PosedCamera
from pinnscene.render.camera import BASES

Numbers = NDArray[np.float64]
LEVEL = 0.02  # least mean square of the cameras' right axes across the ground by which they tell where up is
STEEPEST = 80.0  # degrees above or below the ground that an orbit is flown at
FORWARD = 0.5  # of the places around a scene: their mean direction is longer than this where none is behind it
TURNS = 2  # of a spiral
REACH = 0.9  # share of the cameras' spread that a spiral flies over


def upwards(cameras: Sequence[PosedCamera]) -> Numbers:
    """The unit vector [3] that is up for people who hold cameras level: across all their right axes.

    Where those are all but parallel, as in a capture from one side, the mean of the cameras' own up axes.
    """
    turns = np.stack([camera.matrix[:3, :3] for camera in cameras])
    mean = turns[:, :, 1].mean(0)
    values, axes = np.linalg.eigh(np.einsum("nk,nl->kl", turns[:, :, 0], turns[:, :, 0]) / len(turns))
    found = axes[:, 0] if values[1] > LEVEL else mean
    size = float(np.linalg.norm(found))
    if size < 1e-9:  # as many cameras upside down as not
        return np.array([0.0, 0.0, 1.0])
    return found / size * (1 if found @ mean >= 0 else -1)


def focus(cameras: Sequence[PosedCamera], lower: ArrayLike, upper: ArrayLike) -> Numbers:
    """The place [3] nearest to all view axes where that is in the box, else the middle of the box."""
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    views = np.stack([camera.matrix[:3, 2] for camera in cameras])
    across = np.eye(3) - views[:, :, None] * views[:, None]
    places = np.stack([camera.position for camera in cameras])
    if np.linalg.eigvalsh(across.mean(0))[0] > LEVEL:
        found = np.linalg.solve(across.sum(0), np.einsum("nij,nj->i", across, places))
        if (low < found).all() and (found < high).all():
            return found
    return (low + high) / 2


def one_sided(cameras: Sequence[PosedCamera], target: Numbers) -> bool:
    """Whether all cameras stand on one side of what they look at, so that its back was never seen."""
    arms = np.stack([camera.position - target for camera in cameras])
    along = arms / np.linalg.norm(arms, axis=1, keepdims=True).clip(1e-12)
    up = upwards(cameras)
    ground = along - np.outer(along @ up, up)
    level = ground / np.linalg.norm(ground, axis=1, keepdims=True).clip(1e-12)
    return len(cameras) > 1 and float(np.linalg.norm(level.mean(0))) > FORWARD


def orbit(
    cameras: Sequence[PosedCamera],
    target: Numbers,
    frames: int,
    size: tuple[int, int],
    azimuth: float | None = None,
    elevation: float | None = None,
    up: str | None = None,
) -> list[PosedCamera]:
    """A circle around ``target`` at the cameras' mean distance and elevation; the last stands before the first.

    Args:
        cameras: those that took the pictures.
        target: what is looked at [3].
        frames: places on the circle.
        size: width and height of the pictures.
        azimuth: degrees of the first place, see ``render.camera.view``; None for that of the first camera.
        elevation: degrees above the ground; None for the cameras' mean.
        up: "x", "y" or "z"; None for the cameras' own.
    """
    axis = upwards(cameras) if up is None else BASES[up][2]
    start, side = _ground(axis)
    arms = np.stack([camera.position for camera in cameras]) - target
    distance = float(np.linalg.norm(arms, axis=1).mean())
    if elevation is None:
        rise = arms @ axis / np.linalg.norm(arms, axis=1).clip(1e-12)
        elevation = float(np.clip(degrees(asin(float(rise.mean().clip(-1, 1)))), -STEEPEST, STEEPEST))
    first = atan2(arms[0] @ side, arms[0] @ start) if azimuth is None else radians(azimuth)
    e, made = radians(elevation), []
    for k in range(frames):
        a = first + 2 * pi * k / frames
        back = cos(e) * (cos(a) * start + sin(a) * side) + sin(e) * axis
        made.append(_camera(cameras, target + distance * back, back, axis, size, f"orbit {k}"))
    return made


def spiral(cameras: Sequence[PosedCamera], target: Numbers, frames: int, size: tuple[int, int]) -> list[PosedCamera]:
    """A closed spiral about the mean camera, all looking at ``target``: for captures from one side.

    Its radii are the ``REACH`` quantiles of the cameras' offsets along the mean camera's axes
    (Mildenhall et al. 1905.00889, as their code draws it).
    """
    axis = upwards(cameras)
    places = np.stack([camera.position for camera in cameras])
    middle = places.mean(0)
    back = middle - target
    if np.linalg.norm(back) < 1e-9:
        back = np.stack([camera.matrix[:3, 2] for camera in cameras]).mean(0)
    frame = _frame(back, axis)
    reach = np.quantile(np.abs((places - middle) @ frame), REACH, axis=0)
    if reach.max() < 1e-9:
        reach = np.full(3, 0.05 * float(np.linalg.norm(middle - target)))
    made = []
    for k in range(frames):
        a = 2 * pi * TURNS * k / frames
        place = middle + frame @ (reach * [cos(a), -sin(a), -sin(a / TURNS)])
        made.append(_camera(cameras, place, place - target, axis, size, f"spiral {k}"))
    return made


def at_size(camera: PosedCamera, size: tuple[int, int] | None) -> PosedCamera:
    """A camera for a picture of another size: scaled where its shape is the same, else of the same angle of view."""
    if size is None or size == camera.size:
        return camera
    if abs(size[0] * camera.size[1] - size[1] * camera.size[0]) <= max(*size, *camera.size):
        return camera.scaled(size)
    if camera.lens != PINHOLE:
        width, height = camera.size
        raise PinnsceneError(
            f"camera {camera.name} has a lens that bends: expected a size of the shape {width}x{height}, "
            f"got {size[0]}x{size[1]}"
        )
    return pinhole(np.asarray(camera.matrix), focal_at(camera, size), size, camera.name)


def _ground(up: Numbers) -> tuple[Numbers, Numbers]:
    """Two unit vectors across ``up``: where the azimuth starts, and a quarter turn on; as in ``BASES`` for the axes."""
    nearest = "xyz"[int(np.abs(up).argmax())]
    start = BASES[nearest][0] - (BASES[nearest][0] @ up) * up
    start /= np.linalg.norm(start)
    return start, np.asarray(np.cross(up, start), dtype=float)


def _frame(back: Numbers, up: Numbers) -> Numbers:
    """Right, up and backwards as columns [3, 3] of a camera that looks along -``back``."""
    back = back / np.linalg.norm(back)
    right = np.cross(up, back)
    if np.linalg.norm(right) < 1e-9:  # straight down or up
        right = _ground(up)[1]
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back], 1)


def _camera(
    cameras: Sequence[PosedCamera], place: Numbers, back: Numbers, up: Numbers, size: tuple[int, int], name: str
) -> PosedCamera:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = _frame(back, up), place
    return pinhole(matrix, float(np.median([focal_at(camera, size) for camera in cameras])), size, name)


def focal_at(camera: PosedCamera, size: tuple[int, int]) -> float:
    """The focal length in pixels that shows as much over the shorter side of another size."""
    shorter = int(np.argmin(camera.size))
    return camera.focal[shorter] / camera.size[shorter] * min(size)


def pinhole(matrix: Numbers, focal: float, size: tuple[int, int], name: str) -> PosedCamera:
    """A camera of square pixels, without a lens, that looks through the middle of its picture."""
    return PosedCamera(matrix, size, (float(focal), float(focal)), (size[0] / 2, size[1] / 2), name=name)
