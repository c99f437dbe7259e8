"""The place as it is seen from within holes, beside the coordinates: for fields around obstacles.

Around a hole about c of radius r a smooth solution continues into the hole, but not to its middle: with z the place
from c as a complex number it is made of products of powers of z, z*, r/z and r/z*. The last two are the coordinates of
the point that inversion in the circle gives. Smooth functions of all four need no fine scales near a small hole, where
those of the place alone do.
"""

from math import factorial

import torch
from torch import Tensor

from pinnscene.derivatives.jet import Jet
from pinnscene.encodings.base import Encoding, encodings
from pinnscene.errors import PinnsceneError

NEAR = 1e-9  # of the radius: places nearer to the middle of a hole than this are moved off it


@encodings.register("inversion")
class Inversion(Encoding):
    """x, y, and r (x - c) / |x - c|^2 of each hole: within the unit disc outside of it; two axes of space alone.

    Attributes:
        holes: of each hole the middle x, y and the radius r, in the field's normalised coordinates, one by one.
        turns: radians that random features turn by at most along the radius of the unit disc.
    """

    def __init__(self, inputs: int, *, holes: tuple[float, ...] = (), turns: float = 4.0) -> None:
        super().__init__()
        if len(holes) % 3 or not turns > 0 or min(holes[2::3], default=1) <= 0 or (holes and inputs != 2):
            raise PinnsceneError(
                "inversion expected 2 coordinates, three numbers a hole (x, y and a radius above 0) and turns above 0, "
                f"got {inputs}, {len(holes)} numbers and {turns}"
            )
        self.holes, self.turns = tuple(holes), turns
        self.outputs = inputs + 2 * (len(holes) // 3)

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        if not self.holes:
            return a
        data = a.data if isinstance(a, Jet) else a[None]
        place = torch.complex(data[..., :1], data[..., 1:2])
        columns = [data]
        for x, y, radius in zip(self.holes[::3], self.holes[1::3], self.holes[2::3], strict=True):
            seen = Inverse(complex(x, y), radius)
            w = a.__class__(place, a.streams).pointwise(seen).data if isinstance(a, Jet) else seen(place, 0)[0]
            columns += [w.real, -w.imag]
        joined = torch.cat(columns, -1)
        return type(a)(joined, a.streams) if isinstance(a, Jet) else joined[0]

    def coordinates(self, scales: Tensor) -> Tensor:
        return torch.cat([scales, torch.full_like(scales[:1], self.turns).repeat(self.outputs - len(scales))])

    def describe(self) -> str:
        return f"functions of the place and of its inversion in {len(self.holes) // 3} circles"


class Inverse:
    """r / (z - c) and its derivatives to an order."""

    def __init__(self, centre: complex, radius: float) -> None:
        self.centre, self.radius = centre, radius

    def __call__(self, place: Tensor, order: int) -> list[Tensor]:
        z = place - self.centre
        least = NEAR * self.radius
        one = 1 / torch.where(z.abs() < least, torch.full_like(z, least), z)
        return [self.radius * (-1) ** k * factorial(k) * one ** (k + 1) for k in range(order + 1)]
