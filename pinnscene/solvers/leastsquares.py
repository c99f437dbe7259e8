"""Least squares of minimum norm, by orthogonal factors alone.

Normal equations would stop at 1e-7. With several processes each reduces its rows to a triangular factor first, and
the stacked factors are reduced once more (TSQR).
"""

import torch
from torch import Tensor

from pinnscene.parallel import gather_rows


def least_squares(a: Tensor, y: Tensor, damping: float = 1e-16) -> Tensor:
    """The w [m] that minimises ||a w - y||^2 + (damping ||a||)^2 ||w||^2, a [n, m] of any rank, y [n].

    The damping, at the level of rounding, settles the directions that ``a`` leaves open, as a cut of small singular
    values would, but with plain QR factors: fast on CPU and GPU, and the same bits every time. (LAPACK's
    rank-revealing gelsy through torch starts from pivots that are not set, and CUDA's lstsq assumes full rank.)
    """
    m = a.shape[1]
    both = torch.cat([a, y[:, None]], 1)
    if both.shape[0] > m + 1:
        both = torch.linalg.qr(both, mode="r")[1]
    both = gather_rows(both)
    ridge = both.new_zeros(m, m + 1)
    ridge.diagonal().fill_(damping * float(torch.linalg.matrix_norm(both[:, :m])))
    r = torch.linalg.qr(torch.cat([both, ridge]), mode="r")[1]
    return torch.linalg.solve_triangular(r[:m, :m], r[:m, m:], upper=True)[:, 0]
