"""What is asked of a scene beside its colours, each a number a ray [n, 1] that is to be small."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.composite import Rendered
from pinnscene.rays.contraction import warped
from pinnscene.rays.even import spread

if TYPE_CHECKING:
    from pinnscene.radiance.field import RadianceField

Regulariser = Callable[["RadianceField", RayBatch, Rendered], Tensor]
SMOOTH = 1e-3  # differences of opacity below which the total variation is a square, so that it has a slope at 0


def distortion(u: "RadianceField", rays: RayBatch, seen: Rendered) -> Tensor:
    """How far the weights of a ray lie apart (Barron et al. 2111.12077, equation 15).

    Distances are in half box sides; where there is space beyond the box, those from 1 on evenly in disparity, to 1.

    The sum over all pairs w_i w_j |m_i - m_j| of an ordered list is one over single stretches, by running sums:
    2 sum_i w_i (m_i W_i - M_i) with W and M the sums of w and w m before i; plus sum_i w_i^2 length_i / 3.
    """
    del rays
    samples = seen.samples
    near, far = samples.start / u.unit, samples.end / u.unit
    if u.unbounded:
        near, far = warped(near), warped(far)
    weights, middles = samples.table(seen.weights), samples.table((near + far) / 2)
    before = lambda t: t.cumsum(1) - t
    apart = 2 * weights * (middles * before(weights) - before(weights * middles))
    own = weights.square() * samples.table(far - near) / 3
    return (apart + own).sum(1, keepdim=True)


def entropy(u: "RadianceField", rays: RayBatch, seen: Rendered) -> Tensor:
    """The entropy of the opacity in nats: a ray hits something or it does not."""
    del u, rays
    o = seen.opacity.clamp(1e-6, 1 - 1e-6)
    return -(o * o.log() + (1 - o) * (1 - o).log())


def variation(u: "RadianceField", rays: RayBatch, seen: Rendered) -> Tensor:
    """The total variation of the opacity at one stretch of each ray, isotropic (Rudin, Osher and Fatemi 1992).

    As Fridovich-Keil et al. (2112.05131, equation 5) have it of voxels, but of any field and where rays pass: the
    differences of the opacity of a usual stretch, from 0 to 1, to points a step along each axis.
    """
    samples, step = seen.samples, u.step
    held = torch.bincount(samples.ray, minlength=samples.count)
    some = held.nonzero()[:, 0]
    chosen = (spread(rays.jitter[some], 2)[:, 1] * held[some]).long()  # a stretch of each ray that has any
    row = (held.cumsum(0) - held)[some] + torch.minimum(chosen, held[some] - 1)
    x = rays.origins[some] + samples.middle[row, None] * rays.directions[some]
    points = torch.cat([x[None], x + step * torch.eye(3, dtype=x.dtype, device=x.device)[:, None]])
    opacity = -torch.expm1(-step * u.matter(points.flatten(0, 1))[0].view(4, -1))
    squared = (opacity[1:] - opacity[0]).square().sum(0)
    return rays.near.new_zeros(len(rays)).index_put((some,), (squared + SMOOTH**2).sqrt() - SMOOTH)[:, None]


def depth(u: "RadianceField", rays: RayBatch, seen: Rendered) -> Tensor:
    """How far a ray ends from where it is known to, in half box sides, and what share of its light goes further.

    The mean depth of what is seen, as of Deng et al. (2107.02791); a ray of unknown depth (NaN) is let alone.
    """
    if rays.depth is None:
        return 0 * seen.opacity
    known = rays.depth.isfinite()
    off = (seen.depth - torch.where(known, rays.depth, seen.depth.detach())).abs() / u.unit
    return torch.where(known, off + 1 - seen.opacity, 0.0)


REGULARISERS: dict[str, Regulariser] = {
    "distortion": distortion,
    "entropy": entropy,
    "variation": variation,
    "depth": depth,
}
