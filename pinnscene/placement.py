"""Where a function is steep, and knots that stand close together there.

The local length of u at x is the least (max|u| / |d^k u / dx^k|)^(1/k) over k = 1 to 4: how far x can move before u
changes by its own size. Cells are made proportional to it, and lengths may grow by a share of the way only, so that
neighbouring cells differ little (grading, as of meshes: Persson and Strang 2004, section 5).
"""

import torch
from torch import Tensor

from pinnscene.bases.spline import Knotted
from pinnscene.batch import Points
from pinnscene.encodings.tensor import TensorProduct
from pinnscene.field import Field
from pinnscene.views import Differentiable

ORDERS = 4
GRADING = 0.4  # growth of lengths a unit of the way
SAFETY = 1.5  # the function may get steeper than it is
ACROSS = 9  # places along each other axis of space that are looked at
FINE = 4001  # places along the axis
KINK = 1e-3  # how much relative derivatives may differ where the ends of a circle meet
SHORTEST = 3e-4  # length at a kink, in half axes
NOTHING = 1e-8  # an output this small beside the largest one is rounding


def place(field: Field, seen: Differentiable) -> None:
    """Move the knots of a field's splines to where ``seen`` is steep at the first time; nothing where it has none."""
    if not isinstance(field.encoding, TensorProduct):
        return
    for axis, basis in enumerate(field.encoding.bases):
        if isinstance(basis, Knotted):
            x = torch.linspace(-1, 1, FINE, dtype=torch.float64)
            length = local_length(field, seen, axis, x, basis.periodic)
            basis.place(equal_shares(x, length, basis.cells))


def local_length(field: Field, seen: Differentiable, axis: int, x: Tensor, periodic: bool = False) -> Tensor:
    """The local length of ``seen`` along an axis at x [n] in the field's normalised coordinates: [n].

    A kink, where a derivative is not finite or where the ends of a circle meet, is as steep as can be.
    """
    first = torch.tensor([-1.0], dtype=torch.float64)
    across = torch.linspace(-1, 1, ACROSS, dtype=torch.float64)
    lines = [x if a == axis else first if name == "t" else across for a, name in enumerate(field.axes)]
    shape = [len(line) for line in lines]
    coords = field.centre.cpu() + field.extent.cpu() * torch.cartesian_prod(*lines).view(-1, len(lines))
    operators = [{(axis,) * k: 1.0} for k in range(ORDERS + 1)]
    with torch.no_grad():
        answers = seen.derivatives(Points(coords.to(field.device), field.axes), operators)
    scale = float(field.extent[axis])
    length = torch.full_like(x, 2.0)
    size = answers[0].abs().amax(0)
    size = size.clamp_min(max(NOTHING * float(size.max()), 1e-300))
    for k, answer in enumerate(answers[1:], 1):
        relative = (answer * scale**k / size).cpu().double()
        relative = torch.where(relative.isfinite(), relative, SHORTEST ** (-k))  # a kink
        along = relative.view(*shape, -1).movedim(axis, 0).flatten(1)  # [n, everything else]
        steepest = along.abs().amax(1).clamp_min(1e-300)
        if periodic and float((along[0] - along[-1]).abs().max()) > KINK:
            steepest[[0, -1]] = SHORTEST ** (-k)
        length = torch.minimum(length, steepest ** (-1 / k))
    return graded(x, length / SAFETY)


def graded(x: Tensor, length: Tensor) -> Tensor:
    """The largest function below ``length`` whose slope is at most ``GRADING``, over rising x."""
    way = GRADING * x
    ahead = torch.cummin(length - way, 0)[0] + way
    back = torch.cummin((length + way).flip(0), 0)[0].flip(0) - way
    return torch.minimum(ahead, back)


def equal_shares(x: Tensor, length: Tensor, cells: int) -> Tensor:
    """Breaks [cells + 1] from -1 to 1 between which the integral of 1 / length is the same."""
    steps = (x[1:] - x[:-1]) * (1 / length[1:] + 1 / length[:-1]) / 2
    total = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
    wanted = torch.linspace(0, float(total[-1]), cells + 1, dtype=torch.float64)
    right = torch.searchsorted(total, wanted[1:-1]).clamp(1, len(x) - 1)
    share = (wanted[1:-1] - total[right - 1]) / (total[right] - total[right - 1])
    inner = x[right - 1] + share * (x[right] - x[right - 1])
    return torch.cat([x[:1], inner, x[-1:]])
