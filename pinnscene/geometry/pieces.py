"""The boundary of a region as pieces with a measure, and points on them of even density."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.samplers import count, known_sequence, unit_cube

Placed = tuple[Tensor, Tensor]  # points [n, d] and their outward unit normals [n, d]
Kept = Callable[[Tensor, Tensor], Tensor]  # points and normals -> which of them stay, [n]
PROBES = 2048  # points that tell how much of a piece is left
MOST_DRAWS = 64  # rounds of rejection before a piece counts as gone


@dataclass(frozen=True)
class Piece:
    """A piece of a boundary.

    Attributes:
        part: the name of the part of the boundary that it belongs to.
        measure: its length or area, before anything of it is cut away.
        columns: coordinates of the unit cube that ``place`` takes.
        place: [n, columns] in the unit cube -> points of even density with outward unit normals.
        kept: which points are left; None for all.
    """

    part: str
    measure: float
    columns: int
    place: Callable[[Tensor], Placed]
    kept: Kept | None = None

    def cut(self, kept: Kept) -> "Piece":
        """What is left of the piece under one more condition."""
        before = self.kept
        both = kept if before is None else lambda x, n: before(x, n) & kept(x, n)
        return replace(self, kept=both)

    def turned(self) -> "Piece":
        """The same, seen from the other side."""
        place, before = self.place, self.kept
        kept = None if before is None else lambda x, n: before(x, -n)

        def other(unit: Tensor) -> Placed:
            x, n = place(unit)
            return x, -n

        return replace(self, place=other, kept=kept)


@dataclass(frozen=True)
class Surface:
    """A sampler of ``n`` points of even density on pieces, with outward unit normals."""

    axes: tuple[str, ...]
    pieces: tuple[Piece, ...]
    n: int
    points: str = "uniform"

    def __post_init__(self) -> None:
        count(self.n, "the number of points n")
        known_sequence(self.points)

    def __call__(self, generator: torch.Generator) -> Points:
        found: list[Placed] = []
        have, draw = 0, self.n
        for _ in range(MOST_DRAWS):
            x, n = on_pieces(self.pieces, draw, self.points, generator)
            found.append((x, n))
            have += len(x)
            if have >= self.n:
                break
            draw = min(2 * draw, 2**20)
        x, normal = (torch.cat(column)[: self.n] for column in zip(*found, strict=True))
        return Points(x, self.axes, normal)


def on_pieces(pieces: Sequence[Piece], n: int, points: str, generator: torch.Generator) -> Placed:
    """At most ``n`` points on pieces: what was drawn on what is cut away is left out.

    One coordinate of the unit cube runs along all pieces in proportion to their measures, so that a quasi-random
    sequence stays even across them.
    """
    measures = torch.tensor([piece.measure for piece in pieces], dtype=torch.float64, device=generator.device)
    unit = unit_cube(n, max(1, *(piece.columns for piece in pieces)), points, generator)
    ends = measures.cumsum(0)
    along = unit[:, 0] * ends[-1]
    which = torch.bucketize(along, ends, right=True).clamp_max(len(pieces) - 1)
    unit[:, 0] = ((along - ends[which] + measures[which]) / measures[which]).clamp(0, 1)
    parts, order = [], []
    for k, piece in enumerate(pieces):
        rows = (which == k).nonzero()[:, 0]
        if len(rows):
            x, normal = piece.place(unit[rows, : max(piece.columns, 1)])
            stay = slice(None) if piece.kept is None else piece.kept(x, normal).nonzero()[:, 0]
            parts.append((x[stay], normal[stay]))
            order.append(rows[stay])
    back = torch.cat(order).argsort()
    x, normal = (torch.cat(column)[back] for column in zip(*parts, strict=True))
    return x, normal


def share_left(piece: Piece) -> float:
    """How much of a piece is left, as a share of its measure."""
    if piece.kept is None:
        return 1.0
    unit = unit_cube(PROBES, max(piece.columns, 1), "halton", torch.Generator().manual_seed(0))
    return float(piece.kept(*piece.place(unit)).double().mean())
