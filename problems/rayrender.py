"""Films and pictures of a scene of rays: which way the camera goes, and what it sees there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.rays import PosedCamera
from pinnscene.rays.paths import at_size, focus, one_sided, orbit, spiral
from pinnscene.rays.tours import tour
from pinnscene.rays.view import Seen, see
from pinnscene.render.raycameras import read_cameras
from pinnscene.render.rayfilm import Way, check_place, render_way
from pinnscene.render.raypictures import KINDS
from pinnscene.render.request import RenderRequest
from pinnscene.scenes.views import Views

if TYPE_CHECKING:
    from pinnscene.radiance import RadianceField

WAYS = ("orbit", "spiral", "interpolate", "dataset")
FILM, STILL = 256, 512  # pixels of the shorter side where no size is asked for
MOST_PIXELS, MOST = 1 << 27, 1 << 30  # of a picture, all held in memory, and rays through them
WHITE = (1.0, 1.0, 1.0)


def check_rays(request: RenderRequest) -> None:
    """Raise ``PinnsceneError`` for what no scene of rays can be drawn as, before any work is done."""
    request.kinds(KINDS, "rgb")
    check_place(request)
    if request.beside:
        raise PinnsceneError("--beside is an option of surfaces: held-out views beside the truth are in RUN/figures")
    if request.camera is not None and request.camera not in WAYS and not _is_file(request.camera):
        raise PinnsceneError(f"{unknown('camera', request.camera, WAYS)}; or give a JSON file of cameras")
    if request.camera not in (None, "orbit") and (request.azimuth, request.elevation, request.up) != (None,) * 3:
        raise PinnsceneError("azimuth, elevation and up are for orbits: leave them out, or give --camera orbit")
    sizes = {request.size or (FILM, FILM)}
    if request.camera is not None and _is_file(request.camera):
        read = read_cameras(Path(request.camera), request.size or (FILM, FILM))  # a bad file is told now
        sizes = sizes if request.size else {camera.size for camera in read.cameras}
    for width, height in sizes:
        if width * height > MOST_PIXELS or width * height * (request.samples or 1) > MOST:
            raise PinnsceneError(
                f"a view of {width}x{height} takes too much memory: expected at most {MOST_PIXELS} pixels, {MOST} rays"
            )


def render_rays(u: "RadianceField", views: Views, request: RenderRequest) -> list[Path]:
    """Write what is asked for, see ``pinnscene.render.rayfilm.render_way``.

    Args:
        u: the trained field.
        views: the pictures that it was made from.
        request: what to draw; without a camera an orbit, or a spiral where all pictures are from one side.
    """
    check_rays(request)
    return render_way(looking(u, views, request.samples or 1), way(views, request), request)


def looking(
    u: "RadianceField", views: Views, samples: int = 1
) -> Callable[[PosedCamera, bool, Callable[[float], None]], Seen]:
    """What any camera sees of a field: as far before and behind the middle of the scene as the training cameras."""
    stretch, background = Stretch.of(views), views.background or WHITE

    def look(camera: PosedCamera, normals: bool, progress: Callable[[float], None]) -> Seen:
        near, far = stretch.from_place(camera)
        return see(u, camera, near, far, background, normals, progress, samples=samples)

    return look


@dataclass(frozen=True, eq=False)
class Stretch:
    """Where along rays there is something to see: moved along for cameras that stand nearer or farther.

    Attributes:
        middle: of the scene [3].
        distance: mean of the training cameras' from it.
        near, far: that suit them.
        unbounded: whether there may be something right before a camera, and far behind the scene.
    """

    middle: np.ndarray
    distance: float
    near: float
    far: float
    unbounded: bool

    @classmethod
    def of(cls, views: Views) -> "Stretch":
        middle = (views.lower + views.upper) / 2
        arms = np.stack([views.cameras[k].position for k in views.train]) - middle
        distance = float(np.linalg.norm(arms, axis=1).mean())
        return cls(middle, distance, views.near, views.far, views.unbounded)

    def from_place(self, camera: PosedCamera) -> tuple[float, float]:
        """Near and far for a camera."""
        nearer = self.distance - float(np.linalg.norm(camera.position - self.middle))
        if self.unbounded:
            return self.near, max(self.far - nearer, self.far)
        least = 0.05 * self.near
        return max(self.near - nearer, least), max(self.far - nearer, 2 * least)


def way(views: Views, request: RenderRequest) -> Way:
    """The cameras that a request asks for."""
    trained = [views.cameras[k] for k in views.train]
    target = focus(trained, views.lower, views.upper)
    name = request.camera or ("spiral" if one_sided(trained, target) else "orbit")
    film = request.ending in (".mp4", ".gif") or (not request.ending or request.out.is_dir())
    size = request.size or sized(trained[0].size, FILM if film else STILL)
    large, frames, otherwise = request.size or sized(trained[0].size, STILL), request.frames, (views.near, views.far)
    angles = {"azimuth": request.azimuth, "elevation": request.elevation, "up": request.up}
    if name == "orbit":
        first = orbit(trained, target, 1, large, **angles)[0]
        return Way(name, orbit(trained, target, frames, size, **angles), first, otherwise=otherwise)
    if name == "spiral":
        first = spiral(trained, target, 1, large)[0]
        return Way(name, spiral(trained, target, frames, size), first, otherwise=otherwise)
    if name == "interpolate":
        return Way(name, tour(trained, frames, size, target), at_size(trained[0], large), otherwise=otherwise)
    if name == "dataset":
        shown = [at_size(views.cameras[k], request.size) for k in views.test or views.train]
        return Way(name, shown, shown[0], moving=False, otherwise=otherwise)
    read = read_cameras(Path(name), request.size or size, views.origin)
    cameras = [at_size(camera, request.size) for camera in read.cameras]
    alike = len({camera.size for camera in cameras}) == 1
    return Way(Path(name).stem, cameras, cameras[0], alike and len(cameras) > 1, read.fps, otherwise)


def sized(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """A size of about the same shape whose shorter side is ``shorter``; even numbers, as films want them."""
    scale = shorter / min(size)
    width, height = (2 * round(scale * side / 2) for side in size)
    return width, height


def _is_file(camera: str) -> bool:
    return Path(camera).suffix.lower() == ".json" or Path(camera).is_file()
