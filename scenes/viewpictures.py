"""Pictures of posed views: bytes at the size that is asked for, masks and depths.

Pixels are taken as they are stored: cameras are meant for those, whatever way up EXIF data would have them shown.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.pictures import explained

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
Size = tuple[int, int]


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded: width and height, and whether it may be transparent."""

    size: Size
    transparent: bool


def read_header(path: Path) -> Header:
    """The header of a picture.

    Raises:
        PinnsceneError: no such file, no picture, or one of far too many pixels.
    """
    with explained(path), Image.open(path) as image:
        return Header(image.size, image.has_transparency_data)


def read_pixels(path: Path, size: Size, alpha: bool) -> NDArray[np.uint8]:
    """A picture as bytes [height, width, 3], or [height, width, 4] with ``alpha``, each the mean of its area.

    Means are weighted with the opacity, so that nothing of what hides behind transparent pixels shows.

    Raises:
        PinnsceneError: as ``read_header``, and a picture that is cut off or has another size than its header says.
    """
    with explained(path), Image.open(path) as image:
        image.load()
        pixels = _eight_bits(image).convert("RGBA" if alpha or image.has_transparency_data else "RGB")
    return np.asarray(_resized(pixels, size).convert("RGBA" if alpha else "RGB"))


def read_mask(path: Path, size: Size) -> NDArray[np.bool_]:
    """Which pixels count, booleans [height, width]: those of which no part is dark in the mask.

    Raises:
        PinnsceneError: as ``read_pixels``.
    """
    with explained(path), Image.open(path) as image:
        lit = np.asarray(_eight_bits(image).convert("L")) >= 128
    return np.asarray(_resized(Image.fromarray(lit.astype(np.uint8) * 255), size)) == 255


def read_depth(path: Path, size: Size, unit: float) -> NDArray[np.float32]:
    """Depths [height, width] in the scene's units, NaN where the file has 0 or no number.

    Each is that of the nearest pixel: the mean of what is near and what is far is nowhere.

    Raises:
        PinnsceneError: as ``read_pixels``, or an array that is no [height, width] of numbers.
    """
    if path.suffix.lower() == ".npy":
        values = _array(path)
    else:
        with explained(path), Image.open(path) as image:
            values = np.asarray(image)
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.size:
        raise PinnsceneError(f"{path}: expected depths of shape [height, width], got {list(values.shape)}")
    rows, columns = ((np.arange(n) + 0.5) * m / n for n, m in zip(size[::-1], values.shape, strict=True))
    near = np.asarray(values[rows.astype(int)[:, None], columns.astype(int)], dtype=np.float32)
    return np.where(np.isfinite(near) & (near > 0), near * np.float32(unit), np.float32(np.nan))


def _array(path: Path) -> NDArray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as cause:
        raise PinnsceneError(f"cannot read {path}: {' '.join(str(cause).split())[:120]}") from None


def _resized(image: Image.Image, size: Size) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.BOX)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits at 8: Pillow itself would cut it off at 255."""
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its values go from {values.min()} to {values.max()}, expected 0 to 65535")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
