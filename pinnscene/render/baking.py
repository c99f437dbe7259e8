"""A field baked once into a volume of distances to its zero set, through which rays are cheap.

The field may be anything whose sign says inside (negative) from outside: a distance, a logit, a polynomial. It is
evaluated on a coarse lattice, and on one three times (or twice) as fine in the cells that its zero set may pass
through: those whose corners differ in sign, or whose values are small for the slope there. Away from the surface the
volume holds the distance to the surface points, the middles of where the fine lattice's edges cross the zero set in a
coarse cell (an exact Euclidean distance transform finds the cell); near it, u / |grad u|, the distance to first order.
Features thinner than a cell of the fine lattice may be lost between its points.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import NoSurface, PinnsceneError
from pinnscene.render.lattice import WINDOWS, Shape, corners, count, lattice, places, vertices
from pinnscene.views import Differentiable

COARSE = 64  # cells along a side of a cube
BUDGET = 1_500_000  # evaluations that the finer of the two refinements may take
REACH = 0.95  # of a cell's side, a little over half its diagonal: how near a corner may be to a surface in the cell
PARALLEL = 1 << 12  # positions from which a look-up is shared between threads
CHUNK = 1 << 14  # points evaluated at a time: a field's layers then stay in the cache


@dataclass(frozen=True, eq=False)
class Baked:
    """A volume of signed distances around the middle of a box.

    Positions are float32, relative to ``centre``, so that a box far from the origin loses no digits.

    Attributes:
        centre: [3] in float64, the middle of the box.
        half: [3] half the box's sides.
        cell: the longest side of a lattice cell.
        volume: signed distances at the lattice's points, the first axis running fastest.
        points: [m, 3] where lattice edges cross the zero set, relative to the centre.
    """

    centre: Tensor
    half: Tensor
    cell: float
    volume: Tensor
    points: Tensor

    @property
    def surface(self) -> Tensor:
        """The same points in the field's coordinates, in float64."""
        return self.points.double() + self.centre.to(self.points.device)

    @property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lower and upper corner [3] of the zero set, in the field's coordinates."""
        points = self.surface
        return points.amin(0).cpu().numpy(), points.amax(0).cpu().numpy()

    @property
    def size(self) -> float:
        """The diagonal of the zero set's bounding box."""
        return float((self.points.amax(0) - self.points.amin(0)).norm())

    def distance(self, p: Tensor) -> Tensor:
        """Signed distances [n] at positions [n, 3] by trilinear interpolation; outside of the box at its wall."""
        n, parts = len(p), torch.get_num_threads() if p.device.type == "cpu" and len(p) >= PARALLEL else 1
        grid = pad(p / self.half, (0, 0, 0, -n % parts)).view(parts, 1, 1, -1, 3)  # a thread takes a whole picture
        volume = self.volume.expand(parts, 1, -1, -1, -1)
        return grid_sample(volume, grid, padding_mode="border", align_corners=True).reshape(-1)[:n]

    def around(self, p: Tensor) -> Tensor:
        """The same, with the way to the box added for positions outside of it."""
        return self.distance(p) + (p.abs() - self.half).clamp_min(0).norm(dim=1)


def bake(u: Differentiable, box: Box, budget: int = BUDGET, coarse: int = COARSE) -> Baked:
    """Bake a field of one output on a box of three axes.

    Args:
        u: negative inside.
        box: where it is known.
        budget: evaluations that the refinement by three may take; by two where that is not enough.
        coarse: cells along a side of the coarse lattice of a cube.

    Raises:
        PinnsceneError: another number of axes or outputs, values that are not finite, or no zero set in the box.
    """
    if len(box.axes) != 3 or len(u.values) != 1:
        raise PinnsceneError(
            f"a surface expected a field of one output on 3 axes, got {', '.join(u.values)} on {', '.join(box.axes)}"
        )
    cells = lattice(box, coarse)
    values = _evaluate(u, box, cells, torch.arange(count(cells))).reshape(vertices(cells))
    near = _near(values)
    factor = 3 if int(near.sum()) * 27 <= budget else 2
    fine = (cells[0] * factor, cells[1] * factor, cells[2] * factor)
    rows = _around(near, factor).flatten().nonzero()[:, 0]
    full = interpolate(values[None, None], vertices(fine), mode="trilinear", align_corners=True)[0, 0].contiguous()
    full.view(-1)[rows] = _evaluate(u, box, fine, rows)
    side = torch.tensor([(b - a) / n for a, b, n in zip(box.lower, box.upper, fine, strict=True)])
    crossings = _crossings(full, rows)
    if not len(crossings):
        sign = "negative (inside)" if bool(full.flatten()[0] < 0) else "positive (outside)"
        raise NoSurface(
            f"the field has no zero set in {box}, nothing to draw: it is {sign} at all {len(rows) + values.numel()} "
            "points looked at"
        )
    far = _far(crossings * side, cells, side * factor)
    volume = interpolate(far[None, None], vertices(fine), mode="trilinear", align_corners=True)[0, 0].contiguous()
    volume.view(-1)[rows] = _blend(full, rows, volume.flatten()[rows], side, factor)
    volume = volume.clamp_min(1e-6 * float(side.min())).copysign(full)
    device = _device(u)
    half = torch.tensor([(b - a) / 2 for a, b in zip(box.lower, box.upper, strict=True)])
    return Baked(
        centre=torch.tensor([(a + b) / 2 for a, b in zip(box.lower, box.upper, strict=True)], dtype=torch.float64),
        half=half.to(device),
        cell=float(side.max()),
        volume=volume.permute(2, 1, 0).contiguous().to(device),
        points=(crossings * side - half).to(device),
    )


def _device(u: Differentiable) -> torch.device:
    return getattr(u, "device", torch.device("cpu"))


def _evaluate(u: Differentiable, box: Box, cells: Shape, rows: Tensor) -> Tensor:
    """The field [n] in float32 on the CPU at numbered lattice points."""
    device, dtype = _device(u), getattr(u, "dtype", torch.float64)
    low, high = (torch.tensor(end, dtype=torch.float64) for end in (box.lower, box.upper))
    found = torch.empty(len(rows))
    for s in range(0, len(rows), CHUNK):
        share = places(rows[s : s + CHUNK], cells).double() / torch.tensor(cells)
        p = Points(torch.lerp(low, high, share).to(device, dtype), box.axes)
        with torch.no_grad():
            found[s : s + CHUNK] = u(p)[:, 0].float().cpu()
    if not bool(found.isfinite().all()):
        bad = places(rows[~found.isfinite()][:1], cells)[0].double() / torch.tensor(cells)
        where = ", ".join(f"{x:.4g}" for x in torch.lerp(low, high, bad).tolist())
        raise NoSurface(f"a surface expected finite values everywhere in its box, got another at ({where})")
    return found


def _near(values: Tensor) -> Tensor:
    """The cells that the zero set may pass through: a change of sign, or a corner that is near for its slope."""
    steepest = torch.zeros_like(values)
    for axis in range(3):
        rise = values.diff(dim=axis).abs()
        n = rise.shape[axis]
        most = torch.zeros_like(values)
        most.narrow(axis, 0, n).copy_(rise)
        later = most.narrow(axis, 1, n)
        later.copy_(torch.maximum(later, rise))
        steepest += most.square()
    close = values.abs() <= REACH * steepest.sqrt()
    inside = values < 0
    mixed = corners(inside, torch.logical_or) & ~corners(inside, torch.logical_and)
    return mixed | corners(close, torch.logical_or)


def _around(near: Tensor, factor: int) -> Tensor:
    """The fine lattice's points in or on coarse cells, as booleans over the fine lattice."""
    cells = near
    for axis in range(3):
        cells = cells.repeat_interleave(factor, axis)
    marked = torch.zeros(vertices((cells.shape[0], cells.shape[1], cells.shape[2])), dtype=torch.bool)
    for window in WINDOWS:
        marked[window] |= cells
    return marked


def _crossings(values: Tensor, rows: Tensor) -> Tensor:
    """Where edges from the given lattice points cross the zero set, [m, 3] in lattice coordinates."""
    flat, (a, b, c) = values.view(-1), values.shape
    place = places(rows, (a - 1, b - 1, c - 1))
    here, found = flat[rows], []
    for axis, stride in enumerate((b * c, c, 1)):
        there = flat[(rows + stride).clamp_max(len(flat) - 1)]
        crossed = ((here < 0) != (there < 0)) & (place[:, axis] < values.shape[axis] - 1)
        start, end = here[crossed], there[crossed]
        at = place[crossed].float()
        at[:, axis] += start / (start - end)
        found.append(at)
    return torch.cat(found)


def _far(points: Tensor, cells: Shape, side: Tensor) -> Tensor:
    """The distance from every coarse lattice point to the surface points [m, 3] of the cell that is nearest."""
    last = torch.tensor(cells) - 1
    home = torch.minimum((points / side).long(), last)
    number = (home[:, 0] * cells[1] + home[:, 1]) * cells[2] + home[:, 2]
    total = torch.zeros(int(np.prod(cells)), 3).index_add_(0, number, points)
    members = torch.bincount(number, minlength=len(total))
    mean = total / members.clamp_min(1)[:, None]
    empty = (members == 0).reshape(cells).numpy()
    nearest = distance_transform_edt(empty, sampling=side.tolist(), return_distances=False, return_indices=True)
    flat = torch.from_numpy(np.ravel_multi_index(tuple(np.asarray(nearest)), cells)).long()
    to = mean[flat.flatten()].reshape(*cells, 3)
    axes = [torch.arange(n + 1) * s for n, s in zip(cells, side.tolist(), strict=True)]
    vertex = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    found = torch.full(vertices(cells), torch.inf)
    for window in WINDOWS:
        found[window] = torch.minimum(found[window], (vertex[window] - to).norm(dim=-1))
    return found


def _blend(values: Tensor, rows: Tensor, far: Tensor, side: Tensor, factor: int) -> Tensor:
    """Distances at fine points: |u| / |grad u| at the surface, over to ``far`` within a coarse cell or two."""
    flat, shape = values.view(-1), values.shape
    place = places(rows, (shape[0] - 1, shape[1] - 1, shape[2] - 1))
    square = torch.zeros(len(rows))
    for axis, stride in enumerate((shape[1] * shape[2], shape[2], 1)):
        before, after = (place[:, axis] > 0).long(), (place[:, axis] < shape[axis] - 1).long()
        rise = flat[rows + stride * after] - flat[rows - stride * before]
        square += (rise / ((before + after) * side[axis])).square()
    longest = float(side.max())
    near = flat[rows].abs() / square.sqrt().clamp_min(1e-30)
    share = (far / (factor * longest) - 1).clamp(0, 1)
    between = (share > 0) & (share < 1)
    order = float((far[between] / near[between]).nanmedian()) if bool(between.any()) else 1.0
    if 1.5 < order < 10:  # a zero of higher order: |u| / |grad u| of a distance's cube is a third of the distance
        near = near * order
    return torch.lerp(torch.minimum(near, far + longest), far, share)
