"""LLFF's ``poses_bounds.npy`` (Mildenhall et al. 2019): a row of 17 numbers for each picture in the order of names.

A row holds a matrix [3, 5], its columns the camera's down, right and backwards axes, its position, and height, width
and focal length in pixels; then the depths of the nearest and the farthest thing seen.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.viewchecks import MOST_FRAMES
from pinnscene.scenes.viewpictures import PICTURES
from pinnscene.scenes.viewshots import Capture, Sensor, Shot


def load_llff(path: Path, downscale: int = 1) -> Capture:
    """The pictures of a ``poses_bounds.npy``; with ``downscale`` N those in ``images_N``, where there are as many.

    Raises:
        PinnsceneError: no array of [n, 17] numbers, no folder of pictures, or another number of them.
    """
    rows = _rows(path)
    folders = [path.parent / name for name in (f"images_{downscale}", "images", "images_2", "images_4", "images_8")]
    pictures = next((found for found in map(_pictures, folders) if len(found) == len(rows)), None)
    if pictures is None:
        counts = [f"{len(_pictures(folder))} in {folder.name}" for folder in folders if folder.is_dir()]
        raise PinnsceneError(
            f"{path} has {len(rows)} poses, there are {' and '.join(counts) or 'no pictures'}: expected a picture for "
            "each pose in images or images_N"
        )
    shots = [_shot(row, picture, path.parent) for row, picture in zip(rows, pictures, strict=True)]
    bounds = float(rows[:, 15].min()), float(rows[:, 16].max())
    if not 0 < bounds[0] < bounds[1]:
        raise PinnsceneError(
            f"{path}: expected depths of the nearest above 0 and of the farthest above it, got {bounds}"
        )
    notes = [f"pictures from {pictures[0].parent.name}", "axes turned from down, right, back to right, up, back"]
    shrunk = downscale if pictures[0].parent == folders[0] else 1
    return Capture("LLFF poses_bounds.npy", path.parent, shots, bounds, shrunk=shrunk, notes=notes)


def _rows(path: Path) -> NDArray[np.float64]:
    """The array, not more of it than there is in the file, and nothing that would have to be run to be read."""
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as cause:
        raise PinnsceneError(f"cannot read {path}: {' '.join(str(cause).split())[:120]}") from None
    good = isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] == 17 and len(rows)
    if not good or rows.dtype.kind not in "fiu":
        raise PinnsceneError(f"{path}: expected numbers of shape [n, 17], got {getattr(rows, 'shape', type(rows))}")
    if len(rows) > MOST_FRAMES:
        raise PinnsceneError(f"{path} has {len(rows)} poses: at most {MOST_FRAMES} are read, thin them out")
    made = np.array(rows, dtype=np.float64)
    if not np.isfinite(made).all():
        bad = int(np.argmin(np.isfinite(made).all(1)))
        raise PinnsceneError(f"{path}: pose {bad + 1} is NaN or infinite: expected finite numbers")
    return made


def _pictures(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(path for path in found if path.suffix.lower() in PICTURES)


def _shot(row: NDArray[np.float64], picture: Path, folder: Path) -> Shot:
    axes, (height, width, focal) = row[:15].reshape(3, 5), row[[4, 9, 14]]
    if not (height >= 1 and width >= 1 and focal > 0):
        raise PinnsceneError(f"{picture.name}: expected height, width and focal length above 0, got {row[[4, 9, 14]]}")
    matrix = np.eye(4)
    matrix[:3] = np.stack([axes[:, 1], -axes[:, 0], axes[:, 2], axes[:, 3]], 1)
    sensor = Sensor((focal, focal), size=(round(width), round(height)))
    return Shot(str(picture.relative_to(folder)), picture, matrix, sensor)
