"""COLMAP's text files ``cameras.txt``, ``images.txt`` and ``points3D.txt``: lines of words, # before remarks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.viewcolmaprecords import CameraRecord, ImageRecord


def read_cameras(path: Path) -> dict[int, CameraRecord]:
    """Cameras by their numbers: CAMERA_ID MODEL WIDTH HEIGHT PARAMS.

    Raises:
        PinnsceneError: a line that is none.
    """
    made = {}
    for number, line in _lines(path):
        with _explained(path, number, "CAMERA_ID MODEL WIDTH HEIGHT PARAMS"):
            words = line.split()
            size = int(words[2]), int(words[3])
            made[int(words[0])] = CameraRecord(int(words[0]), words[1], size, tuple(map(float, words[4:])))
    return made


def read_images(path: Path) -> list[ImageRecord]:
    """Pictures, two lines each: IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then its points, perhaps none.

    Raises:
        PinnsceneError: a line that is none.
    """
    made, points = [], False
    for number, line in _lines(path, blank=True):
        if points or not line:
            points = False
            continue
        with _explained(path, number, "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"):
            words = line.split(maxsplit=9)
            pose = tuple(map(float, words[1:8]))
            made.append(ImageRecord(words[9], pose[:4], pose[4:], int(words[8])))
        points = True
    return made


def read_points(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points [m, 3] and their colours [m, 3] from 0 to 255: POINT3D_ID X Y Z R G B ERROR TRACK.

    Raises:
        PinnsceneError: a line that is none.
    """
    made = []
    for number, line in _lines(path):
        with _explained(path, number, "POINT3D_ID X Y Z R G B ERROR"):
            made.append(tuple(map(float, line.split(maxsplit=8)[1:7])))
            if len(made[-1]) < 6:
                raise IndexError
    both = np.array(made, dtype=np.float64).reshape(-1, 6)
    return both[:, :3], both[:, 3:]


def _lines(path: Path, blank: bool = False) -> Iterator[tuple[int, str]]:
    """The lines without remarks, numbered from 1, and without blank ones unless these count."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.startswith("#") and (blank or line.strip()):
                    yield number, line.strip()
    except (OSError, UnicodeDecodeError) as cause:
        raise PinnsceneError(f"cannot read {path}: {cause}") from None


@contextmanager
def _explained(path: Path, number: int, expected: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, IndexError, OverflowError):
        raise PinnsceneError(f"{path}: line {number} is broken: expected {expected}") from None
