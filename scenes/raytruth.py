"""True pictures of a scene: colour with opacity, exact depth and exact normals, for any camera.

Rays through the centres of all pixels are met and shaded once. Where neighbours differ, in what they meet, in how
far it is or in brightness, and where a ray passes a surface closer than its pixel is wide, the pixel is taken
again at more samples. Samples are averaged as they are shown, in sRGB: that is what a field which is composited in
those colours sums up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.rays import PosedCamera
from pinnscene.rays.posed import Beams
from pinnscene.render import tone
from pinnscene.render.camera import pattern
from pinnscene.scenes.rayscene import Scene
from pinnscene.scenes.rayshading import normals, radiance
from pinnscene.scenes.raytrace import NOTHING, Hits, meet

CHUNK = 1 << 19  # rays at a time
CONTRAST = 0.07  # between neighbours as they are shown, from 0 to 1
GRAZE = 1.5  # pixels that a ray passes a surface by to be looked at again
CREASE = 6.0  # pixels of depth between neighbours


@dataclass(frozen=True, eq=False)
class Truth:
    """One view.

    Attributes:
        rgba: bytes [height, width, 4], sRGB with straight opacity.
        depth: distances along the rays through the pixels' centres [height, width], float32; NaN where nothing is.
        normal: unit normals in the world [height, width, 3], float32; NaN where nothing is.
    """

    rgba: NDArray[np.uint8]
    depth: NDArray[np.float32]
    normal: NDArray[np.float32]


def truth(scene: Scene, camera: PosedCamera, samples: int = 4) -> Truth:
    """The view of a camera; ``samples`` rays a pixel at edges (1: none more than everywhere)."""
    return Truth(picture(scene, camera, samples), *geometry(scene, camera))


def geometry(scene: Scene, camera: PosedCamera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Exact depth [h, w] and normals [h, w, 3] through the pixels' centres; NaN where nothing is."""
    width, height = camera.size
    depth, normal = torch.full((width * height,), torch.nan), torch.full((width * height, 3), torch.nan)
    for pixel in torch.arange(width * height).split(CHUNK):
        beams = camera.rays(pixel)
        hits = meet(scene, beams.origins, beams.directions, exact=True)
        p = beams.origins + hits.t[:, None] * beams.directions
        for k in hits.item.unique().tolist():
            if k != NOTHING:
                rows = (hits.item == k).nonzero()[:, 0]
                depth[pixel[rows]] = hits.t[rows].float()
                normal[pixel[rows]] = normals(scene, k, p[rows], beams.directions[rows]).float()
    return depth.reshape(height, width).numpy(), normal.reshape(height, width, 3).numpy()


def picture(scene: Scene, camera: PosedCamera, samples: int = 4) -> NDArray[np.uint8]:
    """Bytes [height, width, 4]: sRGB with straight opacity, 255 everywhere where the sky is shown."""
    return pictures(scene, [camera], samples)[0]


def pictures(scene: Scene, cameras: Sequence[PosedCamera], samples: int = 4) -> NDArray[np.uint8]:
    """The pictures [views, height, width, 4] of cameras of one size: small ones are made soonest several at a time."""
    width, height = cameras[0].size
    shape, count = (len(cameras), height, width), len(cameras) * height * width
    shown, t = torch.empty(count, 4), torch.empty(count, dtype=torch.float64)
    item, busy = torch.empty(count, dtype=torch.int64), torch.empty(count, dtype=torch.bool)
    for pixel in torch.arange(count).split(CHUNK):
        shown[pixel], hits, radius = _colours(scene, cameras, pixel, torch.full((1, 2), 0.5, dtype=torch.float64))
        t[pixel], item[pixel] = hits.t, hits.item
        busy[pixel] = (hits.item == NOTHING) & (hits.passed < GRAZE * radius)
    if samples > 1:
        focal = min(min(camera.focal) for camera in cameras)
        edges = _edges(shown.reshape(*shape, 4), t.reshape(shape), item.reshape(shape), focal)
        places = torch.from_numpy(pattern(samples))
        again = (edges.flatten() | busy).nonzero()[:, 0]
        for pixel in again.split(max(1, CHUNK // samples)) if len(again) else ():
            shown[pixel] = _colours(scene, cameras, pixel, places)[0].reshape(-1, samples, 4).mean(1)
    straight = torch.cat([shown[:, :3] / shown[:, 3:].clamp_min(1e-6), shown[:, 3:]], 1)
    return (straight.clamp(0, 1) * 255).round().to(torch.uint8).reshape(*shape, 4).numpy()


def _colours(
    scene: Scene, cameras: Sequence[PosedCamera], pixel: Tensor, places: Tensor
) -> tuple[Tensor, Hits, Tensor]:
    """Colours as shown, times opacity, and opacity [n s, 4] at places [s, 2] in pixels [n]; hits; pixel radii."""
    beams = _beams(cameras, pixel, places)
    hits = meet(scene, beams.origins, beams.directions)
    opaque = (hits.item != NOTHING) | scene.sky.shown
    colour = tone.encode(tone.curve(radiance(scene, beams.origins, beams.directions, hits)))
    return torch.cat([colour, torch.ones_like(colour[:, :1])], 1) * opaque[:, None], hits, beams.radius[:, 0]


def _beams(cameras: Sequence[PosedCamera], pixel: Tensor, places: Tensor) -> Beams:
    """Rays through places [s, 2] in pixels [n], numbered on from each view to the next in rising order."""
    pixels, samples = cameras[0].size[0] * cameras[0].size[1], len(places)
    view, made = torch.div(pixel, pixels, rounding_mode="floor"), []
    for k in view.unique().tolist():
        some = pixel[view == k] - k * pixels
        offset = places.expand(len(some), samples, 2).reshape(-1, 2)
        made.append(cameras[k].rays(some.repeat_interleave(samples), offset))
    return Beams(*(torch.cat(parts) for parts in zip(*made, strict=True)))


def _edges(shown: Tensor, t: Tensor, item: Tensor, focal: float) -> Tensor:
    """Pixels [views, h, w] that differ from one of their four neighbours."""
    busy = torch.zeros(t.shape, dtype=torch.bool)
    for axis in (1, 2):
        n = t.shape[axis] - 1
        near, first = (x.narrow(axis, 0, n) for x in (t, item))
        far, second = (x.narrow(axis, 1, n) for x in (t, item))
        differs = (shown.diff(dim=axis).abs() > CONTRAST).any(3) | (first != second)
        deep = (near - far).abs() * focal > CREASE * torch.minimum(near, far)
        differs |= deep & near.isfinite() & far.isfinite()
        busy.narrow(axis, 0, n).logical_or_(differs)
        busy.narrow(axis, 1, n).logical_or_(differs)
    return busy
