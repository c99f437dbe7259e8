"""Pictures, masks and depths of a capture, decoded one at a time when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PINHOLE, PosedCamera
from pinnscene.scenes.viewpictures import read_depth, read_mask, read_pixels
from pinnscene.scenes.viewshots import Shot

PROBES = 33  # places along each side of a picture at which a lens is tried


@dataclass(frozen=True, eq=False)
class Reader:
    """Pictures by their numbers; nothing is kept but the masks of lenses, one for each sensor.

    Attributes:
        shots, cameras: one a picture, the cameras at the size that pictures are read at.
        alpha: whether pictures have a fourth channel.
        depth_unit: what a depth of 1 in a file is in the scene's units.
        lit: by sensor the pixels that its lens reaches, None for all; filled as they are asked for.
    """

    shots: Sequence[Shot]
    cameras: Sequence[PosedCamera]
    alpha: bool
    depth_unit: float = 1.0
    lit: dict[object, NDArray[np.bool_] | None] = field(default_factory=dict)

    def pixels(self, k: int) -> NDArray[np.uint8]:
        """Picture k as bytes [height, width, 3 or 4]."""
        return read_pixels(self.shots[k].picture, self.cameras[k].size, self.alpha)

    def mask(self, k: int) -> NDArray[np.bool_] | None:
        """Which pixels of picture k count [height, width]: by its mask, and where its lens reaches; None for all."""
        path, camera = self.shots[k].mask, self.cameras[k]
        given = None if path is None else read_mask(path, camera.size)
        key = sensor_key(camera)
        if key not in self.lit:
            self.lit[key] = None if covered(camera) == 1 else _lit(camera)
        lit = self.lit[key]
        return given if lit is None else lit if given is None else lit & given

    def depth(self, k: int) -> NDArray[np.float32]:
        """The distance along the ray of each pixel [height, width]; files have the depth along the view."""
        path, camera = self.shots[k].depth, self.cameras[k]
        width, height = camera.size
        if path is None:
            return np.full((height, width), np.nan, np.float32)
        radius = camera.rays(torch.arange(width * height)).radius.reshape(height, width)
        slant = 0.5 / sqrt(camera.focal[0] * camera.focal[1]) / radius
        return read_depth(path, camera.size, self.depth_unit) * slant.numpy().astype(np.float32)


def sensor_key(camera: PosedCamera) -> object:
    """What cameras have in common whose pixels look along the same rays of theirs."""
    return camera.lens, camera.focal, camera.centre, camera.size


def covered(camera: PosedCamera) -> float:
    """The share of the picture that the lens throws light on: 1 unless its formula folds back within the picture."""
    if camera.lens == PINHOLE:
        return 1.0
    across, down = (torch.linspace(0, side, PROBES, dtype=torch.float64) for side in camera.size)
    return float(_reached(camera, across, down).mean())


def _lit(camera: PosedCamera) -> NDArray[np.bool_]:
    """Whether some ray falls on the centre of each pixel [height, width]."""
    across, down = (torch.arange(side, dtype=torch.float64) + 0.5 for side in camera.size)
    return _reached(camera, across, down)


def _reached(camera: PosedCamera, across: Tensor, down: Tensor) -> NDArray[np.bool_]:
    """Whether some ray falls on each place of a lattice, given in pixels across [w] and down [h], booleans [h, w]."""
    return camera.lens.reaches(camera.plane(across, down)).reshape(len(down), len(across)).numpy()


def check_lens(camera: PosedCamera) -> float:
    """The share of the picture that is lit.

    Raises:
        PinnsceneError: less than half of it: such coefficients are wrong.
    """
    share = covered(camera)
    if share < 0.5:
        raise PinnsceneError(
            f"{camera.name}: its lens folds over within the picture and leaves {1 - share:.0%} of it dark: check "
            f"the distortion coefficients {camera.lens}"
        )
    return share
