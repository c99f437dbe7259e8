"""Random sines beside the functions that a corner of the domain makes singular.

Near a corner of interior angle w, solutions of equations whose leading part is the Laplacian behave like Re and Im of
z^(k pi / w), and like those of z^m log z where k pi / w is a whole number m (Grisvard 1985, section 4.4): no smooth
features come near them. z is the place as a complex number, seen from the corner, its cut outside the domain.
"""

from math import cos, pi, sin

import torch
from torch import Tensor

from pinnscene.backbones.base import backbones
from pinnscene.backbones.siren import Siren
from pinnscene.derivatives.jet import Jet, concatenate
from pinnscene.derivatives.taylor import Taylor
from pinnscene.errors import PinnsceneError

WHOLE = 1e-9  # how near to a whole number an exponent counts as one


@backbones.register("corners")
class Corners(Siren):
    """A siren of one layer, and the singular functions of given corners beside its sines; two axes of space alone.

    Attributes:
        corners: of each its place x, y, the angle of the inside and the direction of its first side, radians, in the
            field's normalised coordinates, one after the other.
        orders: functions k = 1 to ``orders`` of each corner, two each.
    """

    def __init__(
        self, inputs: int, *, corners: tuple[float, ...] = (), orders: int = 5, width: int = 512, first: float = 30.0
    ) -> None:
        super().__init__(inputs, width=width, depth=1, first=first)
        if inputs != 2 or len(corners) % 4 or not corners or not 1 <= orders <= 32:
            raise PinnsceneError(
                "corners expected 2 coordinates, four numbers a corner (x, y, angle, direction) and orders from 1 to "
                f"32, got {inputs}, {len(corners)} numbers and {orders}"
            )
        self.corners, self.orders, self.sines_only = corners, orders, width
        table = torch.tensor(corners, dtype=torch.float64).view(-1, 4)
        self.register_buffer("table", table)
        self.outputs = width + 2 * orders * len(table)

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        if isinstance(a, Taylor):
            raise TypeError("functions of corners have derivatives to second order only")
        return concatenate([super().forward(a), *self._singular(a)])

    def narrow(self, width: int) -> "Corners":
        return Corners(2, corners=self.corners, orders=self.orders, width=width, first=self.first)

    @torch.no_grad()
    def redraw(self, scales: Tensor | None, generator: torch.Generator) -> None:
        whole, self.outputs = self.outputs, self.sines_only
        super().redraw(scales, generator)
        self.outputs = whole

    def _singular(self, a: Tensor | Jet) -> list[Tensor | Jet]:
        data = a.data if isinstance(a, Jet) else a[None]
        table = self.get_buffer("table").tolist()
        found = [self._of_corner(data, a, corner) for corner in table]
        return [Jet(part, a.streams) if isinstance(a, Jet) else part[0] for part in found]

    def _of_corner(self, data: Tensor, a: Tensor | Jet, corner: list[float]) -> Tensor:
        """The streams [s, n, 2 orders] of one corner's functions."""
        x, y, angle, direction = corner
        middle = direction + angle / 2
        turn = complex(cos(middle), -sin(middle))  # the inside is about the positive real axis
        ways = torch.complex(data[..., 0], data[..., 1]) * turn
        z = ways[0] - complex(x, y) * turn
        z = torch.where(z.abs() < 1e-12, torch.full_like(z, 1e-12), z)
        functions = [_powers(z, k * pi / angle) for k in range(1, self.orders + 1)]
        value, slope, bend = (torch.stack(column, 1) for column in zip(*functions, strict=True))
        streams = [value]
        if isinstance(a, Jet):
            plan, d = a.streams, len(a.streams.directions)
            streams += [slope * ways[1 + k, :, None] for k in range(d)]
            for k, op in enumerate(plan.operators):
                stream = slope * ways[1 + d + k, :, None]
                if op.second:
                    stream = stream + bend * plan.quadratic(op, ways[1 : 1 + d, :, None], ways[1 : 1 + d, :, None])
                streams.append(stream)
        parts = torch.stack(streams)
        return torch.cat([parts.real, parts.imag], -1)


def _powers(z: Tensor, power: float) -> tuple[Tensor, Tensor, Tensor]:
    """z^power, or z^m log z for a whole power m, with its first and second derivative."""
    log, whole = z.log(), round(power)
    if abs(power - whole) > WHOLE:
        value = (power * log).exp()
        return value, power * value / z, power * (power - 1) * value / z**2
    base = z**whole
    slope = base / z * (whole * log + 1)
    return base * log, slope, base / z**2 * (whole * (whole - 1) * log + 2 * whole - 1)
