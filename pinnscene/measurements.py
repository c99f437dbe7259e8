"""Data points: measured values at places, from arrays or from a file with named columns."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.samplers import count
from pinnscene.seeds import generator
from pinnscene.views import Differentiable

Columns = Mapping[str, Any]
MAGIC = {".npy": b"\x93NUMPY", ".npz": b"PK"}  # how files begin
NOISE = "noise"  # the column of standard deviations


@dataclass(frozen=True, eq=False)
class Measured(Points):
    """Points with what was measured there.

    Attributes:
        measured: values [n, k].
        outputs: the k names of outputs that they are of.
        weight: of each row [n, 1], where rows differ in their noise: in inverse proportion to it, 1 in the middle.
    """

    measured: Tensor | None = None
    outputs: tuple[str, ...] = ()
    weight: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Measurements:
    """A sampler of measured values: all of them at every step, or ``n`` at random.

    Attributes:
        data: every row.
        n: rows a step; 0 for all.
        share: of the rows that no step is trained on, for the held-out residual; of few rows none.
    """

    data: Measured
    n: int = 0
    share: float = 0.1

    def __post_init__(self) -> None:
        if self.n:
            count(self.n, "the number of rows n")
        if not 0 <= self.share < 1:
            raise PinnsceneError(f"the share of held-out rows must be in [0, 1), got {self.share}")

    def __call__(self, generator: torch.Generator) -> Measured:
        rows = self._split(generator.device)[0]
        if 0 < self.n < len(rows):
            rows = rows[torch.randint(len(rows), (self.n,), generator=generator, device=generator.device)]
        return self.data.to(generator.device)[rows]

    def heldout(self, generator: torch.Generator) -> Measured:
        """The rows that no step is trained on, or all where none were left out."""
        trained, unseen = self._split(generator.device)
        return self.data.to(generator.device)[unseen if len(unseen) else trained]

    def _split(self, device: torch.device) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(self.data), generator=generator(0, "measurements")).to(device)
        left = int(self.share * len(order))
        return order[left:], order[:left]


@dataclass(frozen=True)
class Agree:
    """The residual of measurements: u - what was measured, a column an output, times the rows' weights."""

    def __call__(self, u: Differentiable, batch: Measured) -> Tensor:
        assert batch.measured is not None
        columns = [u.values.index(name) for name in batch.outputs]
        missed = u(batch)[:, columns] - batch.measured
        return missed if batch.weight is None else missed * batch.weight


def measurements(
    source: str | Path | Columns, axes: Sequence[str], values: Sequence[str], n: int = 0, share: float = 0.1
) -> Measurements:
    """A sampler of measurements, to go with ``Agree()`` into a ``Constraint``.

    Args:
        source: columns by name, or a file: CSV whose first line names the columns, NPZ of arrays by name, NPY of a
            structured array, or of a plain one [n, axes + values] in the order of the axes, then the values.
        axes: names of the coordinates, all of which must be there.
        values: names of the outputs, one of which must be there. A further column ``noise`` may give the standard
            deviation of each row.
        n: rows a step, 0 for all.
        share: of the rows that no step is trained on.

    Raises:
        PinnsceneError: a file that cannot be read, a column that is missing, columns of different lengths, a number
            that is not finite, noise that is not positive.
    """
    where = "the measurements" if isinstance(source, Mapping) else str(source)
    columns = source if isinstance(source, Mapping) else _read(Path(source), [*axes, *values])
    outputs = tuple(name for name in values if name in columns)
    missing = [name for name in axes if name not in columns]
    if missing or not outputs:
        expected = f"a column for each of {', '.join(axes)} and one at least for {' or '.join(values)}"
        raise PinnsceneError(f"{where} expected {expected}, got {', '.join(map(str, columns)) or 'none'}")
    noisy = (NOISE,) if NOISE in columns and NOISE not in (*axes, *values) else ()
    found = {name: _column(where, name, columns[name]) for name in (*axes, *outputs, *noisy)}
    lengths = {name: len(column) for name, column in found.items()}
    if len(set(lengths.values())) != 1 or not min(lengths.values()):
        raise PinnsceneError(f"{where} expected columns of one length, at least 1, got {lengths}")
    stack = lambda names: torch.stack([found[name] for name in names], 1)
    weight = _weights(where, found[NOISE]) if noisy else None
    return Measurements(Measured(stack(axes), tuple(axes), None, stack(outputs), outputs, weight), n, share)


def _weights(where: str, noise: Tensor) -> Tensor:
    if not bool((noise > 0).all()):
        row = int((noise <= 0).nonzero()[0, 0])
        raise PinnsceneError(
            f"{where}: noise expected positive standard deviations, got {noise[row]:g} in row {row + 1}"
        )
    return (noise.median() / noise)[:, None]


def _column(where: str, name: str, values: Any) -> Tensor:
    try:
        column = torch.as_tensor(np.asarray(values, dtype=np.float64)).reshape(-1)
    except (TypeError, ValueError) as cause:
        raise PinnsceneError(f"{where}: column {name} is not all numbers: {cause}") from cause
    bad = (~column.isfinite()).nonzero()
    if len(bad):
        raise PinnsceneError(f"{where}: column {name} is not finite in row {int(bad[0, 0]) + 1}")
    return column


def _read(path: Path, names: list[str]) -> Columns:
    kind = path.suffix.lower()
    try:
        if kind == ".csv":
            return _csv(path)
        if kind in (".npz", ".npy"):
            with path.open("rb") as file:
                if not file.read(6).startswith(MAGIC[kind]):
                    raise PinnsceneError(f"cannot read {path}: it is no {kind} file as NumPy writes them")
                file.seek(0)
                loaded = np.load(file, allow_pickle=False)
                return {name: loaded[name] for name in loaded.files} if kind == ".npz" else _plain(path, loaded, names)
    except (OSError, ValueError, EOFError, BadZipFile) as cause:
        reason = getattr(cause, "strerror", None) or str(cause).splitlines()[0]
        raise PinnsceneError(f"cannot read {path}: {reason}") from cause
    raise PinnsceneError(f"{path}: measurements come as .csv, .npz or .npy, not as '{kind or 'a file without ending'}'")


def _csv(path: Path) -> Columns:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.reader(file) if line]
    if not lines:
        raise PinnsceneError(f"{path} is empty: its first line names the columns")
    names = [name.strip() for name in lines[0]]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise PinnsceneError(f"{path}: the column {twice[0]} is there {names.count(twice[0])} times: expected it once")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(names):
            raise PinnsceneError(f"{path}: line {number} expected {len(names)} numbers, got {len(line)}")
        if not all(_is_number(cell) for cell in line):
            raise PinnsceneError(f"{path}: line {number} expected numbers, got {','.join(line)[:60]}")
    rows = np.array([[float(cell) for cell in line] for line in lines[1:]]).reshape(-1, len(names))
    return dict(zip(names, rows.T, strict=True))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(path: Path, loaded: Any, names: list[str]) -> Columns:
    if loaded.dtype.names:
        return {name: loaded[name] for name in loaded.dtype.names}
    if loaded.ndim != 2 or loaded.shape[1] != len(names):
        raise PinnsceneError(f"{path} expected [n, {len(names)}] ({', '.join(names)}), got {list(loaded.shape)}")
    return dict(zip(names, loaded.T, strict=True))
