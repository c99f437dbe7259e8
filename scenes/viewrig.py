"""Rays through pixels of many cameras at once."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from pinnscene.rays import PINHOLE, Beams, PosedCamera
from pinnscene.scenes.viewreader import sensor_key

STEP = 2  # pixels between the places of a lattice at which a lens is straightened


class Rig:
    """All cameras of a set, with their numbers side by side, so that any mixture of rays is made in one go.

    Lenses are straightened once, on a lattice over each different sensor, and looked up in between: right to a few
    thousandths of a pixel. Where all are pinholes nothing is looked up, and rays are exact.
    """

    def __init__(self, cameras: Sequence[PosedCamera]) -> None:
        """Set the numbers of ``cameras`` side by side."""
        self.matrix = torch.from_numpy(np.stack([np.asarray(c.matrix, dtype=float)[:3] for c in cameras]))
        self.width = torch.tensor([c.size[0] for c in cameras])
        self.focal = torch.tensor([c.focal for c in cameras], dtype=torch.float64)
        self.centre = torch.tensor([c.centre for c in cameras], dtype=torch.float64)
        self.half = 0.5 / self.focal.prod(1, keepdim=True).sqrt()
        self.bent = any(c.lens != PINHOLE for c in cameras)
        if self.bent:
            self._tabulate(cameras)

    def rays(self, view: Tensor, pixel: Tensor, offset: Tensor | float = 0.5) -> Beams:
        """The rays in float64 of cameras ``view`` [n] through places ``offset`` [n, 2] in pixels along rows [n]."""
        width = self.width[view]
        across, down = pixel % width, torch.div(pixel, width, rounding_mode="floor")
        place = torch.stack([across, down], 1) + offset
        x, y, z = (self._looked_up(view, place) if self.bent else self._straight(view, place)).split(1, dim=1)
        frame = self.matrix[view]
        directions = x * frame[:, :, 0] - y * frame[:, :, 1] - z * frame[:, :, 2]
        return Beams(frame[:, :, 3], directions, self.half[view] * z)

    def _straight(self, view: Tensor, place: Tensor) -> Tensor:
        """Unit directions across, down and forwards, [n, 3], of pinholes."""
        plane = (place - self.centre[view]) / self.focal[view]
        return normalize(torch.cat([plane, torch.ones_like(plane[:, :1])], 1), dim=1)

    def _tabulate(self, cameras: Sequence[PosedCamera]) -> None:
        """Straight rays on a lattice over each sensor, all in one table: a row of it for each place."""
        sensors = {sensor_key(camera): camera for camera in cameras}
        tables, starts, start = [], {}, 0
        for key, camera in sensors.items():
            tables.append(_lattice(camera))
            starts[key] = start
            start += len(tables[-1])
        self.table = torch.cat(tables)
        self.start = torch.tensor([starts[sensor_key(camera)] for camera in cameras])
        self.columns = torch.tensor([_places(camera.size[0]) for camera in cameras])
        self.rows = torch.tensor([_places(camera.size[1]) for camera in cameras])

    def _looked_up(self, view: Tensor, place: Tensor) -> Tensor:
        """Unit directions across, down and forwards, [n, 3], between four of the lattice's."""
        columns, scaled = self.columns[view], place.double() / STEP
        last = torch.stack([columns, self.rows[view]], 1) - 2
        cell = torch.minimum(scaled.long().clamp(min=0), last)
        first = self.start[view] + cell[:, 1] * columns + cell[:, 0]
        x, y = (scaled - cell).split(1, dim=1)
        upper = (1 - x) * self.table[first] + x * self.table[first + 1]
        lower = (1 - x) * self.table[first + columns] + x * self.table[first + columns + 1]
        return normalize((1 - y) * upper + y * lower, dim=1)


def _places(side: int) -> int:
    return -(-side // STEP) + 1


def _lattice(camera: PosedCamera) -> Tensor:
    """Unit directions [m, 3] across, down and forwards on the lattice; they bend less than the plane's places do."""
    across, down = (STEP * torch.arange(_places(side)) for side in camera.size)
    straight = camera.lens.straighten(camera.plane(across, down))
    return normalize(torch.cat([straight, torch.ones_like(straight[:, :1])], 1), dim=1)
