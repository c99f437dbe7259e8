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


def corner(z: Tensor, angle: Tensor, short: Tensor, orders: int) -> Planar:
    """The first ``orders`` functions of each corner: [n, corners, orders].

    The cut of z^e goes out along the negative axis. Where it would enter the domain again it ends before, at
    -1 / short: z is then z / (1 + short z), which maps the axis beyond that away from the cut and is z near the corner.

    Args:
        z: places [n, corners] seen from the corners, the inside about the positive real axis.
        angle: of the inside [corners], radians.
        short: 1 / the length of the cut [corners], 0 where nothing is in its way.
        orders: functions of each.
    """
    z = torch.where(z.abs() < NEAREST, torch.full_like(z, NEAREST), z)
    share = 1 / (1 + short * z)
    w, slope, bend = z * share, share**2, -2 * short * share**3
    e, whole = exponents(angle, orders)
    w, slope, bend = w[..., None], slope[..., None], bend[..., None]
    log = w.log()
    base = (e * log).exp()
    first, second = base / w, base / w**2
    value = torch.where(whole, base * log, base)
    by = torch.where(whole, first * (e * log + 1), e * first)
    twice = torch.where(whole, second * (e * (e - 1) * log + 2 * e - 1), e * (e - 1) * second)
    return Planar(value, by * slope, zz=twice * slope**2 + by * bend)


def exponents(angle: Tensor, orders: int) -> tuple[Tensor, Tensor]:
    """The lowest k pi / angle + m, k >= 1 and m >= 0, of each corner [corners, orders], and which are whole numbers.

    Those with m > 0 are there because boundaries are curved, sources are not constant and z is not w.
    """
    rows = []
    for step in (pi / angle).tolist():
        every = sorted(k * step + m for k in range(1, orders + 1) for m in range(orders))
        apart = [e for j, e in enumerate(every) if not j or e - every[j - 1] > WHOLE]
        rows.append([float(round(e)) if abs(e - round(e)) < WHOLE else e for e in apart[:orders]])
    e = angle.new_tensor(rows)
    return e, e == e.round()
