"""A field in its solid as pictures and films: on the surface, as a glowing volume, as level sets."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.files import replacing
from pinnscene.geometry.space import space_of
from pinnscene.metrics import evaluate
from pinnscene.render import tone
from pinnscene.render.baking import bake
from pinnscene.render.camera import AZIMUTH, ELEVATION, Camera, orbit
from pinnscene.render.canvas import BAR, bar
from pinnscene.render.distancefield import about, distance_field
from pinnscene.render.medium import Medium, Transfer, fill, through
from pinnscene.render.moment import Moment
from pinnscene.render.planes import times
from pinnscene.render.request import SOLID, RenderRequest
from pinnscene.render.shading import backdrop, studio
from pinnscene.render.shot import PAINT, Shot, Style
from pinnscene.render.video import ENDINGS, write_film
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problem import Problem

SIZE = (512, 512)
ROOM = (240, 160)  # pixels of the least picture that has a colour bar
FRAMED = 4000  # points of the surface that the camera is to have in view
LOOKED, MOMENTS = 4000, 6  # points and times at which the range of values is taken
DEPTH = 20.0  # optical depth across the longest side of the densest value
LEVELS = 6  # level sets at most

Bytes = NDArray[np.uint8]


class SolidView:
    """One kind of view of one output of a field in its solid: what stays from frame to frame.

    Args:
        problem: its domain is a region or a box with three axes of space, with or without t.
        u: the field.
        kind: one of ``SOLID``.
        request: size, samples, azimuth, elevation and up count.
        output: number of the output.
    """

    def __init__(
        self, problem: "Problem", u: Differentiable, kind: str, request: RenderRequest, output: int = 0
    ) -> None:
        region = space_of(problem.domain)
        if region is None or len(region.axes) != 3:
            raise PinnsceneError(f"a {kind} needs a domain with three axes of space, got {problem.domain!r}")
        if kind not in SOLID:
            raise unknown("view of a solid", kind, SOLID)
        self.domain, self.region, self.u, self.kind, self.request = problem.domain, region, u, kind, request
        self.output, self.name = output, u.values[output]
        self.size = request.size or SIZE
        self.barred = self.size[0] >= ROOM[0] and self.size[1] >= ROOM[1]
        self.panel = (self.size[0] - BAR * self.barred, self.size[1])
        self.distance = distance_field(region)
        self.solid = bake(self.distance, about(region))

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The least and the largest value, over all times."""
        moments = times(self.domain, MOMENTS) or [None]
        p = self.region.interior(LOOKED, "sobol")(torch.Generator().manual_seed(0)).to("cpu", torch.float64)
        seen = [evaluate(self.at(t), p) for t in moments]
        low, high = min(float(v.min()) for v in seen), max(float(v.max()) for v in seen)
        return (low, high) if high > low else (low, low + 1.0)

    def at(self, t: float | None) -> Moment:
        """The field at a time."""
        return Moment(self.u, t, self.output)

    def cameras(self, frames: int) -> list[Camera]:
        """Cameras about the solid."""
        points, request = self.solid.surface.cpu().numpy(), self.request
        azimuth = AZIMUTH if request.azimuth is None else request.azimuth
        elevation = ELEVATION if request.elevation is None else request.elevation
        some = points[:: max(1, len(points) // FRAMED)]
        return orbit(some, frames, azimuth, elevation, request.up or "z", aspect=self.panel[0] / self.panel[1])

    def still(self, path: Path) -> Path:
        """Write the view of the request, at the last time where there is t."""
        moment = (times(self.domain, 2) or [None])[-1]
        with replacing(path) as temporary:
            Image.fromarray(self.frame(self.cameras(1)[0], moment, self.request.progress)).save(temporary)
        return path

    def film(self, path: Path) -> Path:
        """Write a film over t, of an orbit where there is none."""
        return write_film(path, self.frames(), self.request.fps)

    def frames(self) -> Iterator[Bytes]:
        """The pictures [height, width, 3] of a film."""
        n = self.request.frames
        moments = times(self.domain, n)
        cameras = self.cameras(1) * n if moments else self.cameras(n)
        for k, (camera, t) in enumerate(zip(cameras, moments or [None] * n, strict=True)):
            yield self.frame(camera, t, lambda share, k=k: self.request.progress((k + share) / n))

    def frame(self, camera: Camera, t: float | None, progress: Callable[[float], None]) -> Bytes:
        """One picture with its colour bar."""
        shown = self._surface(camera, t, progress) if self.kind == "surface" else self._volume(camera, t, progress)
        label = self.name if t is None else f"{self.name}, t = {t:.3g}"
        return np.concatenate([shown, bar(self.limits, label, PAINT, self.size[1])], 1) if self.barred else shown

    def _surface(self, camera: Camera, t: float | None, progress: Callable[[float], None]) -> Bytes:
        style = Style(samples=self.request.samples or 4, limits=self.limits, paint=self.at(t))
        return Shot(self.distance, self.solid, camera, self.panel, style).pixels(progress)

    def _medium(self, t: float | None) -> Medium:
        """The values at a time; where there is none they are looked up once."""
        if t is not None:
            return fill(self.at(t), self.solid)
        return self._still

    @cached_property
    def _still(self) -> Medium:
        return fill(self.at(None), self.solid)

    @property
    def transfer(self) -> Transfer:
        """How values look: dense where they are large, or level sets in clear space."""
        low, high = self.limits
        if self.kind == "iso":
            ticks = MaxNLocator(LEVELS).tick_values(low, high)
            return Transfer(low, high, 0.0, tuple(float(v) for v in ticks if low < v < high))
        longest = 2 * float(self.solid.half.max())
        return Transfer(low, high, DEPTH / longest, both=low < -0.05 * high and high > -0.05 * low)

    def _volume(self, camera: Camera, t: float | None, progress: Callable[[float], None]) -> Bytes:
        medium, (width, height) = self._medium(t), self.panel
        up = np.asarray(camera.up) / np.linalg.norm(camera.up)
        light, samples = studio(self.solid, camera, up).light, self.request.samples or 1
        made, done = torch.empty(width * height, 3), 0
        for rays in camera.rays(self.panel, samples):
            o = (rays.origins - self.solid.centre.cpu()).float().to(light.device)
            seen, left = through(medium, self.transfer, o, rays.directions.float().to(light.device), light)
            pixel = rays.pixel[::samples]
            behind = tone.curve(backdrop(pixel, torch.full((len(pixel), 2), 0.5), self.panel))
            seen, left = (x.cpu().reshape(len(pixel), samples, -1).mean(1) for x in (seen, left))
            made[pixel] = seen + left * behind
            done += len(pixel)
            progress(done / len(made))
        return tone.to_bytes(made.reshape(height, width, 3))


def render_solid(
    problem: "Problem", u: Differentiable, kind: str, request: RenderRequest, path: Path, output: int = 0
) -> Path:
    """Write one kind of view: a picture, or by the path's ending a film."""
    view = SolidView(problem, u, kind, request, output)
    return view.film(path) if path.suffix.lower() in ENDINGS else view.still(path)
