"""Batches: small records of tensors with one common first axis."""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError


@dataclass(frozen=True, eq=False)
class Batch:
    """A frozen record of tensors [n, ...]; its meaning is the constraint's own, the trainer never looks.

    Subclass it as a dataclass. Fields that are no tensors travel along unchanged.
    """

    def tensors(self) -> dict[str, Tensor]:
        """The tensor fields by name."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Tensor)}

    def __len__(self) -> int:
        lengths = {len(t) for t in self.tensors().values()}
        if len(lengths) != 1:
            raise PinnsceneError(f"{type(self).__name__}: expected tensors of one common length, got {lengths}")
        return lengths.pop()

    def __getitem__(self, rows: Any) -> Any:
        return replace(self, **{name: t[rows] for name, t in self.tensors().items()})

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Self:
        """The same batch on a device; floating tensors also change to ``dtype``."""
        moved = {
            name: t.to(device=device, dtype=dtype if t.is_floating_point() else None, non_blocking=True)
            for name, t in self.tensors().items()
        }
        return replace(self, **moved)


@dataclass(frozen=True, eq=False)
class Points(Batch):
    """Points of a domain with named axes.

    ``p["x"]`` is the column [n, 1] of an axis, ``p[:, :1]`` indexes the coordinates like a tensor, and any other
    index takes rows.

    Attributes:
        coords: coordinates [n, d] in the domain's units.
        axes: the d axis names.
        normal: outward unit normals [n, d] on a boundary, else None.
    """

    coords: Tensor
    axes: tuple[str, ...]
    normal: Tensor | None = None

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.axes:
                raise PinnsceneError(f"no axis '{key}' here; the axes are {', '.join(self.axes)}")
            column = self.axes.index(key)
            return self.coords[:, column : column + 1]
        if isinstance(key, tuple):
            return self.coords[key]
        return super().__getitem__(key)


def thin(batch: Any, count: int) -> Any:
    """About ``count`` rows spread evenly over a batch: the first rows alone may all lie on one wall."""
    n = len(batch)
    return batch if count >= n else batch[torch.linspace(0, n - 1, max(count, 1)).round().long()]


def coordinates(p: "Points | Tensor", d: int) -> Tensor:
    """The coordinates [n, d] of points or of a plain tensor; a wrong shape raises ``PinnsceneError``."""
    x = p.coords if isinstance(p, Points) else p
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != d:
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise PinnsceneError(f"a field of {d} coordinates expected points of shape [n, {d}], got {got}")
    return x
