"""Films and pictures of rays along a path of cameras: one pass over the rays serves every kind of picture."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pinnscene.errors import PinnsceneError
from pinnscene.files import replacing
from pinnscene.rays.posed import PosedCamera
from pinnscene.rays.view import Seen
from pinnscene.render.raypictures import KINDS, Bytes, Limits, depth_limits, pictures, side_by_side
from pinnscene.render.request import RenderRequest
from pinnscene.render.video import ENDINGS, film_file

PICTURES = (".png", ".jpg", ".jpeg")
ARRAYS = (".npy", ".tif", ".tiff")
PROBES, PROBED = 8, 48  # cameras of a film that are looked through for the depths' range, and their longer side

Share = Callable[[float], None]
Look = Callable[[PosedCamera, bool, Share], Seen]


@dataclass(frozen=True, eq=False)
class Way:
    """Cameras to look through.

    Attributes:
        name: of the files in a folder: "orbit" makes orbit.mp4.
        cameras: in order.
        still: the camera of the single picture that stands beside a film in a folder.
        moving: whether they make a film; else each makes a picture of its own.
        fps: frames a second, where the cameras' own file says; None for what is asked for.
        otherwise: the range of depths to show where nothing is seen.
    """

    name: str
    cameras: Sequence[PosedCamera]
    still: PosedCamera
    moving: bool = True
    fps: int | None = None
    otherwise: Limits = (0.0, 1.0)


def check_place(request: RenderRequest) -> None:
    """Raise ``PinnsceneError`` for a file that rays make no picture of, before any work is done."""
    known = (*PICTURES, *ENDINGS, *ARRAYS)
    if request.ending and not request.out.is_dir() and request.ending not in known:
        raise PinnsceneError(f"cannot write '{request.out.name}': expected a folder, {', '.join(known)}")
    kinds = list(request.kinds(KINDS, "rgb"))
    if request.ending not in ARRAYS or request.out.is_dir() or request.what is None:
        return
    if len(kinds) > 1 or (request.ending != ".npy" and kinds[0] not in ("depth", "opacity")):
        fit = "one of depth and opacity" if request.ending != ".npy" else f"one of {', '.join(KINDS)}"
        raise PinnsceneError(f"{request.out.name} holds {fit}, as numbers; got --what {request.what}")


def render_way(look: Look, way: Way, request: RenderRequest) -> list[Path]:
    """Write what is asked for.

    A film (mp4, gif) or a picture (png, jpg) of several kinds has them side by side. A picture and an array
    (npy; 32-bit tif, tiff) are of the way's first camera. A folder gets a file for each kind: a film and a still
    picture, or a picture for each camera; depths also as 32-bit TIFF. Depths are NaN where nothing is.

    Args:
        look: what a camera sees, with normals or without, telling its progress.
        way: the cameras.
        request: names a file by its ending, or a folder.

    Raises:
        PinnsceneError: another ending, or a film of cameras of different sizes.
    """
    check_place(request)
    made = _Shooting(look, way, request)
    if not request.ending or request.out.is_dir():
        return made.folder()
    if request.ending in ENDINGS:
        return made.film({request.out: made.kinds}, way.cameras)
    return made.array(request.out) if request.ending in ARRAYS else made.picture(request.out)


class _Shooting:
    """The kinds of pictures, the range of depths, and how much of the work is done."""

    def __init__(self, look: Look, way: Way, request: RenderRequest) -> None:
        self.look, self.way, self.request = look, way, request
        self.kinds = request.kinds(KINDS, "rgb")
        self.limits = self._limits() if "depth" in self.kinds else way.otherwise
        self.done, self.whole = 0, 1  # pixels

    def _limits(self) -> Limits:
        """The range of depths over all cameras, from small pictures of some of them."""
        some = self.way.cameras[:: max(1, len(self.way.cameras) // PROBES)]
        small = []
        for camera in some:
            shrink = min(1.0, PROBED / max(camera.size))
            width, height = (max(1, round(shrink * side)) for side in camera.size)
            small.append(self.look(camera.scaled((width, height)), False, lambda share: None))
        return depth_limits(small, self.way.otherwise)

    def expect(self, cameras: Sequence[PosedCamera]) -> None:
        """Say what is still to be looked at, so that progress is of all of it."""
        self.whole = self.done + sum(camera.size[0] * camera.size[1] for camera in cameras)

    def see(self, camera: PosedCamera) -> Seen:
        """What a camera sees, progress told."""
        pixels, before = camera.size[0] * camera.size[1], self.done
        normals = "normal" in self.kinds
        seen = self.look(camera, normals, lambda share: self.request.progress((before + share * pixels) / self.whole))
        self.done += pixels
        return seen

    def drawn(self, seen: Seen) -> dict[str, Bytes]:
        return pictures(seen, self.kinds, self.limits)

    def picture(self, path: Path) -> list[Path]:
        """The first camera's picture."""
        self.expect(self.way.cameras[:1])
        return [_save(side_by_side(self.drawn(self.see(self.way.cameras[0]))), path)]

    def array(self, path: Path) -> list[Path]:
        """What the first camera sees as numbers: depth unless another kind is asked for."""
        self.kinds = self.kinds if self.request.what else ("depth",)
        self.expect(self.way.cameras[:1])
        return [save_values(getattr(self.see(self.way.cameras[0]), self.kinds[0]), path)]

    def film(self, files: dict[Path, tuple[str, ...]], cameras: Sequence[PosedCamera]) -> list[Path]:
        """Films of all cameras in one pass, each file with its kinds side by side."""
        sizes = {camera.size for camera in cameras}
        if len(sizes) > 1:
            found = ", ".join(f"{width}x{height}" for width, height in sorted(sizes)[:3])
            raise PinnsceneError(f"a film needs pictures of one size, these cameras have {found}: give --size")
        self.expect(cameras)
        fps = self.way.fps or self.request.fps
        with ExitStack() as open_files:
            adds = [(open_files.enter_context(film_file(path, fps)), kinds) for path, kinds in files.items()]
            for camera in cameras:
                drawn = self.drawn(self.see(camera))
                for add, kinds in adds:
                    add(side_by_side({kind: drawn[kind] for kind in kinds}))
        return list(files)

    def folder(self) -> list[Path]:
        """A film and a still picture, or a picture for each camera; a file for each kind."""
        out, way = self.request.out, self.way
        if not way.moving:
            self.expect(way.cameras)
            names = file_names([camera.name for camera in way.cameras])
            return [p for c, name in zip(way.cameras, names, strict=True) for p in self._stills(c, name)]
        self.whole = sum(camera.size[0] * camera.size[1] for camera in (*way.cameras, way.still))
        stills = self._stills(way.still, "view")
        films = self.film({out / f"{_joined(way.name, kind)}.mp4": (kind,) for kind in self.kinds}, way.cameras)
        return [*stills, *films]

    def _stills(self, camera: PosedCamera, name: str) -> list[Path]:
        seen, out = self.see(camera), self.request.out
        written = [_save(image, out / f"{_joined(name, kind)}.png") for kind, image in self.drawn(seen).items()]
        return [*written, *([save_values(seen.depth, out / f"{name}-depth.tiff")] if "depth" in self.kinds else [])]


def file_names(names: Sequence[str]) -> list[str]:
    """Names of pictures as names of files, without folders and endings, each once."""
    made: list[str] = []
    for k, name in enumerate(names):
        parts = [part for part in Path(name).with_suffix("").parts if part not in (".", "..", "/")] if name else []
        stem = "-".join(parts).replace(" ", "_")[:80] or f"{k:04d}"
        made.append(stem if stem not in made else f"{stem}-{k}")
    return made


def _joined(name: str, kind: str) -> str:
    return name if kind == "rgb" else f"{name}-{kind}"


def _save(image: Bytes, path: Path) -> Path:
    knobs: dict[str, Any] = {} if path.suffix.lower() == ".png" else {"quality": 95, "subsampling": 0}
    with replacing(path) as temporary:
        Image.fromarray(image).save(temporary, **knobs)
    return path


def save_values(values: NDArray[np.float32], path: Path) -> Path:
    """Numbers in 32 bits as they are."""
    with replacing(path) as temporary:
        if path.suffix.lower() == ".npy":
            np.save(temporary, values.astype(np.float32), allow_pickle=False)
        else:
            Image.fromarray(values.astype(np.float32)).save(temporary)
    return path
