"""One picture of a surface: visibility at every sample, shading where it differs, averaged in linear light.

The samples of a pixel are all traced. Where they meet one smooth sheet, the field and its gradient are asked once, on
the ray through the pixel's centre; where they differ (silhouettes, the shape against its ground, creases, edges of
shadows), at every sample. This is what multisampling does, with the contrast to the neighbouring pixels deciding.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import unknown
from pinnscene.metrics import evaluate
from pinnscene.render import tone
from pinnscene.render.baking import Baked
from pinnscene.render.camera import CHUNK, Camera, Rays, pattern
from pinnscene.render.curvature import curvature, typical
from pinnscene.render.request import WHATS
from pinnscene.render.shading import LIGHT, Studio, backdrop, ground, lit, studio
from pinnscene.render.tracing import CUT, GROUND, SURFACE, march, sharpen, touch
from pinnscene.views import Differentiable

COLOUR = (0.47, 0.20, 0.115)  # the plain material, linear
PAINT = "viridis"  # the colour map of a painted surface: nowhere black, where light could not be told from value
CONTRAST = 0.035  # of the square root of light, between neighbours, from which every sample is shaded
STEEP = 6.0  # pixels of depth within a pixel from which its samples are taken apart


@dataclass(frozen=True)
class Style:
    """How a surface is drawn.

    Attributes:
        what: "shaded", "normal", "depth", "curvature" (mean) or "gaussian".
        samples: rays a pixel.
        colour: the plain material's colour, linear.
        key: where the light stands: right of the camera, up, towards the camera.
        limits: what the ends of a colour map stand for; None for the picture's own.
        paint: a field of space and one output whose values colour the "shaded" surface; None for the plain material.
    """

    what: str = "shaded"
    samples: int = 4
    colour: tuple[float, float, float] = COLOUR
    key: tuple[float, float, float] = LIGHT
    limits: tuple[float, float] | None = None
    paint: Differentiable | None = None

    def __post_init__(self) -> None:
        if self.what not in WHATS:
            raise unknown("kind of picture", self.what, WHATS)
        pattern(self.samples)


@dataclass(frozen=True, eq=False)
class Shot:
    """A field, baked, before a camera."""

    u: Differentiable
    baked: Baked
    camera: Camera
    size: tuple[int, int]
    style: Style = field(default_factory=Style)

    @cached_property
    def studio(self) -> Studio:
        """Light and ground as the camera sees them."""
        up = np.asarray(self.camera.up) / np.linalg.norm(self.camera.up)
        return studio(self.baked, self.camera, up, self.style.key)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """What the ends of the colour map stand for."""
        if self.style.limits:
            return self.style.limits
        if self.style.paint is not None:
            values = evaluate(self.style.paint, Points(self.baked.surface.cpu(), self.style.paint.axes))
            return float(values.min()), float(values.max())
        if self.style.what == "depth":
            depth = self.camera.project(self.baked.surface.cpu().numpy(), self.size)[:, 2]
            return float(max(depth.min(), 0)), float(max(depth.max(), 1e-9))
        most = typical(self.u, self.baked.surface, self._kind)
        return -most, most

    @property
    def _kind(self) -> str:
        """Which curvature."""
        return "gaussian" if self.style.what == "gaussian" else "mean"

    def linear(self, progress: Callable[[float], None] = lambda share: None) -> Tensor:
        """The picture in linear light [height, width, 3], on the CPU."""
        width, height = self.size
        t, kind = self._visible(lambda share: progress(0.5 * share))
        whole = (kind == kind[:, :1]).all(1) & ~_torn(t, kind, self.camera.focal(height))
        made = torch.empty(width * height, 3)
        self._whole(made, whole.nonzero()[:, 0], t, kind)
        self._split(made, (~whole).nonzero()[:, 0], t, kind)
        if self.style.samples > 1:
            busy = _contrast(made.reshape(height, width, 3)).flatten()
            self._split(made, (busy & whole).nonzero()[:, 0], t, kind)
        progress(1.0)
        return made.reshape(height, width, 3)

    def pixels(self, progress: Callable[[float], None] = lambda share: None) -> NDArray[np.uint8]:
        """The picture in 8 bits of sRGB [height, width, 3]."""
        light = self.linear(progress)
        return tone.to_bytes(light if self.style.what in ("normal", "depth") else tone.curve(light))

    def _visible(self, progress: Callable[[float], None]) -> tuple[Tensor, Tensor]:
        """What each sample [pixels, samples] meets: how far, and its kind."""
        n, samples = self.size[0] * self.size[1], self.style.samples
        t = torch.empty(n * samples)
        kind = torch.empty(n * samples, dtype=torch.uint8)
        first = 0
        for rays in self.camera.rays(self.size, samples):
            o, d = self._local(rays)
            device = o.device
            hits = march(self.baked, o, d)
            hits = sharpen(self.u, self.baked, rays.origins.to(device), rays.directions.to(device), hits)
            floor = self._floor(o, d) if self._grounded else torch.full_like(hits.t, torch.inf)
            below = floor < hits.t
            last = first + len(hits.t)
            t[first:last] = torch.where(below, floor, hits.t).cpu()
            kind[first:last] = torch.where(below, torch.full_like(hits.kind, GROUND), hits.kind).cpu()
            first = last
            progress(first / len(t))
        return t.reshape(n, samples), kind.reshape(n, samples)

    @property
    def _grounded(self) -> bool:
        return self.style.what not in ("normal", "depth")

    def _local(self, rays: Rays) -> tuple[Tensor, Tensor]:
        """Rays in float32, relative to the middle of the box."""
        device = self.baked.volume.device
        return (rays.origins - self.baked.centre).float().to(device), rays.directions.float().to(device)

    def _floor(self, o: Tensor, d: Tensor) -> Tensor:
        """Where rays from above meet the ground; infinite where they do not."""
        height, fall = o @ self.studio.up - self.studio.floor, d @ self.studio.up
        return torch.where((height > 0) & (fall < -1e-6), height / -fall.clamp_max(-1e-6), torch.inf)

    def _whole(self, made: Tensor, pixel: Tensor, t: Tensor, kind: Tensor) -> None:
        """Shade pixels once, on the rays through their centres."""
        centre = torch.full((1, 2), 0.5, dtype=torch.float64)
        for some in pixel.split(CHUNK):
            rays = self.camera.through(some, centre.expand(len(some), 2), self.size)
            made[some] = self._radiance(rays, 1 / (1 / t[some]).mean(1), kind[some, 0], centre.expand(len(some), 2))

    def _split(self, made: Tensor, pixel: Tensor, t: Tensor, kind: Tensor) -> None:
        """Shade pixels at every sample."""
        samples = self.style.samples
        places = torch.from_numpy(pattern(samples))
        for some in pixel.split(max(1, CHUNK // samples)):
            offset = places.expand(len(some), samples, 2).reshape(-1, 2)
            rays = self.camera.through(some.repeat_interleave(samples), offset, self.size)
            light = self._radiance(rays, t[some].flatten(), kind[some].flatten(), offset)
            made[some] = light.reshape(-1, samples, 3).mean(1)

    def _radiance(self, rays: Rays, t: Tensor, kind: Tensor, offset: Tensor) -> Tensor:
        """The light [n, 3] along rays that meet something of a ``kind`` [n] at ``t`` [n]."""
        seen = backdrop(rays.pixel, offset, self.size)
        if not self._grounded:
            seen = tone.curve(seen)
        for code, light in ((SURFACE, self._surface), (CUT, self._cut), (GROUND, self._ground)):
            rows = (kind == code).nonzero()[:, 0]
            if len(rows):
                some = Rays(rays.origins[rows], rays.directions[rows], rays.pixel[rows])
                seen[rows] = light(some, t[rows], seen[rows]).cpu()
        return seen

    def _surface(self, rays: Rays, t: Tensor, behind: Tensor) -> Tensor:
        del behind
        device = self.baked.volume.device
        o, d = rays.origins.to(device), rays.directions.to(device)
        found = touch(self.u, self.baked, o, d, t.to(device), self._within)
        normal = found.normal
        if self._within:
            normal = torch.where((normal * d).sum(1, keepdim=True) > 0, -normal, normal)
        return self._material(o + found.t[:, None] * d, normal, d)

    def _cut(self, rays: Rays, t: Tensor, behind: Tensor) -> Tensor:
        del behind
        device = self.baked.volume.device
        o, d = rays.origins.to(device), rays.directions.to(device)
        p = o + t.to(device).double()[:, None] * d
        share = (p - self.baked.centre.to(device)) / self.baked.half.double()
        axis = share.abs().argmax(1, keepdim=True)
        normal = torch.zeros_like(p).scatter_(1, axis, share.gather(1, axis).sign())
        return self._material(p, normal, d)

    def _ground(self, rays: Rays, t: Tensor, behind: Tensor) -> Tensor:
        o, d = self._local(rays)
        floor = self._floor(o, d).nan_to_num(0, 0, 0) if len(t) else t
        return ground(self.studio, o + floor[:, None] * d, behind.to(o.device))

    @cached_property
    def _within(self) -> bool:
        """Whether the camera stands inside the shape."""
        o = (torch.tensor(self.camera.position, dtype=torch.float64) - self.baked.centre).float()
        o = o.to(self.baked.volume.device)
        return bool((o.abs() < self.baked.half).all()) and float(self.baked.distance(o[None])) < 0

    def _material(self, p: Tensor, normal: Tensor, d: Tensor) -> Tensor:
        """The light from the surface at positions [n, 3], float64 in the field's coordinates."""
        what, device = self.style.what, p.device
        if what == "normal":
            return tone.decode(0.5 + 0.5 * normal.float())
        if what == "depth":
            back = torch.from_numpy(self.camera.matrix[:3, 2]).to(device)
            depth = (torch.tensor(self.camera.position, dtype=torch.float64, device=device) - p) @ back
            return tone.mapped(depth, *self.limits, "viridis_r")
        colour = torch.tensor(self.style.colour, device=device)
        if self.style.paint is not None:
            values = evaluate(self.style.paint, Points(p, self.style.paint.axes))[:, 0].to(device)
            colour = 0.9 * tone.mapped(values, *self.limits, PAINT)
        elif what != "shaded":
            colour = 0.9 * tone.mapped(curvature(self.u, p, self._kind), *self.limits)
        local = (p - self.baked.centre.to(device)).float()
        return lit(self.studio, local, normal.float(), -d.float(), colour, what == "shaded")


def _torn(t: Tensor, kind: Tensor, focal: float) -> Tensor:
    """Pixels [n] whose samples meet the surface at depths too different for one smooth sheet."""
    nearest, farthest = t.amin(1), t.amax(1)
    surface = kind[:, 0] == SURFACE
    return surface & ((farthest - nearest) * focal > STEEP * nearest)


def _contrast(light: Tensor) -> Tensor:
    """Pixels [h, w] that differ from one of their four neighbours."""
    shown, busy = light.clamp(0, 4).sqrt(), torch.zeros(light.shape[:2], dtype=torch.bool)
    for axis in (0, 1):
        differs = (shown.diff(dim=axis).abs() > CONTRAST).any(2)
        n = differs.shape[axis]
        busy.narrow(axis, 0, n).logical_or_(differs)
        busy.narrow(axis, 1, n).logical_or_(differs)
    return busy
