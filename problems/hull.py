"""The visual hull: the cells of a box that no picture shows to be empty (Laurentini, IEEE TPAMI 16, 1994)."""

from collections.abc import Sequence
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


def silhouettes(views: Views) -> "list[Silhouette]":
    """Of the training pictures, each decoded once; none where pictures have no opacity."""
    if not views.transparent:
        return []
    return [Silhouette(views.cameras[k], views.read(k)[..., 3]) for k in views.train]


def tightened(views: Views, shots: "Sequence[Silhouette]") -> Views:
    """The same views with a box no larger than their visual hull takes, if they have one that fits into the box."""
    if shots and not any(bool(shot.filled.any()) for shot in shots):
        warning = "warning: the pictures to train on are transparent all over: there is nothing to be seen"
        return replace(views, notes=[*views.notes, warning])
    held = None if views.unbounded else visual_hull(views, shots, BOUNDING)
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


def visual_hull(views: Views, shots: "Sequence[Silhouette]", cells: int) -> Tensor | None:
    """The cells [cells, cells, cells] of the views' box that can hold something; None without silhouettes.

    A cell is empty where all that one training picture shows of the ball around it is transparent. A picture that does
    not show the whole ball says nothing. Cells are divided from coarse to fine; empty ones never come back.
    """
    if not shots:
        return None
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


class Silhouette:
    """Where one picture shows something, shrunk: a pixel does where any of those that it stands for is not clear."""

    def __init__(self, camera: PosedCamera, opacity: np.ndarray) -> None:
        self.camera, self.shrink = camera, max(1, max(camera.size) // LONGEST)
        image = torch.from_numpy(np.array(opacity)).float()[None, None] / 255
        self.filled = F.max_pool2d(image, self.shrink, ceil_mode=True)[0, 0] >= CLEAR

    def may_hold(self, centres: Tensor, radius: float) -> Tensor:
        """Whether balls of one radius around points [m, 3] may hold something, booleans [m]."""
        across, down, depth = torch.from_numpy(self.camera.project(centres.numpy())).unbind(1)
        reach = radius * max(self.camera.focal) / (depth - radius)  # of each ball, in pixels
        width, height = self.camera.size
        shown = (depth > radius) & (torch.minimum(across, down) >= reach)
        shown &= (across <= width - reach) & (down <= height - reach)
        held = torch.ones(len(centres), dtype=torch.bool)
        if bool(shown.any()):
            near = self._grown(int((reach[shown].max() / self.shrink).ceil()) + 1)
            row, column = (down[shown] / self.shrink).long(), (across[shown] / self.shrink).long()
            held[shown] = near[row.clamp(max=len(near) - 1), column.clamp(max=near.shape[1] - 1)]
        return held

    def _grown(self, pad: int) -> Tensor:
        """Whether something is shown within ``pad`` pixels, down and then across."""
        tall = F.max_pool2d(self.filled.float()[None, None], (2 * pad + 1, 1), 1, (pad, 0))
        return F.max_pool2d(tall, (1, 2 * pad + 1), 1, (0, pad))[0, 0] > 0
