"""The zero set of a field as a picture, an orbit film and slices; beside what it was made from."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.files import replacing
from pinnscene.render.baking import Baked, bake
from pinnscene.render.camera import AZIMUTH, ELEVATION, Camera, orbit
from pinnscene.render.canvas import BAR, bar, save
from pinnscene.render.contours import three_slices
from pinnscene.render.discs import draw_points
from pinnscene.render.request import RenderRequest
from pinnscene.render.shot import Shot, Style
from pinnscene.render.tone import SIGNED
from pinnscene.render.video import ENDINGS, write_film
from pinnscene.views import Differentiable

SIZE = (512, 512)
PICTURES = (".png", ".jpg", ".jpeg")
ROOM = (240, 160)  # the least picture that has a colour bar, in pixels
LABELS = {"depth": "depth", "curvature": "mean curvature", "gaussian": "Gaussian curvature"}
FRAMED = 4000  # points of the surface that the camera is to have in view

Bytes = NDArray[np.uint8]
Beside = Differentiable | NDArray[np.float64] | None


def picture(
    u: Differentiable,
    box: Box,
    camera: Camera,
    size: tuple[int, int] = SIZE,
    samples: int = 4,
    style: Style | None = None,
    baked: Baked | None = None,
) -> Bytes:
    """The zero set of a field as a camera sees it, in 8 bits of sRGB [height, width, 3].

    Args:
        u: the field, negative inside; it need not be a distance.
        box: where it is known; the inside is cut open at its walls.
        camera: where it is seen from.
        size: width and height in pixels.
        samples: rays a pixel; overrides the style's.
        style: what is drawn; None for a plain material.
        baked: the field's volume where it is known already, else it is baked.

    Raises:
        PinnsceneError: a field that is no surface, or has none in the box.
    """
    drawn = replace(style or Style(), samples=samples)
    return Shot(u, baked or bake(u, box), camera, size, drawn).pixels()


def render_surface(
    u: Differentiable, box: Box, request: RenderRequest, up: str = "z", beside: Beside = None
) -> list[Path]:
    """Write a picture, an orbit film, or into a folder view.png, orbit.mp4 and slices.png.

    Args:
        u: the field, negative inside.
        box: where it is known.
        request: names a file by its ending (png, jpg, mp4, gif) or a folder; its options of the view apply.
        up: the axis that points upwards, "x", "y" or "z".
        beside: what the field was made from, drawn left of it with the same camera and light: a field of the true
            distance, or points [n, 3].

    Raises:
        PinnsceneError: another ending, or a field that is no surface or has none in the box.
    """
    folder = not request.ending or request.out.is_dir()
    if not folder and request.ending not in PICTURES + ENDINGS:
        known = ", ".join(PICTURES + ENDINGS)
        raise PinnsceneError(f"cannot write '{request.out.name}': expected a folder, {known}")
    room = _Room(u, box, request, up, beside)
    if not folder:
        return [room.film(request.out) if request.ending in ENDINGS else room.still(request.out)]
    written = [room.still(request.out / "view.png"), room.film(request.out / "orbit.mp4")]
    return [*written, save(three_slices(u, box), request.out / "slices.png")]


class _Room:
    """What stays from frame to frame: baked volumes, the orbit, and the colours' range."""

    def __init__(self, u: Differentiable, box: Box, request: RenderRequest, up: str, beside: Beside) -> None:
        self.request, self.up = request, up
        self.size = request.size or ((2 * SIZE[0], SIZE[1]) if beside is not None else SIZE)
        self.style = Style(request.what or "shaded", request.samples or 4)
        self.barred = request.what in LABELS and self.size[0] >= ROOM[0] and self.size[1] >= ROOM[1]
        panels = 1 if beside is None else 2
        self.panel = ((self.size[0] - BAR * self.barred) // panels, self.size[1])
        self.made, self.given = (u, bake(u, box)), beside
        self.other = (beside, bake(beside, box)) if isinstance(beside, Differentiable) else None

    def cameras(self, frames: int) -> list[Camera]:
        """Cameras that have the surface in view, and what stands beside it."""
        seen = [self._points(self.made[1])]
        if self.other:
            seen.append(self._points(self.other[1]))
        elif isinstance(self.given, np.ndarray) and self.given.ndim == 2 and len(self.given):
            seen.append(self.given[:: max(1, len(self.given) // FRAMED)])
        request = self.request
        azimuth = AZIMUTH if request.azimuth is None else request.azimuth
        elevation = ELEVATION if request.elevation is None else request.elevation
        aspect = self.panel[0] / self.panel[1]
        return orbit(np.concatenate(seen), frames, azimuth, elevation, self.up, aspect=aspect)

    def _points(self, baked: Baked) -> NDArray[np.float64]:
        points = baked.surface.cpu().numpy()
        return points[:: max(1, len(points) // FRAMED)]

    def still(self, path: Path) -> Path:
        """Write the view of the request."""
        with replacing(path) as temporary:
            Image.fromarray(self._frame(self.cameras(1)[0], self.request.progress)).save(temporary)
        return path

    def film(self, path: Path) -> Path:
        """Write the orbit."""
        return write_film(path, self._frames(), self.request.fps)

    def _frames(self) -> Iterator[Bytes]:
        cameras = self.cameras(self.request.frames)
        for k, camera in enumerate(cameras):
            yield self._frame(camera, lambda share, k=k: self.request.progress((k + share) / len(cameras)))

    def _frame(self, camera: Camera, progress: Callable[[float], None]) -> Bytes:
        shot = Shot(*self.made, camera, self.panel, self.style)
        if self.style.what in LABELS and self.style.limits is None:
            self.style = replace(self.style, limits=shot.limits)  # one range for all frames
        parts = [shot.pixels(progress)]
        if self.other:
            parts.insert(0, Shot(*self.other, camera, self.panel, replace(self.style, limits=shot.limits)).pixels())
        elif isinstance(self.given, np.ndarray):
            parts.insert(0, draw_points(self.given, camera, self.panel))
        if self.barred:
            name = "viridis_r" if self.style.what == "depth" else SIGNED
            parts.append(bar(shot.limits, LABELS[self.style.what], name, self.size[1]))
        whole = np.concatenate(parts, 1)
        missing = self.size[0] - whole.shape[1]  # a panel's width rounded down
        return np.pad(whole, ((0, 0), (0, missing), (0, 0)), mode="edge")
