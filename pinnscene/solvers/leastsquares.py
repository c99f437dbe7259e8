"""Damped least squares, by orthogonal factors alone.

Normal equations would stop at 1e-7. With several processes each reduces its rows to a triangular factor first, and
the stacked factors are reduced once more (TSQR).
"""

from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from pinnscene.parallel import gather_rows, total, world


def least_squares(a: Tensor, y: Tensor, damping: float = 1e-14) -> Tensor:
    """The w [m] that minimises ||a w - y||^2 + (damping ||a||)^2 ||w||^2, a [n, m] of any rank, y [n].

    The damping, a little above rounding, keeps the directions that ``a`` leaves open from growing without bound,
    with plain QR factors: fast on CPU and GPU, and the same bits every time. (LAPACK's rank-revealing gelsy through
    torch starts from pivots that are not set, and CUDA's lstsq assumes full rank.) It is not the minimum-norm
    solution: with data that cannot be fitted, open directions may still carry large weights.
    """
    m = a.shape[1]
    both = torch.cat([a, y[:, None]], 1)
    size = sqrt(float(total(both[:, :m].square().sum())))
    ridge = both.new_zeros(m, m + 1)
    ridge.diagonal().fill_(max(damping * size, torch.finfo(a.dtype).tiny ** 0.5))
    if world() > 1 or len(both) > 4 * m:  # otherwise one factorisation of everything is cheaper
        both = torch.linalg.qr(both, mode="r")[1]
        both = gather_rows(F.pad(both, (0, 0, 0, m + 1 - len(both))))
    r = torch.linalg.qr(torch.cat([both, ridge]), mode="r")[1]
    return torch.linalg.solve_triangular(r[:m, :m], r[:m, m:], upper=True)[:, 0]
