"""The visual hull: the cells of a box that no picture shows to be empty (Laurentini, IEEE TPAMI 16, 1994)."""

from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pinnscene.rays import PosedCamera
from pinnscene.scenes.views import Views

COARSEST = 16  # cells along each axis to begin with, at least
BOUNDING = 32  # cells along each axis when a box is looked for
CLEAR = 1 / 256  # less opacity than this is none
LONGEST = 200  # pixels along a side of the silhouettes that are looked at, about
CHILDREN = torch.tensor(list(product((0, 1), repeat=3)))


def tightened(views: Views) -> Views:
    """The same views with a box no larger than their visual hull takes, if they have one that fits into the box."""
    held = None if views.unbounded else visual_hull(views, BOUNDING)
    if held is None or not bool(held.any()):
        return views
    index = held.nonzero().double().numpy()
    cell = (views.upper - views.lower) / BOUNDING
    # a cell more on each side, where the box has one
    lower = np.maximum(views.lower, views.lower + cell * (index.min(0) - 1))
    upper = np.minimum(views.upper, views.lower + cell * (index.max(0) + 2))
    share = float(np.prod((upper - lower) / (views.upper - views.lower)))
    note = f"visual hull of the silhouettes: box {_triple(lower)} to {_triple(upper)}, {share:.0%} of the first"
    return replace(views, lower=lower, upper=upper, notes=[*views.notes, note])


def _triple(v: np.ndarray) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in v) + ")"


def visual_hull(views: Views, cells: int) -> Tensor | None:
    """The cells [cells, cells, cells] of the views' box that can hold something; None where pictures have no opacity.

    A cell is empty where all that one training picture shows of the ball around it is transparent. A picture that does
    not show the whole ball says nothing. Cells are divided from coarse to fine; empty ones never come back.
    """
    if views.background is None or views.read(views.train[0]).shape[2] != 4:
        return None
    shots = [_Silhouette(views.cameras[k], views.read(k)[..., 3]) for k in views.train]
    lower, upper = (torch.from_numpy(np.asarray(c, dtype=np.float64)) for c in (views.lower, views.upper))
    sides = [cells]
    while sides[0] % 2 == 0 and sides[0] // 2 >= COARSEST:
        sides.insert(0, sides[0] // 2)
    index = torch.ones(sides[0], sides[0], sides[0]).nonzero()
    for side in sides:
        if side != sides[0]:
            index = (2 * index[:, None] + CHILDREN).flatten(0, 1)
        cell = (upper - lower) / side
        for shot in shots:
            index = index[shot.may_hold(lower + (index + 0.5) * cell, float(cell.norm()) / 2)]
    held = torch.zeros(cells, cells, cells, dtype=torch.bool)
    held[tuple(index.T)] = True
    return held


class _Silhouette:
    """The opacity of one picture, shrunk, and its largest values around every pixel."""

    def __init__(self, camera: PosedCamera, opacity: np.ndarray) -> None:
        image = torch.from_numpy(np.ascontiguousarray(opacity)).float()[None, None] / 255
        shrink = max(1, max(camera.size) // LONGEST)
        image = F.max_pool2d(image, shrink, ceil_mode=True)
        self.camera, self.image, self.shrink = camera, image, shrink
        self.around: dict[int, Tensor] = {}

    def may_hold(self, centres: Tensor, radius: float) -> Tensor:
        """Whether balls of one radius around points [m, 3] may hold something, booleans [m]."""
        across, down, depth = torch.from_numpy(self.camera.project(centres.numpy())).unbind(1)
        reach = radius * max(self.camera.focal) / (depth - radius)  # of each ball, in pixels
        width, height = self.camera.size
        shown = (depth > radius) & (torch.minimum(across, down) >= reach)
        shown &= (across <= width - reach) & (down <= height - reach)
        pad = int((reach[shown].max() / self.shrink).ceil()) + 1 if bool(shown.any()) else 0
        largest = self._largest(pad)
        row, column = (down[shown] / self.shrink).long(), (across[shown] / self.shrink).long()
        held = torch.ones(len(centres), dtype=torch.bool)
        held[shown] = largest[row.clamp(max=len(largest) - 1), column.clamp(max=largest.shape[1] - 1)] >= CLEAR
        return held

    def _largest(self, pad: int) -> Tensor:
        """The largest opacity within ``pad`` pixels, row by row and then across."""
        if pad not in self.around:
            tall = F.max_pool2d(self.image, (2 * pad + 1, 1), 1, (pad, 0))
            self.around[pad] = F.max_pool2d(tall, (1, 2 * pad + 1), 1, (0, pad))[0, 0]
        return self.around[pad]
