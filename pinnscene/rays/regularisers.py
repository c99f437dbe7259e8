"""What is asked of a scene beside its colours, each a number a ray [n, 1] that is to be small."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.composite import Rendered

if TYPE_CHECKING:
    from pinnscene.radiance.field import RadianceField

Regulariser = Callable[["RadianceField", RayBatch, Rendered], Tensor]


def distortion(u: "RadianceField", rays: RayBatch, seen: Rendered) -> Tensor:
    """How far the weights of a ray lie apart (Barron et al. 2111.12077, equation 15), distances in half box sides.

    The sum over all pairs w_i w_j |m_i - m_j| of an ordered list is one over single stretches, by running sums:
    2 sum_i w_i (m_i W_i - M_i) with W and M the sums of w and w m before i; plus sum_i w_i^2 length_i / 3.
    """
    del rays
    samples = seen.samples
    weights, middles = samples.table(seen.weights), samples.table(samples.middle / u.unit)
    before = lambda t: t.cumsum(1) - t
    apart = 2 * weights * (middles * before(weights) - before(weights * middles))
    own = weights.square() * samples.table(samples.length / u.unit) / 3
    return (apart + own).sum(1, keepdim=True)


def entropy(u: "RadianceField", rays: RayBatch, seen: Rendered) -> Tensor:
    """The entropy of the opacity in nats: a ray hits something or it does not."""
    del u, rays
    o = seen.opacity.clamp(1e-6, 1 - 1e-6)
    return -(o * o.log() + (1 - o) * (1 - o).log())


REGULARISERS: dict[str, Regulariser] = {"distortion": distortion, "entropy": entropy}
