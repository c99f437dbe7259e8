"""The code of an unseen shape from a few of its points: DeepSDF's inference (Park et al. 1901.05103, eq. 10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
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
SHIFT, SPIN = 0.1, 0.5  # those of place and size, and of the rotation, as shares of it
PRIOR = 1e-3  # weight of the squared length of a code
# Where a part of a shape may have its cube as seen in its own: moved, and scaled by the exponential of the last entry.
PLACES = [(0.0, 0.0, 0.0, 0.0), *product(*[(-0.25, 0.0, 0.25)] * 3, (0.0, 0.35))]
FEW = 64  # observations by which places are compared
JUDGES = 2048  # and finished fits
CLEARLY = 0.7  # share of the first fit's error below which another is taken instead


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
    """What explains clouds: codes [b, size], and the cubes that the members lie in as seen in those of the clouds.

    The middle of such a cube is ``shift`` [b, 3], its side exp(``grow``) [b]; it is turned by the vector ``spin``
    [b, 3]: about its direction, by its length in radians.
    """

    codes: Tensor
    shift: Tensor
    grow: Tensor
    spin: Tensor

    @property
    def turn(self) -> Tensor:
        """The rotations [b, 3, 3]."""
        zero = torch.zeros_like(self.grow)
        x, y, z = self.spin.unbind(1)
        return torch.matrix_exp(torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).unflatten(1, (3, 3)))


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
    return Fit(codes, *(codes.new_zeros(len(codes), *rest) for rest in ((3,), (), (3,))))


def cut(distance: Tensor) -> Tensor:
    """Distances cut off at +-BAND."""
    return distance.clamp(-BAND, BAND)


def fit_codes(u: "Field", clouds: Clouds, starts: int = 1, seed: int = 0) -> Fit:
    """The codes under which the field explains clouds best, with the cubes moved, scaled and turned to suit.

    A cloud's own cube misses the outermost parts, and a member turned as no trained one is may still be of a kind
    with one. On the points the distance is 0; with normals it is +-OFFSET beside them. The field's weights stay.

    Args:
        u: the trained field.
        clouds: to be explained.
        starts: fits of each cloud, from different ``PLACES``, of which the best is kept: a part of a shape does not
            say where the middle of the whole is.
        seed: of the points drawn.
    """
    xyz, target = (t.to(u.device, u.dtype) for t in observations(clouds))
    fit = Fit(*(t.requires_grad_() for t in _nearest_trained(u, xyz, target, starts)))
    rates = {"codes": 1.0, "shift": SHIFT, "grow": SHIFT, "spin": SPIN}
    optimizer = torch.optim.Adam([{"params": [getattr(fit, name)], "lr": LR * rate} for name, rate in rates.items()])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    g = generator(seed, "fit", device=u.device)
    every = torch.arange(len(xyz), device=u.device).repeat_interleave(starts)[:, None]
    for _ in range(STEPS):
        rows = torch.randint(xyz.shape[1], (len(every), EACH), generator=g, device=u.device)
        with torch.enable_grad():
            loss = _misfit(u, fit, xyz[every, rows], target[every, rows]) + PRIOR * fit.codes.square().sum(1)
            slopes = torch.autograd.grad(loss.sum(), list(fit))
        for part, slope in zip(fit, slopes, strict=True):
            part.grad = slope
        optimizer.step()
        schedule.step()
    return _best(u, Fit(*(t.detach() for t in fit)), xyz, target)


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
    side = fit.grow.exp()[:, None, None]
    inward = (xyz - fit.shift[:, None]) / side @ fit.turn
    value = u.bind(fit.codes.repeat_interleave(k, 0))(inward.flatten(0, 1)).unflatten(0, (b, k)) * side
    return (cut(value) - target).abs().mean((1, 2))


@torch.no_grad()
def _nearest_trained(u: "Field", xyz: Tensor, target: Tensor, starts: int) -> Fit:
    """For each cloud the trained code, or their mean, that explains it best: fits from afar end in wrong shapes.

    Of ``starts`` fits of a cloud the first has the cube where the cloud's is, the others where it explains most.
    """
    assert isinstance(u.condition, Codes)
    table = u.condition.table
    codes = torch.cat([table, table.mean(0, keepdim=True)])
    places, some = (PLACES[:1], _some(xyz, EACH)) if starts == 1 else (PLACES, _some(xyz, FEW))
    chosen: list[Fit] = []
    for points, known in zip(xyz[:, some], target[:, some], strict=True):
        every = [t.expand(len(codes), -1, -1) for t in (points, known)]
        errors, which = torch.stack([_misfit(u, _at(codes, place), *every) for place in places]).min(1)
        order = [0, *(1 + errors[1:].argsort()[: starts - 1]).tolist()]
        chosen += [_at(codes[which[k]][None], places[k]) for k in order]
    return Fit(*(torch.cat(column) for column in zip(*chosen, strict=True)))


@torch.no_grad()
def _best(u: "Field", fit: Fit, xyz: Tensor, target: Tensor) -> Fit:
    """Of several fits of each cloud the one that explains it best; the first unless another is clearly better.

    Without normals a wrong member in a wrong place may well have its zeros on all points of a whole cloud.
    """
    b, some = len(xyz), _some(xyz, JUDGES)
    starts = len(fit.codes) // b
    if starts == 1:
        return fit
    points, known = (t[:, some].repeat_interleave(starts, 0) for t in (xyz, target))
    loss = _misfit(u, fit, points, known) + PRIOR * fit.codes.square().sum(1)
    loss = loss.view(b, starts)
    loss[:, 1:] /= CLEARLY
    best = loss.argmin(1) + starts * torch.arange(b, device=u.device)
    return Fit(*(t[best] for t in fit))


def _some(xyz: Tensor, n: int) -> Tensor:
    """Rows of ``n`` observations at equal intervals, or of all."""
    return torch.linspace(0, xyz.shape[1] - 1, min(n, xyz.shape[1]), device=xyz.device).long()


def _at(codes: Tensor, place: Sequence[float]) -> Fit:
    """Codes with every cube at one place."""
    *shift, grow = place
    moved = codes.new_tensor(shift).expand(len(codes), 3)
    return as_given(codes)._replace(shift=moved, grow=codes.new_full((len(codes),), grow))
