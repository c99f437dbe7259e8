"""The code of an unseen shape from a few of its points: DeepSDF's inference (Park et al. 1901.05103, eq. 10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.conditions import Codes
from pinnscene.errors import PinnsceneError
from pinnscene.problems.familyshapes import Frame, Member
from pinnscene.seeds import generator

if TYPE_CHECKING:
    from pinnscene.field import Field

BAND = 0.1  # where distances are cut off, in sides of the cube
STEPS = 400
EACH = 192  # points of a cloud a step
OFFSET = 0.03  # of points beside the surface along its normals, in sides of the cube
LR = 0.02  # step length of the codes
POSE = 0.1  # that of shift and side, as a share of the codes'


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points of a surface [m, 3] in any units, with outward unit normals [m, 3] where they are known."""

    points: NDArray[np.float64]
    normals: NDArray[np.float64] | None = None

    @property
    def frame(self) -> Frame:
        """The cube around the points."""
        return Frame.around(self.points.min(0), self.points.max(0))


def given_cloud(member: Member, points: int, noise: float, k: int) -> Cloud:
    """``points`` of a member's surface in its own units, with normals; ``noise`` in sides of its cube."""
    g = generator(0, "given", k)
    places, normals = member.shape.surface(points, g)
    shaken = noise * member.frame.side * torch.randn(points, 3, generator=g, dtype=torch.float64).numpy()
    return Cloud(places + shaken, normals)


class Clouds(NamedTuple):
    """Clouds of one size, each in a cube of its own: points [b, m, 3], normals [b, m, 3] where all have them."""

    points: Tensor
    normals: Tensor | None


class Fit(NamedTuple):
    """What explains clouds: codes [b, size], and where their cubes lie in those of the clouds: [b, 3] and [b]."""

    codes: Tensor
    shift: Tensor
    side: Tensor


def together(clouds: Sequence[Cloud], frames: Sequence[Frame]) -> Clouds:
    """Clouds in their cubes as one tensor; raises ``PinnsceneError`` where they differ in size."""
    sizes = {len(cloud.points) for cloud in clouds}
    if len(sizes) != 1:
        raise PinnsceneError(f"clouds expected one common number of points, got {sorted(sizes)}: thin the larger ones")
    points = torch.stack([frame.inward(cloud.points) for cloud, frame in zip(clouds, frames, strict=True)])
    known = [torch.from_numpy(cloud.normals) for cloud in clouds if cloud.normals is not None]
    return Clouds(points, torch.stack(known) if len(known) == len(clouds) else None)


def as_given(codes: Tensor) -> Fit:
    """Codes with every cube where the cloud's is."""
    return Fit(codes, codes.new_zeros(len(codes), 3), codes.new_ones(len(codes)))


def cut(distance: Tensor) -> Tensor:
    """Distances cut off at +-BAND."""
    return distance.clamp(-BAND, BAND)


def fit_codes(u: "Field", clouds: Clouds, prior: float, seed: int = 0) -> Fit:
    """The codes under which the field x

    On the points the distance is 0; with normals it is +-OFFSET beside them. ``prior`` is the weight of the
    squared length of a code. The field's weights stay as they are.
    """
    xyz, target = (t.to(u.device, u.dtype) for t in observations(clouds))
    fit = _best_trained(u, xyz, target)
    z, shift, grow = fit.codes.requires_grad_(), fit.shift.requires_grad_(), fit.side.log().requires_grad_()
    optimizer = torch.optim.Adam([{"params": [z]}, {"params": [shift, grow], "lr": POSE * LR}], lr=LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    g = generator(seed, "fit", device=u.device)
    every = torch.arange(len(z), device=u.device)[:, None]
    for _ in range(STEPS):
        rows = torch.randint(xyz.shape[1], (len(z), EACH), generator=g, device=u.device)
        with torch.enable_grad():
            now = Fit(z, shift, grow.exp())
            loss = _misfit(u, now, xyz[every, rows], target[every, rows]) + prior * z.square().sum(1)
            z.grad, shift.grad, grow.grad = torch.autograd.grad(loss.sum(), [z, shift, grow])
        optimizer.step()
        schedule.step()
    return Fit(z.detach(), shift.detach(), grow.detach().exp())


def observations(clouds: Clouds) -> tuple[Tensor, Tensor]:
    """Points [b, k, 3] and the distances [b, k, 1] that they have: on the surface, and beside it along normals."""
    p, n = clouds
    zero = torch.zeros_like(p[..., :1])
    if n is None:
        return p, zero
    return torch.cat([p, p + OFFSET * n, p - OFFSET * n], 1), torch.cat([zero, zero + OFFSET, zero - OFFSET], 1)


def _misfit(u: "Field", fit: Fit, xyz: Tensor, target: Tensor) -> Tensor:
    """The mean absolute error [b] of the field under each code at its points."""
    b, k = xyz.shape[:2]
    side = fit.side[:, None, None]
    inward = (xyz - fit.shift[:, None]) / side
    value = u.bind(fit.codes.repeat_interleave(k, 0))(inward.flatten(0, 1)).unflatten(0, (b, k)) * side
    return (cut(value) - target).abs().mean((1, 2))


@torch.no_grad()
def _best_trained(u: "Field", xyz: Tensor, target: Tensor) -> Fit:
    """For each cloud the trained code, or their mean, that explains it best: fits from afar end in wrong shapes."""
    assert isinstance(u.condition, Codes)
    table = u.condition.table
    codes = torch.cat([table, table.mean(0, keepdim=True)])
    some = torch.linspace(0, xyz.shape[1] - 1, min(EACH, xyz.shape[1]), device=u.device).long()
    best = []
    for points, known in zip(xyz[:, some], target[:, some], strict=True):
        every = (t.expand(len(codes), -1, -1) for t in (points, known))
        best.append(codes[_misfit(u, as_given(codes), *every).argmin()])
    return as_given(torch.stack(best))
