"""Pictures as numbers: any that Pillow reads, and a few that need no file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from struct import error as StructError
from warnings import catch_warnings, simplefilter

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from skimage.data import data_dir

from pinnscene.errors import PinnsceneError, unknown

CHANNELS: dict[int, tuple[str, ...]] = {1: ("grey",), 3: ("r", "g", "b"), 4: ("r", "g", "b", "a")}


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in memory.

    Attributes:
        pixels: [height, width, channels] as float32 from 0 to 1; the first row is the top one.
        name: what it shows, for titles.
    """

    pixels: np.ndarray
    name: str = "picture"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the channels: grey, or r, g, b, or r, g, b, a."""
        return CHANNELS[self.pixels.shape[2]]

    def shrunk(self, longest: int) -> "Picture":
        """The picture with sides of at most ``longest`` pixels, each the mean over the area it covers."""
        width, height = self.size
        if longest >= max(width, height):
            return self
        scale = longest / max(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return replace(self, pixels=resample(self.pixels, size, Image.Resampling.BOX))


def resample(pixels: np.ndarray, size: tuple[int, int], by: Image.Resampling) -> np.ndarray:
    """``pixels`` [h, w, c] at another ``size`` (width, height) by one of Pillow's filters, within [0, 1]."""
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(pixels, 2, 0)]
    return np.stack([np.asarray(plane.resize(size, by)) for plane in planes], 2).clip(0, 1)


def load_picture(path: str | Path) -> Picture:
    """Any picture that Pillow reads, the orientation of its EXIF data applied.

    Grey stays grey at 8 or 16 bits, palettes become colours; colours are read at 8 bits: Pillow has no more.
    An alpha that is 1 everywhere is dropped.

    Raises:
        PinnsceneError: no such file, a folder, no picture, a broken or an empty one, one of far too many
            pixels, or floating-point values outside [0, 1].
    """
    path = Path(path)
    if path.is_dir():
        raise PinnsceneError(f"expected a picture, got the folder {path}: name a file in it")
    with explained(path), Image.open(path) as opened:
        return Picture(_numbers(ImageOps.exif_transpose(opened)), path.stem)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever Pillow raises or warns of on reading ``path``, told in one line as ``PinnsceneError``."""
    try:
        with catch_warnings():
            simplefilter("ignore")
            simplefilter("error", Image.DecompressionBombWarning)
            yield
    except FileNotFoundError:
        raise PinnsceneError(f"there is no picture {path}: check the path") from None
    except UnidentifiedImageError:
        raise PinnsceneError(f"{path} is no picture that Pillow reads: expected PNG, JPEG ...") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise PinnsceneError(f"{path} has more than {most} million pixels: shrink it first") from None
    except MemoryError:
        raise PinnsceneError(f"{path} does not fit into memory: shrink it first") from None
    except (OSError, SyntaxError, ValueError, EOFError, StructError) as cause:
        raise PinnsceneError(f"cannot read the picture {path}: {cause}") from None


def _numbers(image: Image.Image) -> np.ndarray:
    """Values [h, w, c] from 0 to 1."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _scaled(np.asarray(image), 65535)
    if image.mode == "F":
        return _scaled(np.asarray(image), 1)
    plain = image.convert(_mode(image))
    pixels = _scaled(np.asarray(plain), 255)
    return pixels[:, :, :3] if pixels.shape[2] == 4 and pixels[:, :, 3].min() == 1 else pixels


def _mode(image: Image.Image) -> str:
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"


def _scaled(values: np.ndarray, white: int) -> np.ndarray:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= white):
        raise ValueError(f"its values go from {low:g} to {high:g}, expected 0 to {white}: rescale it")
    scaled = values.astype(np.float32) / np.float32(white)
    return scaled[:, :, None] if scaled.ndim == 2 else scaled


def _shipped(name: str) -> Callable[[int], Picture]:
    """A public-domain picture out of scikit-image's own package."""
    return lambda side: load_picture(Path(data_dir) / f"{name}.png").shrunk(side)


def checkerboard(side: int, squares: int = 8) -> Picture:
    """Black and white squares, ``squares`` along each side, white in the top left corner."""
    k = np.arange(side) * squares // side
    board = (k[:, None] + k + 1) % 2
    return Picture(board.astype(np.float32)[:, :, None], "checkerboard")


def circles(side: int) -> Picture:
    """Three overlapping discs of red, green and blue light, their edges one pixel soft."""
    at = (np.arange(side) + 0.5) / side
    angles = np.pi * np.array([0.5, 7 / 6, 11 / 6])
    x, y = 0.5 + 0.19 * np.cos(angles), 0.5 - 0.19 * np.sin(angles)
    distance = np.hypot(at[None, :, None] - x, at[:, None, None] - y)
    inside = np.clip((0.27 - distance) * side + 0.5, 0, 1)
    return Picture((0.08 + 0.87 * inside).astype(np.float32), "circles")


BUILT_IN: dict[str, Callable[[int], Picture]] = {
    "astronaut": _shipped("astronaut"),
    "camera": _shipped("camera"),
    "coffee": _shipped("coffee"),
    "checkerboard": checkerboard,
    "circles": circles,
}


def built_in(name: str, side: int = 256) -> Picture:
    """A picture that needs no file, with sides of at most ``side`` pixels; an unknown name raises."""
    if name not in BUILT_IN:
        raise unknown("picture", name, BUILT_IN)
    return replace(BUILT_IN[name](side), name=name)
