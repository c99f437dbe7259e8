"""Mean and Gaussian curvature of the level sets of a field, from its exact first and second derivatives.

R. Goldman, "Curvature formulas for implicit curves and surfaces", Computer Aided Geometric Design 22 (2005):
equation 4.1 for the Gaussian and 4.2 for the mean curvature. Signs: a field negative inside has the outward normal
grad u / |grad u|, and a sphere of radius r the curvatures H = 1 / r and K = 1 / r^2.
"""

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.views import Differentiable

KINDS = ("mean", "gaussian")
WATCHED, CHUNK = 4096, 1 << 13  # points that a range is taken from, and evaluated at a time
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def curvatures(u: Differentiable, p: Points | Tensor) -> tuple[Tensor, Tensor]:
    """The mean and Gaussian curvature, [n, 1] each, of the level set through each point; nan where grad u = 0.

    Mean: H = div(grad u / |grad u|) / 2 = (|g|^2 tr h - g.h.g) / (2 |g|^3), per length.
    Gaussian: K = g.adj(h).g / |g|^4, per length^2.

    Raises:
        PinnsceneError: a field without exactly three axes of space and one output.
    """
    if len(u.space) != 3 or len(u.values) != 1:
        raise PinnsceneError(
            f"curvature expected a field of one output in 3 dimensions, got {', '.join(u.values)} of {u.space}"
        )
    numbers = [u.axes.index(axis) for axis in u.space]
    first = [{(k,): 1.0} for k in numbers]
    second = [{(numbers[i], numbers[j]): 1.0} for i, j in PAIRS]
    with torch.no_grad():
        answers = [a[:, 0] for a in u.derivatives(p, [*first, *second])]
    return _formulae(torch.stack(answers[:3], 1), *answers[3:])


def _formulae(
    g: Tensor, xx: Tensor, xy: Tensor, xz: Tensor, yy: Tensor, yz: Tensor, zz: Tensor
) -> tuple[Tensor, Tensor]:
    x, y, z = g.unbind(1)
    square = g.square().sum(1)
    bent = x * x * xx + y * y * yy + z * z * zz + 2 * (x * y * xy + x * z * xz + y * z * yz)
    mean = (square * (xx + yy + zz) - bent) / (2 * square.pow(1.5))
    adjugate = (
        x * x * (yy * zz - yz * yz)
        + y * y * (xx * zz - xz * xz)
        + z * z * (xx * yy - xy * xy)
        + 2 * (x * y * (xz * yz - xy * zz) + x * z * (xy * yz - xz * yy) + y * z * (xy * xz - yz * xx))
    )
    return mean[:, None], (adjugate / square.square())[:, None]


def curvature(u: Differentiable, p: Tensor, kind: str = "mean", chunk: int = CHUNK) -> Tensor:
    """The "mean" or "gaussian" curvature [n] in float64 at positions [n, 3] of any dtype, a chunk at a time."""
    dtype, which = getattr(u, "dtype", torch.float64), KINDS.index(kind)
    parts = [curvatures(u, Points(some.to(dtype), u.axes))[which][:, 0] for some in p.split(chunk)]
    return torch.cat(parts).double()


def typical(u: Differentiable, p: Tensor, kind: str = "mean") -> float:
    """The size that 95 % of the curvatures at positions [n, 3] stay below, from a few thousand of them."""
    size = curvature(u, p[:: max(1, len(p) // WATCHED)], kind).abs()
    size = size[size.isfinite()]
    return (float(size.quantile(0.95)) if len(size) else 0.0) or 1.0
