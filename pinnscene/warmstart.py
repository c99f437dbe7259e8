"""A first guess: the last layer fitted to a function of the points, such as the state at the start held in time."""

import torch

from pinnscene.batch import Points
from pinnscene.field import Field
from pinnscene.solvers.leastsquares import least_squares
from pinnscene.views import Differentiable

FIT = 1e-10  # damping: a guess need be no closer


@torch.no_grad()
def fit(field: Field, seen: Differentiable) -> None:
    """Set the last layer so that ``field`` comes close to ``seen`` on the lattice of its features."""
    lines = field.encoding.lines()
    if lines is None:
        return
    x = torch.cartesian_prod(*lines).view(-1, len(lines)).to(field.centre)
    p = Points(field.centre + field.extent * x, field.axes)
    value = {(): 1.0}
    target = seen.derivatives(p, [value])[0] - field.lift().derivatives(p, [value])[0]
    (phi,) = field.feature_derivatives(p, [value])
    weights = torch.stack([least_squares(phi, y.contiguous(), FIT) for y in target.to(phi).unbind(1)])
    m = field.backbone.outputs
    field.head.weight.copy_(weights[:, :m])
    if field.backbone.biased:
        field.head.bias.copy_(weights[:, m])
