"""What is left of a curve that bounds a planar region: the stretches of it that no other shape cuts away."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.geometry.pieces import Piece

SCANNED = 2048  # places along a piece at which it may begin or end
HALVINGS = 40  # of the step between them, to find where


def spans(piece: Piece) -> list[tuple[float, float]]:
    """Where along a piece, in [0, 1], it is left, the ends found by halving; an end at a corner is the corner."""
    u = torch.linspace(0, 1, SCANNED + 1, dtype=torch.float64)
    kept = _kept(piece, u)
    inner = kept[1:-1]  # the very ends are corners, where a step off the boundary says nothing
    flips = np.flatnonzero(inner[1:] != inner[:-1]) + 1
    marks = [0.0] if inner[0] else []
    for k in flips:
        low, high = float(u[k]), float(u[k + 1])
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            same = bool(_kept(piece, torch.tensor([middle], dtype=torch.float64))[0]) == bool(kept[k])
            low, high = (middle, high) if same else (low, middle)
        marks.append((low + high) / 2)
    marks += [1.0] if inner[-1] else []
    return list(zip(marks[::2], marks[1::2], strict=True))


def _kept(piece: Piece, u: Tensor) -> NDArray[np.bool_]:
    x, n = piece.place(u[:, None])
    return np.ones(len(u), bool) if piece.kept is None else piece.kept(x, n).numpy()
