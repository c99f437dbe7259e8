"""What the files of posed pictures have in common: shots, their sensors, and the whole capture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import pi, tan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PINHOLE, Lens
from pinnscene.rays.lens import FisheyeLens, RadialLens

# COLMAP's camera models (src/colmap/sensor/models.h): the number in binary files, the parameters in their order.
MODELS: dict[str, tuple[int, str]] = {
    "SIMPLE_PINHOLE": (0, "f cx cy"),
    "PINHOLE": (1, "fx fy cx cy"),
    "SIMPLE_RADIAL": (2, "f cx cy k1"),
    "RADIAL": (3, "f cx cy k1 k2"),
    "OPENCV": (4, "fx fy cx cy k1 k2 p1 p2"),
    "OPENCV_FISHEYE": (5, "fx fy cx cy k1 k2 k3 k4"),
    "FULL_OPENCV": (6, "fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6"),
    "SIMPLE_RADIAL_FISHEYE": (8, "f cx cy k1"),
    "RADIAL_FISHEYE": (9, "f cx cy k1 k2"),
}
OTHERS = {7: "FOV", 10: "THIN_PRISM_FISHEYE", 11: "RAD_TAN_THIN_PRISM_FISHEYE"}
OFF_MIDDLE = 0.3  # how far a principal point may lie from the middle, as a share of the picture
LONGEST = 1000  # focal lengths of a picture: a degree of view is 57
SAME_SHAPE = 0.02  # by how much the width over the height may differ from what the intrinsics are for


@dataclass(frozen=True)
class Sensor:
    """The intrinsics of a camera, as far as its file gives them.

    Attributes:
        focal: focal lengths across and down in pixels of ``size``; None where ``angle`` is given.
        angle: angles of view across and down, radians; one of them may be None.
        size: width and height that focal and centre are meant for; None for those of the picture.
        centre: the principal point in pixels of ``size``, None for the middle.
        lens: what the lens does to straight lines.
    """

    focal: tuple[float, float] | None = None
    angle: tuple[float | None, float | None] = (None, None)
    size: tuple[int, int] | None = None
    centre: tuple[float, float] | None = None
    lens: Lens = PINHOLE

    def on(self, size: tuple[int, int], name: str) -> tuple[tuple[float, float], tuple[float, float]]:
        """Focal lengths and principal point in pixels of a picture of ``size``.

        Raises:
            PinnsceneError: a picture of another shape than the intrinsics are for, a principal point far from its
                middle, or angles outside (0, pi).
        """
        meant = self.size or size
        across, down = size[0] / meant[0], size[1] / meant[1]
        rounding = 1 / min(size) + 1 / min(meant)
        if abs(across / down - 1) > max(SAME_SHAPE, rounding):
            raise PinnsceneError(
                f"{name} has {size[0]}x{size[1]} pixels, its intrinsics are for {meant[0]}x{meant[1]}: expected "
                "pictures of the same shape, uncropped and unturned"
            )
        centre = self.centre or (meant[0] / 2, meant[1] / 2)
        if any(abs(c / side - 0.5) > OFF_MIDDLE for c, side in zip(centre, meant, strict=True)):
            raise PinnsceneError(
                f"{name} has {size[0]}x{size[1]} pixels, its principal point is at ({centre[0]:g}, {centre[1]:g}): "
                "give w and h, the size that the intrinsics are for"
            )
        focal = self.focal or self._by_angle(meant, name)
        if not all(1 / LONGEST <= f / side <= LONGEST for f, side in zip(focal, meant, strict=True)):
            raise PinnsceneError(
                f"{name}: a focal length of {focal[0]:g} and {focal[1]:g} for {meant[0]}x{meant[1]} pixels: expected "
                f"1/{LONGEST} to {LONGEST} times the picture"
            )
        return (focal[0] * across, focal[1] * down), (centre[0] * across, centre[1] * down)

    def _by_angle(self, size: tuple[int, int], name: str) -> tuple[float, float]:
        found = []
        for side, angle in zip(size, self.angle, strict=True):
            if angle is not None and not 0 < angle < pi:
                raise PinnsceneError(f"{name}: expected an angle of view from 0 to pi radians, got {angle:g}")
            found.append(None if angle is None else side / (2 * tan(angle / 2)))
        one = found[0] or found[1] or float(max(size))
        return found[0] or one, found[1] or one


def lens_of(model: str, k: Mapping[str, float], name: str) -> Lens:
    """The lens of a camera model with the coefficients ``k`` by name: k1, k2, ... p1, p2; those not given are 0.

    Raises:
        PinnsceneError: a model without a formula here.
    """
    if model not in MODELS:
        raise PinnsceneError(f"{name}: the camera model '{model}' is not known; known: {', '.join(MODELS)}")
    if model.endswith("FISHEYE"):
        return FisheyeLens(tuple(k.get(f"k{n}", 0.0) for n in range(1, 5)))
    last = 3 if model == "FULL_OPENCV" else 4
    over = tuple(k.get(f"k{n}", 0.0) for n in range(1, last + 1))
    under = tuple(k.get(f"k{n}", 0.0) for n in range(last + 1, 7))
    if not any((*over, *under, k.get("p1", 0.0), k.get("p2", 0.0))):
        return PINHOLE
    return RadialLens(over, under if any(under) else (), (k.get("p1", 0.0), k.get("p2", 0.0)))


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture of a capture.

    Attributes:
        name: as the file has it.
        picture: where it should be.
        matrix: camera to world [4, 4], the columns right, up, backwards and position; not checked yet.
        sensor: the intrinsics.
        split: "train", "test", or "" where the file does not say.
        mask: a picture whose dark pixels do not count.
        depth: a picture or array of depths.
    """

    name: str
    picture: Path
    matrix: NDArray[np.float64]
    sensor: Sensor
    split: str = ""
    mask: Path | None = None
    depth: Path | None = None


@dataclass(frozen=True, eq=False)
class Capture:
    """All that a file of posed pictures says.

    Attributes:
        kind: the format, for people.
        folder: the data folder.
        shots: the pictures in order.
        bounds: the nearest and the farthest that is seen, along the views; None where the file does not say.
        points: points of the surface [m, 3] and their colours [m, 3] from 0 to 1, or None.
        shrunk: by how much the pictures that were found are smaller than the others, where the loader chose so.
        depth_unit: what a depth of 1 in a file is in the scene's units.
        notes: what the loader found.
    """

    kind: str
    folder: Path
    shots: list[Shot]
    bounds: tuple[float, float] | None = None
    points: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    shrunk: int = 1
    depth_unit: float = 1.0
    notes: list[str] = field(default_factory=list)
