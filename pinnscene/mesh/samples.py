"""Values of a field at some points of a lattice."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pinnscene.batch import Points
from pinnscene.errors import NoSurface
from pinnscene.mesh.lattice import Floats, Ints, Lattice
from pinnscene.metrics import evaluate
from pinnscene.views import Differentiable

CHUNK = 2**17  # points at a time
Share = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Samples:
    """The field less the level at points: ``numbers`` [n] ascending, ``values`` [n], negative inside."""

    numbers: Ints
    values: Floats

    def at(self, numbers: Ints) -> Floats:
        """The values at points, in any shape, all of which must be among ours."""
        return self.values[np.searchsorted(self.numbers, numbers)]

    def joined(self, other: "Samples") -> "Samples":
        """These and those of other points."""
        numbers = np.concatenate([self.numbers, other.numbers])
        order = np.argsort(numbers, kind="stable")
        return Samples(numbers[order], np.concatenate([self.values, other.values])[order])


@dataclass(frozen=True, eq=False)
class LevelSet:
    """What is sampled: the points where ``u`` is ``level``; inside is where it is less."""

    u: Differentiable
    level: float = 0.0

    def sample(self, lattice: Lattice, numbers: Ints, progress: Share = lambda share: None) -> Samples:
        """Values at points of ascending ``numbers``, a chunk at a time.

        Raises:
            PinnsceneError: a value that is not finite.
        """
        values = np.empty(len(numbers))
        for start in range(0, len(numbers), CHUNK):
            here = slice(start, start + CHUNK)
            coords = torch.from_numpy(lattice.positions(numbers[here]))
            values[here] = evaluate(self.u, Points(coords, self.u.axes), CHUNK)[:, 0].numpy()
            progress(min(1.0, (start + CHUNK) / len(numbers)))
        if not np.isfinite(values).all():
            bad = ", ".join(f"{x:g}" for x in lattice.positions(numbers[~np.isfinite(values)][:1])[0])
            raise NoSurface(f"the field is not finite at ({bad}): it has no surface to extract")
        values -= self.level
        return Samples(numbers, values)


def distinct(numbers: Ints) -> Ints:
    """The numbers of an array of any shape, ascending, each once: by sorting, many times faster than np.unique here."""
    return _once(np.sort(numbers, axis=None))


def union(parts: Iterable[Ints]) -> Ints:
    """The numbers in any of the parts, ascending, each once."""
    together = np.concatenate([np.zeros(0, dtype=np.int64), *parts])
    together.sort()  # in place: these are the largest arrays there are
    return _once(together)


def _once(ordered: Ints) -> Ints:
    return ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]


def contains(ascending: Ints, wanted: Ints) -> NDArray[np.bool_]:
    """Which of the wanted numbers are among ascending ones."""
    place = np.searchsorted(ascending, wanted)
    place[place == len(ascending)] = 0
    return ascending[place] == wanted if len(ascending) else np.zeros(len(wanted), dtype=bool)
