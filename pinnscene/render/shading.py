"""How a surface is lit: a warm key light with a soft shadow, cool light from the sky, a rim, and occlusion.

All positions are float32 and relative to the middle of the baked box. Light is linear; the key stands beside the
camera, so that a film shows the shape as on a turntable.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from pinnscene.render import tone
from pinnscene.render.baking import Baked
from pinnscene.render.camera import Camera
from pinnscene.render.tracing import slab

TOP, BOTTOM = (0.66, 0.70, 0.75), (0.92, 0.92, 0.915)  # the backdrop as shown, in sRGB
KEY, SKY, BOUNCE, RIM = (2.05, 1.84, 1.56), (0.47, 0.56, 0.69), (0.42, 0.38, 0.35), (1.1, 1.22, 1.4)
LIGHT = (-0.62, 0.95, 0.55)  # where the key stands: right of the camera, up, and towards the camera
SPREAD = 0.15  # the key's half-angle as a tangent: how soft its shadow is
MARCH = 96  # steps of a shadow ray at most
REACH = 0.16  # of the shape's diagonal: how far occlusion looks
TAPS = 5
FILL = (0.85, 0.92, 1.05)  # light from the sky on the ground, next to the key's 1
DIM = 0.10  # of the ground's light that gets everywhere
GLOSS = 42.0  # exponent of the highlight
STRENGTH = 0.26


@dataclass(frozen=True, eq=False)
class Studio:
    """A baked shape on its ground, and the light.

    Attributes:
        baked: the volume.
        up: [3] unit vector, float32.
        floor: height of the ground along ``up``, relative to the middle of the box.
        light: [3] unit vector towards the key.
    """

    baked: Baked
    up: Tensor
    floor: float
    light: Tensor


def studio(baked: Baked, camera: Camera, up: ArrayLike, key: tuple[float, float, float] = LIGHT) -> Studio:
    """The studio of a camera: the ground just under the shape, the key at ``key`` (right, up, towards)."""
    axis = torch.as_tensor(np.asarray(up), dtype=torch.float32)
    right = torch.from_numpy(camera.matrix[:3, 0]).float()
    right = torch.nn.functional.normalize(right - (right @ axis) * axis, dim=0)
    towards = torch.linalg.cross(right, axis)
    light = torch.nn.functional.normalize(key[0] * right + key[1] * axis + key[2] * towards, dim=0)
    device = baked.points.device
    axis, light = axis.to(device), light.to(device)
    return Studio(baked, axis, float((baked.points @ axis).min()) - 1e-4 * baked.size, light)


def clearance(room: Studio, p: Tensor) -> Tensor:
    """The distance [n] to the shape or to the ground, whichever is nearer."""
    return torch.minimum(room.baked.around(p), p @ room.up - room.floor)


def shadow(room: Studio, p: Tensor, spread: float = SPREAD) -> Tensor:
    """The share [n] of the key that reaches positions [n, 3]: 0 where the shape stands in between.

    Walks towards the light and keeps the least ratio of the distance to the shape and the light's radius there
    (Quilez, "Soft shadows in raymarched SDFs"); steps of half a distance see where a ray passes closest.
    """
    baked, reach = room.baked, 0.1 * room.baked.size
    result = torch.ones(len(p), device=p.device)
    enter, leave = slab(baked.half + reach, p, room.light.expand_as(p))
    ray = (leave > enter.clamp_min(0)).nonzero()[:, 0]
    at, end, start, least = enter.clamp_min(0)[ray], leave[ray], p[ray], result[ray]
    for _ in range(MARCH):
        if not len(ray):
            break
        gap = baked.around(torch.addcmul(start, at[:, None], room.light))
        least = torch.minimum(least, gap / (spread * at).clamp_min(0.5 * baked.cell))
        result[ray] = least
        at = at + torch.maximum(0.5 * gap, 0.3 * spread * at).clamp_min(0.8 * baked.cell)
        alive = (least > 0) & (at < end)
        ray, at, end, least, start = ray[alive], at[alive], end[alive], least[alive], start[alive]
    x = result.clamp(0, 1)
    return x * x * (3 - 2 * x)


def occlusion(room: Studio, p: Tensor, normal: Tensor) -> Tensor:
    """The open share [n] of the sky, from how much nearer than free the surroundings are along the normal."""
    hidden = torch.zeros(len(p), device=p.device)
    total, longest = 0.0, REACH * room.baked.size
    for k in range(1, TAPS + 1):
        height = longest * (k / TAPS) ** 1.7
        weight = 0.78**k
        gap = clearance(room, p + height * normal)
        hidden += weight * ((height - gap) / height).clamp(0, 1)
        total += weight
    return (1 - hidden / total).clamp(0, 1) ** 1.3


def lit(room: Studio, p: Tensor, normal: Tensor, view: Tensor, colour: Tensor, gloss: bool = True) -> Tensor:
    """The light [n, 3] that a surface sends back.

    Args:
        room: shape, ground and key.
        p: positions [n, 3].
        normal: unit, outwards [n, 3].
        view: unit vectors towards the eye [n, 3].
        colour: what the surface reflects, linear [n, 3] or [3].
        gloss: whether it has a highlight.
    """
    to = lambda rgb: torch.tensor(rgb, device=p.device)
    lift = 1.5 * room.baked.cell
    facing = (normal @ room.light).clamp_min(0)
    key = torch.zeros_like(facing)
    towards = facing > 0
    key[towards] = facing[towards] * shadow(room, p[towards] + lift * normal[towards])
    sky = 0.5 + 0.5 * (normal @ room.up)
    unhidden = occlusion(room, p, normal)
    grazing = (1 - (normal * view).sum(1).clamp(0, 1)) ** 4
    diffuse = key[:, None] * to(KEY) + unhidden[:, None] * (
        sky[:, None] * to(SKY) + (1 - sky)[:, None] * to(BOUNCE) + (grazing * sky)[:, None] * to(RIM)
    )
    light = colour * diffuse
    if gloss:
        half = torch.nn.functional.normalize(room.light + view, dim=1)
        shine = (normal * half).sum(1).clamp_min(0) ** GLOSS * (key > 0) * (key / facing.clamp_min(1e-6))
        light = light + (STRENGTH * shine * (0.3 + 0.7 * facing))[:, None] * to(KEY)
        light = light + (0.12 * grazing * unhidden)[:, None] * to(SKY)
    return light


def ground(room: Studio, p: Tensor, backdrop: Tensor) -> Tensor:
    """The backdrop [n, 3] as the ground shows it at [n, 3]: darker where the shape keeps light away."""
    normal = room.up.expand_as(p)
    key, unhidden = shadow(room, p + 0.5 * room.baked.cell * normal), occlusion(room, p, normal)
    fill = torch.tensor(FILL, device=p.device)
    shade = DIM + (1 - DIM) * (key[:, None] + unhidden[:, None] * fill) / (1 + fill)
    return backdrop * shade


def backdrop(pixel: Tensor, offset: Tensor, size: tuple[int, int]) -> Tensor:
    """The light [n, 3] behind everything: brighter towards the bottom and the middle."""
    width, height = size
    across = ((pixel % width).float() + offset[:, 0].float()) / width - 0.5
    down = (torch.div(pixel, width, rounding_mode="floor").float() + offset[:, 1].float()) / height
    share = (down * down * (3 - 2 * down))[:, None]
    shown = torch.lerp(torch.tensor(TOP), torch.tensor(BOTTOM), share)
    shown = shown - 0.10 * (across.square() + 0.6 * (down - 0.55).square())[:, None]
    return tone.uncurve(tone.decode(shown))
