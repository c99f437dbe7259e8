"""Light through a medium that glows and absorbs (Max 1995; Mildenhall et al. 2003.08934, equations 1 to 3).

Along a ray with density sigma and colour c, the light that arrives is the integral of T sigma c dt with the
transmittance T = exp(-(integral of sigma up to t)). On stretches of constant density it is the sum of w c with
log T_i = -(tau_0 + ... + tau_{i-1}) and w_i = T_i (1 - exp(-tau_i)), tau being density times length. Sums of
logarithms and ``expm1`` keep every weight and gradient finite for any density, where products of 1 - alpha do not.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from pinnscene.rays.samples import Samples


class Weights(NamedTuple):
    """What each stretch adds to the light that arrives.

    Attributes:
        weights: [m], from 0 to 1, together at most 1 a ray.
        through: the share of the light from behind that arrives [n, 1].
    """

    weights: Tensor
    through: Tensor


def weigh(samples: Samples, tau: Tensor) -> Weights:
    """The weights of stretches of optical depth ``tau`` [m], which is not negative."""
    table = samples.table(tau)
    # a sum less its last term would lose what is small beside it
    before = F.pad(table[:, :-1].cumsum(1), (1, 0))
    weights = torch.exp(-before) * -torch.expm1(-table)
    return Weights(samples.packed(weights), torch.exp(-table.sum(1, keepdim=True)))
