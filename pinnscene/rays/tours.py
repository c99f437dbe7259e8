"""Tours: flights from one posed camera to the next, past what they look at and not through it."""

from collections.abc import Sequence
from math import pi

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.spatial.transform import Rotation, RotationSpline

from pinnscene.rays.paths import focal_at, pinhole
from pinnscene.rays.posed import PosedCamera

Numbers = NDArray[np.float64]
FRAMES_A_KEY = 6  # of a tour, at least: more views than this allows are left out
FEWEST_KEYS = 4  # that are kept all the same, so that a tour of few frames goes somewhere
ASIDE = 0.7  # tangent of the angle off its axis up to which a camera still looks at a place, 35 degrees
MOST = 2000  # cameras that are put in order


def tour(
    cameras: Sequence[PosedCamera], frames: int, size: tuple[int, int], target: Numbers | None = None
) -> list[PosedCamera]:
    """A smooth flight through the poses of cameras, on a short way where they come in no order.

    Turns follow a spline of rotations over the length of the way; one turn by 180 degrees counts as far as the spread
    of all places. Where all cameras look at the target, so does the flight: what changes from view to view is the
    target's place in the camera's own frame, monotone in each coordinate, and the camera stands where its turn then
    puts it. So it flies around the target, and never comes nearer in depth than the nearest of the views. Else the
    places follow cubic splines. Where there are more cameras than frames can show, some are left out.

    Args:
        cameras: those that took the pictures.
        frames: places on the way, evenly along it.
        size: width and height of the pictures.
        target: what the cameras look at [3], if anything.
    """
    kept = _chosen(cameras, max(frames, FEWEST_KEYS * FRAMES_A_KEY) // FRAMES_A_KEY)
    places, turns = _places(kept), Rotation.from_matrix([c.matrix[:3, :3] for c in kept])
    spread = float(np.ptp(places, axis=0).max()) or 1.0
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1) / spread
    steps += (turns[:-1].inv() * turns[1:]).magnitude() / pi if len(kept) > 1 else 0
    distinct = np.append(0, np.flatnonzero(steps > 1e-6) + 1)
    at = np.concatenate([[0.0], steps.cumsum()])[distinct]
    focal = np.array([focal_at(c, size) for c in kept])[distinct]
    if len(distinct) == 1:
        return [pinhole(np.asarray(kept[0].matrix), focal[0], size, f"tour {k}") for k in range(frames)]
    moments = np.linspace(0, at[-1], frames)
    places, turns = places[distinct], Rotation.from_quat(turns.as_quat()[distinct])
    turned = RotationSpline(at, turns)(moments)
    matrices = np.tile(np.eye(4), (frames, 1, 1))
    matrices[:, :3, :3] = turned.as_matrix()
    arms = None if target is None else turns.inv().apply(places - target)  # as each camera has them, along its axes
    if target is not None and arms is not None and _looks_at(arms):
        matrices[:, :3, 3] = target + turned.apply(PchipInterpolator(at, arms)(moments))
    else:
        matrices[:, :3, 3] = CubicSpline(at, places, bc_type="natural")(moments)
    lengths = np.interp(moments, at, focal)
    return [pinhole(m, f, size, f"tour {k}") for k, (m, f) in enumerate(zip(matrices, lengths, strict=True))]


def _looks_at(arms: Numbers) -> bool:
    """Whether cameras that stand at ``arms`` [n, 3] from a place, along their own axes, look at it: backwards is z."""
    return bool((np.linalg.norm(arms[:, :2], axis=1) < ASIDE * arms[:, 2]).all())


def _chosen(cameras: Sequence[PosedCamera], count: int) -> list[PosedCamera]:
    """About ``count`` cameras at most, in the order that they are flown through.

    Every so many of those that come in order, each near the one before; else those that are farthest from each other,
    on a short way from the first.
    """
    places = _places(cameras)
    stride = -(-len(cameras) // count)
    if not 3 <= len(cameras) <= MOST:
        return list(cameras[::stride])
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
    nearest = (gaps + np.diag(np.full(len(gaps), np.inf))).min(1)
    if np.median(np.diagonal(gaps, 1)) <= 2 * np.median(nearest):
        return list(cameras[::stride])
    chosen = _spread(gaps, min(count, len(gaps)))
    return [cameras[k] for k in chosen[_shortened(gaps[np.ix_(chosen, chosen)])]]


def _spread(gaps: Numbers, count: int) -> NDArray[np.int64]:
    """The first of places with distances ``gaps`` [n, n], and always the one farthest from all before: [count]."""
    found, away = [0], gaps[0].copy()
    while len(found) < count:
        found.append(int(away.argmax()))
        away = np.minimum(away, gaps[found[-1]])
    return np.array(found)


def _shortened(gaps: Numbers) -> NDArray[np.int64]:
    """An order of places with distances ``gaps`` [n, n] from the first on: to the nearest, then parts turned around.

    A part is turned around as long as that makes the way shorter (Croes, Operations Research 6, 1958).
    """
    order = [0]
    while len(order) < len(gaps):
        row = gaps[order[-1]].copy()
        row[order] = np.inf
        order.append(int(row.argmin()))
    way, better = np.array(order), True
    while better:
        better = False
        for i in range(len(way) - 2):
            a, b, ends = way[i], way[i + 1], way[i + 2 :]
            after = np.append(gaps[ends[:-1], ends[1:]] - gaps[b, ends[1:]], 0.0)  # the last has none to go on to
            gain = gaps[a, b] - gaps[a, ends] + after
            best = int(gain.argmax())
            if gain[best] > 1e-9 * gaps.max():
                way[i + 1 : i + 3 + best] = way[i + 1 : i + 3 + best][::-1]
                better = True
    return way


def _places(cameras: Sequence[PosedCamera]) -> Numbers:
    return np.stack([camera.position for camera in cameras])
