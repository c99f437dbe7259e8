"""Point clouds as small shaded balls, drawn with a depth buffer: what stands beside a reconstruction."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from pinnscene.errors import PinnsceneError
from pinnscene.render import tone
from pinnscene.render.camera import Camera
from pinnscene.render.shading import BOUNCE, KEY, LIGHT, SKY, backdrop
from pinnscene.render.shot import COLOUR

SUPER = 2  # pixels drawn for each one along a side
MOST = 60_000  # points drawn
SOLID = 4.0  # how much more of the ground a surface hides than balls at its points would
SHARE = 0.45  # of the spacing of the points: a ball's radius

Array = NDArray[np.float64]


def draw_points(points: Array, camera: Camera, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture [height, width, 3] of points [n, 3] with the light and the ground of a surface's picture.

    Raises:
        PinnsceneError: an array of another shape, or without finite points.
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.isfinite(points).all():
        raise PinnsceneError(f"expected finite points of shape [n, 3] with n at least 1, got {points.shape}")
    kept = points[np.linspace(0, len(points) - 1, min(len(points), MOST)).round().astype(int)]
    width, height = size[0] * SUPER, size[1] * SUPER
    up = np.asarray(camera.up) / np.linalg.norm(camera.up)
    light = _light(camera, up)
    radius = SHARE * _spacing(kept)
    picture = _backdrop(size) * (1 - 0.45 * _shadow(kept, radius, camera, (width, height), up, light))[..., None]
    at = camera.project(kept, (width, height))
    _splat(
        picture, at, np.clip(radius * camera.focal(height) / np.maximum(at[:, 2], 1e-9), 1.0, 40.0), camera, light, up
    )
    small = picture.reshape(size[1], SUPER, size[0], SUPER, 3).mean((1, 3))
    return tone.to_bytes(tone.curve(torch.from_numpy(small)))


def _light(camera: Camera, up: Array) -> Array:
    right = camera.matrix[:3, 0]
    light = LIGHT[0] * right + LIGHT[1] * up + LIGHT[2] * np.cross(right, up)
    return light / np.linalg.norm(light)


def _spacing(points: Array) -> float:
    """The median distance to the fourth nearest other point."""
    some = points[:: max(1, len(points) // 2000)]
    distance = KDTree(points).query(some, k=min(5, len(points)))[0].reshape(len(some), -1)[:, -1]
    return float(np.median(distance)) or float(np.ptp(points, axis=0).max()) / 100 or 1.0


def _backdrop(size: tuple[int, int]) -> Array:
    pixel = torch.arange(size[0] * size[1])
    light = backdrop(pixel, torch.full((len(pixel), 2), 0.5), size).double().numpy().reshape(size[1], size[0], 3)
    return light.repeat(SUPER, 0).repeat(SUPER, 1)


def _shadow(points: Array, radius: float, camera: Camera, size: tuple[int, int], up: Array, light: Array) -> Array:
    """How dark the ground is [height, width]: the points thrown onto it along the light, and blurred.

    Balls that fall at random hide 1 - exp(-n a) of the ground, for n of area a on a unit of it; those of a surface
    stand for what is between them too.
    """
    floor = (points @ up).min()
    fallen = points - ((points @ up - floor) / (light @ up))[:, None] * light
    at = camera.project(fallen, size)
    column, row = np.floor(at[:, 0]).astype(int), np.floor(at[:, 1]).astype(int)
    seen = (at[:, 2] > 0) & (column >= 0) & (column < size[0]) & (row >= 0) & (row < size[1])
    area = np.zeros(size[::-1])
    np.add.at(area, (row[seen], column[seen]), np.pi * (radius * camera.focal(size[1]) / at[seen, 2]) ** 2)
    return 1 - np.exp(-SOLID * gaussian_filter(area, 0.012 * size[1]))


def _splat(picture: Array, at: Array, radius: Array, camera: Camera, light: Array, up: Array) -> None:
    """Draw balls into a linear picture, the nearest in front."""
    height, width = picture.shape[:2]
    depth = np.full(height * width, np.inf)
    flat = picture.reshape(-1, 3)
    frame, focal = camera.matrix[:3, :3], camera.focal(height)
    top = int(np.ceil(radius.max()))
    for dy in range(-top, top + 1):
        for dx in range(-top, top + 1):
            column, row = np.floor(at[:, 0]).astype(int) + dx, np.floor(at[:, 1]).astype(int) + dy
            x, y = (column + 0.5 - at[:, 0]) / radius, (at[:, 1] - row - 0.5) / radius
            inside = (x * x + y * y < 1) & (at[:, 2] > 0) & (column >= 0) & (column < width)
            k = np.flatnonzero(inside & (row >= 0) & (row < height))
            k = k[np.argsort(-at[k, 2], kind="stable")]  # the nearest is written last
            bulge = np.sqrt(np.maximum(1 - x[k] ** 2 - y[k] ** 2, 0))
            place, gap = row[k] * width + column[k], at[k, 2] * (1 - bulge * radius[k] / focal)
            seen = gap < depth[place]
            k, place, gap, bulge = k[seen], place[seen], gap[seen], bulge[seen]
            depth[place] = gap
            normal = np.stack([x[k], y[k], bulge], 1) @ frame.T
            flat[place] = _lit(normal, light, up)


def _lit(normal: Array, light: Array, up: Array) -> Array:
    sky = 0.5 + 0.5 * (normal @ up)[:, None]
    key = np.maximum(normal @ light, 0)[:, None]
    return np.asarray(COLOUR) * (key * np.asarray(KEY) + sky * np.asarray(SKY) + (1 - sky) * np.asarray(BOUNCE))
