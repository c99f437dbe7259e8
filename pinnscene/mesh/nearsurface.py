"""Finding the cells of a fine lattice that a surface passes, without evaluating the others.

A coarse lattice is evaluated whole. A cell is halved where its corners differ in sign, or where the field at its
corners is so small that at the steepest slope seen near by it may vanish inside; so on to the finest lattice. There
the surface is followed: a cell whose face it leaves through has its neighbour taken as well, so that what was found
is found whole, be the slopes right or not. What remains unfound are bodies smaller than a coarse cell in a field that
says nothing of them from farther off.
"""

from functools import reduce
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from pinnscene.errors import NoSurface
from pinnscene.memory import Told
from pinnscene.mesh.lattice import CORNERS, Floats, Ints, Lattice
from pinnscene.mesh.room import check_room, foretell
from pinnscene.mesh.samples import LevelSet, Samples, Share, contains, distinct, union

COARSE = 128  # cells along the longest axis of the lattice that is evaluated whole
SAFETY = 1.2  # on the steepest slope between lattice points: the field may be steeper in between
CHUNK = 2**16  # cells at a time

# The 27 points of a cell that is halved, and which of them are the corners of its eight parts.
POINTS = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)
PARTS = (CORNERS[:, None] + CORNERS[None]) @ np.array([9, 3, 1])


def cut_cells(
    surface: LevelSet,
    lattice: Lattice,
    halvings: int,
    progress: Share = lambda share: None,
    told: Told = lambda line: None,
) -> tuple[Lattice, Ints, Samples]:
    """The finest lattice, its cells that the surface cuts in ascending order, and samples at all their corners.

    Args:
        surface: what to find.
        lattice: the coarse lattice.
        halvings: how often to halve it.
        progress: told the share of the work done, most of which is the finest level's.
        told: hears what a long search will take, before it is begun.

    Raises:
        PinnsceneError: the surface is nowhere in the lattice; the range of the field is told. Or there is not
            memory enough for so many cells.
    """
    began, every = perf_counter(), np.arange(np.prod(lattice.shape))
    samples = surface.sample(lattice, every, _part(progress, 0, halvings))
    a_point = (perf_counter() - began) / len(every)
    cells, slopes = _coarse(lattice, samples, halvings)
    low, high = samples.values.min() + surface.level, samples.values.max() + surface.level
    foretell(len(cells), halvings, a_point, told)
    for k in range(halvings):
        check_room(len(cells), halvings - k)
        finer = lattice.halved()
        samples = surface.sample(finer, _points(lattice, finer, cells), _part(progress, k + 1, halvings))
        cells, slopes = _halve(lattice, finer, cells, slopes, samples, last=k == halvings - 1)
        lattice = finer
    if not len(cells):
        raise NoSurface(
            f"no surface at level {surface.level:g}: the field runs from {low:.4g} to {high:.4g} in the box; "
            f"choose a level in between"
        )
    return lattice, *_follow(surface, lattice, cells, samples)


def _part(progress: Share, k: int, halvings: int) -> Share:
    """Progress of level k: each has four times the points of the one before, the first about those of the lattice."""
    sizes = [1.0, *(4.0**j for j in range(halvings))]
    done, whole = sum(sizes[:k]), sum(sizes)
    return lambda share: progress((done + sizes[k] * share) / whole)


def _coarse(lattice: Lattice, samples: Samples, halvings: int) -> tuple[Ints, Floats]:
    """The cells to halve (to keep, where none follows) of a lattice that is known whole, and slopes near them."""
    v = samples.values.reshape(lattice.shape)
    shifted = [tuple(slice(c, c + n) for c, n in zip(corner, lattice.cells, strict=True)) for corner in CORNERS]
    near, cut, slope = _facts([v[place] for place in shifted], lattice.step)
    slope = maximum_filter(slope, 3, mode="nearest")
    kept = cut | (near <= SAFETY / 2 * lattice.diagonal * slope) if halvings else cut
    return np.stack(np.nonzero(kept), -1) @ lattice.strides, slope[kept]


def _facts(corners: list[NDArray[Any]], step: Floats) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Of cells by the values at their corners: the smallest size, whether the sign changes, the steepest slope."""
    near = reduce(np.minimum, (np.abs(c) for c in corners))
    inside = [c < 0 for c in corners]
    cut = reduce(np.logical_or, inside) & ~reduce(np.logical_and, inside)
    square = np.zeros_like(near)
    for axis in range(3):
        pairs = [(a, a + (4, 2, 1)[axis]) for a in range(8) if not CORNERS[a, axis]]
        steepest = reduce(np.maximum, (np.abs(corners[b] - corners[a]) for a, b in pairs))
        square += (steepest / step[axis]) ** 2
    return near, cut, np.sqrt(square)


def _chunks(cells: Ints) -> list[slice]:
    return [slice(start, start + CHUNK) for start in range(0, len(cells), CHUNK)]


def _halved_points(lattice: Lattice, finer: Lattice, cells: Ints) -> Ints:
    """The 27 points [n, 27] of the finer lattice in each cell."""
    return (2 * lattice.split(cells) @ finer.strides)[:, None] + POINTS @ finer.strides


def _points(lattice: Lattice, finer: Lattice, cells: Ints) -> Ints:
    """All the points of the finer lattice in cells, ascending, made a chunk of cells at a time."""
    return union(distinct(_halved_points(lattice, finer, cells[rows])) for rows in _chunks(cells))


def _halve(
    lattice: Lattice, finer: Lattice, cells: Ints, slopes: Floats, samples: Samples, last: bool
) -> tuple[Ints, Floats]:
    """The parts of cells to halve in turn, ascending, and slopes near them; the last time those that are cut."""
    found: list[tuple[Ints, Floats]] = [(cells[:0], slopes[:0])]
    for rows in _chunks(cells):
        points = _halved_points(lattice, finer, cells[rows])
        values = samples.at(points)[:, PARTS]
        near, keep, slope = _facts([values[..., corner] for corner in range(8)], finer.step)
        slope = np.maximum(slope, slopes[rows, None])  # an own slope may be zero in the middle of a thin plate
        if not last:
            keep |= near <= SAFETY / 2 * finer.diagonal * slope
        found.append((points[:, PARTS[:, 0]][keep], slope[keep]))
    kept, steep = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(kept)
    return kept[order], steep[order]


def _follow(surface: LevelSet, lattice: Lattice, cells: Ints, samples: Samples) -> tuple[Ints, Samples]:
    """The cut cells and all that the surface passes on to through faces."""
    front = cells
    while len(front):
        reached = union(_beyond(lattice, front[rows], samples) for rows in _chunks(front))
        front = reached[~contains(cells, reached)]
        points = distinct(lattice.corners(front))
        new = points[~contains(samples.numbers, points)]
        if len(new):
            samples = samples.joined(surface.sample(lattice, new))
        cells = np.sort(np.concatenate([cells, front]))
    return cells, samples


def _beyond(lattice: Lattice, cells: Ints, samples: Samples) -> Ints:
    """The cells on the other side of the faces that the surface cuts."""
    inside = samples.at(lattice.corners(cells)) < 0
    place, found = lattice.split(cells), []
    for axis in range(3):
        for end in (0, 1):
            face = inside[:, CORNERS[:, axis] == end]
            cut = face.any(1) & ~face.all(1)
            cut &= place[:, axis] < lattice.cells[axis] - 1 if end else place[:, axis] > 0
            found.append(cells[cut] + (2 * end - 1) * lattice.strides[axis])
    return np.concatenate(found)
