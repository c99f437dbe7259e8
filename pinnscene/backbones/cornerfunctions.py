"""What corners of the domain make singular.

Near a corner of interior angle v, solutions of equations whose leading part is the Laplacian behave like Re and Im of
z^(k pi / v), and like those of z^m log z where k pi / v is a whole number m (Grisvard 1985, section 4.4): no smooth
features come near them. z is the place as a complex number, seen from the corner, its cut outside the domain.
"""

from math import pi

import torch
from torch import Tensor

from pinnscene.backbones.wirtinger import Planar

WHOLE = 1e-9  # how near to a whole number an exponent counts as one
NEAREST = 1e-12  # to the corner itself, where derivatives are infinite


def corner(z: Tensor, angle: Tensor, orders: int) -> Planar:
    """The functions k = 1 to ``orders`` of each corner: [n, corners, orders].

    Args:
        z: places [n, corners] seen from the corners, the inside about the positive real axis.
        angle: of the inside [corners], radians.
        orders: functions of each.
    """
    z = torch.where(z.abs() < NEAREST, torch.full_like(z, NEAREST), z)[..., None]
    e = pi / angle[:, None] * torch.arange(1, orders + 1, device=angle.device, dtype=angle.dtype)
    whole = (e - e.round()).abs() < WHOLE
    e = torch.where(whole, e.round(), e)
    log = z.log()
    base = (e * log).exp()
    first, second = base / z, base / z**2
    return Planar(
        torch.where(whole, base * log, base),
        torch.where(whole, first * (e * log + 1), e * first),
        zz=torch.where(whole, second * (e * (e - 1) * log + 2 * e - 1), e * (e - 1) * second),
    )
