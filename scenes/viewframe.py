"""Where a capture's scene is: the place that its cameras look at, a box around it, and the stretch of the rays.

Nothing is moved or scaled but for a place so far away that float32 could not resolve the scene about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from pinnscene.rays import PosedCamera
from pinnscene.render.camera import corners
from pinnscene.scenes.viewshots import Capture

Numbers = NDArray[np.float64]
PARALLEL = 0.02  # least eigenvalue of the views' spread below which they have no common point: within about 8 degrees
FAR_AWAY = 10.0  # in distances of the cameras: float32 still resolves a millionth of one there
BLENDER = (1.5, 2.0, 6.0)  # half the box, near and far of Blender's set
ENOUGH = 20  # points that say more of a scene than its cameras do
SEEN = 20_000  # points that are looked at


@dataclass(frozen=True, eq=False)
class Frame:
    """A box, the stretch of the rays, what was subtracted from all places, and what to say about it."""

    lower: Numbers
    upper: Numbers
    near: float
    far: float
    origin: Numbers = field(default_factory=lambda: np.zeros(3))
    notes: list[str] = field(default_factory=list)


def frame_of(cameras: Sequence[PosedCamera], capture: Capture, alpha: bool) -> Frame:
    """The frame of a capture; with ``alpha`` an object that all pictures show whole, else a place with surroundings."""
    centre, distances = _looked_at(cameras)
    points = None if capture.points is None else capture.points[0]
    if alpha and centre is not None:
        found = _object(cameras, centre, distances)
    elif points is not None and len(points) >= ENOUGH:
        found = _cloud(cameras, points, centre, distances)
    elif capture.bounds is not None:
        found = _bounded(cameras, *capture.bounds)
    elif centre is not None:
        found = _surroundings(centre, distances)
    else:
        spread = float(np.ptp([camera.position for camera in cameras], 0).max())
        reach = spread or float(np.linalg.norm(cameras[0].position)) or 1.0
        found = _bounded(cameras, 0.1 * reach, 5 * reach)
        found.notes.append("warning: the cameras look at no common point: near, far and the box are guessed")
    return _about_origin(found, cameras)


def _looked_at(cameras: Sequence[PosedCamera]) -> tuple[Numbers | None, Numbers]:
    """The point nearest to all view axes and the cameras' distances to it; None where they are all but parallel.

    A single camera is taken to look at the point of its axis that is nearest to the file's origin.
    """
    places = np.stack([camera.position for camera in cameras])
    views = np.stack([-np.asarray(camera.matrix)[:3, 2] for camera in cameras])
    across = np.eye(3) - views[:, :, None] * views[:, None]
    if len(cameras) == 1:
        along = float(-places[0] @ views[0])
        return (places[0] + along * views[0], np.array([along])) if along > 0 else (None, np.zeros(1))
    if np.linalg.eigvalsh(across.mean(0))[0] < PARALLEL:
        return None, np.zeros(len(cameras))
    middle = places.mean(0)
    offset = np.linalg.solve(across.sum(0), np.einsum("nij,nj->i", across, places - middle))
    centre = middle + offset
    arms = centre - places
    towards = (arms * views).sum(1)
    if np.median(towards) <= 0:  # cameras that look outwards, as from the middle of a room
        return None, np.zeros(len(cameras))
    return centre, np.linalg.norm(arms, axis=1)


def _object(cameras: Sequence[PosedCamera], centre: Numbers, distances: Numbers) -> Frame:
    distance = float(np.median(distances))
    if np.linalg.norm(centre) < 0.05 * distance:
        centre = np.zeros(3)
    if not centre.any() and 3.5 < distance < 4.6:
        half, near, far = BLENDER
    else:
        narrow = np.median([min(camera.size[k] / camera.focal[k] / 2 for k in (0, 1)) for camera in cameras])
        half = distance * min(0.6, 1.05 * float(narrow))
        near = max(0.05 * distance, float(distances.min()) - sqrt(3) * half)
        far = float(distances.max()) + sqrt(3) * half
    within = sum(bool((np.abs(camera.position - centre) < half).all()) for camera in cameras)
    notes = ["box: around the point that the cameras look at, as wide as they see there"]
    if within:
        notes.append(f"warning: {within} of the cameras stand inside the box: expected an object seen from outside")
    return Frame(centre - half, centre + half, near, far, notes=notes)


def _surroundings(centre: Numbers, distances: Numbers) -> Frame:
    distance = float(np.median(distances))
    notes = ["box: around the point that the cameras look at, out to them; what lies beyond is unbounded"]
    near, far = max(0.02 * distance, 0.1 * float(distances.min())), 20 * max(distance, float(distances.max()))
    return Frame(centre - distance, centre + distance, near, far, notes=notes)


def _cloud(cameras: Sequence[PosedCamera], points: Numbers, centre: Numbers | None, distances: Numbers) -> Frame:
    """By the points of a structure-from-motion model, but for the outermost few, of which many are wrong."""
    points = points[:: -(-len(points) // SEEN)]
    kept = points
    if centre is not None:
        near = points[np.linalg.norm(points - centre, axis=1) < 2 * np.median(distances)]
        kept = near if len(near) >= ENOUGH else points
    lower, upper = np.percentile(kept, [2, 98], axis=0)
    margin = np.maximum(0.1 * (upper - lower), 0.05 * (upper - lower).max() + 1e-9)
    depths = np.concatenate([_depths(camera, points) for camera in cameras[:: -(-len(cameras) // 50)]])
    if len(depths) < ENOUGH:
        depths = np.linalg.norm(points - cameras[0].position, axis=1)
    nearest, farthest = np.percentile(depths, [0.5, 99.5])
    notes = ["box: 2 to 98 % of the model's points near what the cameras look at; what lies beyond is unbounded"]
    return Frame(lower - margin, upper + margin, max(0.5 * nearest, 1e-3 * farthest), 2 * farthest, notes=notes)


def _depths(camera: PosedCamera, points: Numbers) -> Numbers:
    """The distances of the points that a camera has in view."""
    seen = camera.project(points)
    inside = ((seen[:, :2] >= 0) & (seen[:, :2] <= camera.size)).all(1) & (seen[:, 2] > 0)
    return np.linalg.norm(points[inside] - camera.position, axis=1)


def _bounded(cameras: Sequence[PosedCamera], near: float, far: float) -> Frame:
    """All that the cameras see between two depths along their views; near and far are along rays, and a bit wider."""
    ends = []
    slant = 1.0
    for camera in cameras:
        for depth in (near, far):
            plane = (corners([0, 0, 0], [*camera.size, 0])[:, :2] - camera.centre) / camera.focal
            local = np.concatenate([plane * [1, -1], -np.ones((len(plane), 1))], 1)
            slant = max(slant, float(np.linalg.norm(local, axis=1).max()))
            ends.append(depth * local @ np.asarray(camera.matrix)[:3, :3].T + camera.position)
    seen = np.concatenate(ends)
    notes = ["box: all that the cameras see between near and far; what lies beyond is unbounded"]
    return Frame(seen.min(0), seen.max(0), 0.9 * near, 1.1 * far * slant, notes=notes)


def _about_origin(found: Frame, cameras: Sequence[PosedCamera]) -> Frame:
    """The frame about a nearer origin, where the scene is far away from the file's."""
    middle = (found.lower + found.upper) / 2
    arms = [float(np.linalg.norm(camera.position - middle)) for camera in cameras]
    size = max(float((found.upper - found.lower).max()), *arms)
    if np.linalg.norm(middle) <= FAR_AWAY * size:
        return found
    about = ", ".join(f"{x:.9g}" for x in middle)
    notes = [*found.notes, f"places are taken about ({about}): the scene is far from the file's origin"]
    return Frame(found.lower - middle, found.upper - middle, found.near, found.far, middle, notes)
