"""COLMAP's binary files ``cameras.bin``, ``images.bin`` and ``points3D.bin``: a count, then records, little-endian."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.viewcolmaprecords import CameraRecord, ImageRecord
from pinnscene.scenes.viewshots import MODELS, OTHERS

CAMERA, IMAGE, POINT = struct.Struct("<iiQQ"), struct.Struct("<i7di"), struct.Struct("<Q3d3BdQ")
NAMES = {number: (name, len(params.split())) for name, (number, params) in MODELS.items()}
SEEN, TRACK = 24, 8  # bytes of a point seen in a picture, and of a picture that sees a point


class Reader:
    """The bytes of a file, read from its start; what is not there raises."""

    def __init__(self, path: Path, smallest: int) -> None:
        """Read the file and its count of records of at least ``smallest`` bytes each.

        Raises:
            PinnsceneError: a file that cannot be read, or a count that promises more than there is.
        """
        self.path, self.at = path, 0
        try:
            self.bytes = path.read_bytes()
        except (OSError, MemoryError) as cause:
            raise PinnsceneError(f"cannot read {path}: {cause}") from None
        (self.count,) = self.take(struct.Struct("<Q"))
        if self.count * smallest > len(self.bytes):
            raise PinnsceneError(f"{path} promises {self.count} records, it has {len(self.bytes)} bytes: it is broken")

    def take(self, record: struct.Struct) -> tuple:
        """The next record."""
        start = self.skip(record.size)
        return record.unpack_from(self.bytes, start)

    def skip(self, size: int) -> int:
        """Go on by ``size`` bytes; where they start."""
        start = self.at
        self.at = start + size
        if self.at > len(self.bytes):
            raise PinnsceneError(f"{self.path} is cut off: expected more than its {len(self.bytes)} bytes")
        return start

    def name(self) -> str:
        """The next string, up to a NUL."""
        start, end = self.at, self.bytes.find(b"\0", self.at)
        self.skip(max(end, start) - start + 1 if end >= 0 else len(self.bytes))
        return self.bytes[start:end].decode("utf-8", errors="replace")


def read_cameras(path: Path) -> dict[int, CameraRecord]:
    """Cameras by their numbers.

    Raises:
        PinnsceneError: a broken file, or a camera model that is not known.
    """
    reader, made = Reader(path, CAMERA.size), {}
    for _ in range(reader.count):
        number, model, width, height = reader.take(CAMERA)
        if model not in NAMES:
            name = OTHERS.get(model, f"number {model}")
            raise PinnsceneError(f"{path}: the camera model {name} is not known; known: {', '.join(MODELS)}")
        name, n = NAMES[model]
        made[number] = CameraRecord(number, name, (width, height), reader.take(struct.Struct(f"<{n}d")))
    return made


def read_images(path: Path) -> list[ImageRecord]:
    """Pictures; the points seen in them are passed over.

    Raises:
        PinnsceneError: a broken file.
    """
    reader, made = Reader(path, IMAGE.size), []
    for _ in range(reader.count):
        _, *pose, camera = reader.take(IMAGE)
        made.append(ImageRecord(reader.name(), tuple(pose[:4]), tuple(pose[4:]), camera))
        (seen,) = reader.take(struct.Struct("<Q"))
        reader.skip(seen * SEEN)
    return made


def read_points(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points [m, 3] and their colours [m, 3] from 0 to 255.

    Raises:
        PinnsceneError: a broken file.
    """
    reader = Reader(path, POINT.size)
    made = np.empty((reader.count, 6))
    for k in range(reader.count):
        _, *row, _, track = reader.take(POINT)
        made[k] = row
        reader.skip(track * TRACK)
    return made[:, :3], made[:, 3:]
