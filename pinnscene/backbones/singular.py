"""Random sines beside the functions that corners and holes of the domain ask for."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscene.backbones.base import Backbone, backbones
from pinnscene.backbones.cornerfunctions import corner
from pinnscene.backbones.multipoles import poles, screened
from pinnscene.backbones.siren import Siren
from pinnscene.backbones.wirtinger import streams
from pinnscene.bases import Chebyshev
from pinnscene.derivatives.jet import Jet, concatenate
from pinnscene.derivatives.taylor import Taylor
from pinnscene.errors import PinnsceneError

MOST = 64  # orders of a corner or of a hole
PARTS = (("corners", 5), ("holes", 3))  # knobs that are tables, with their numbers a row
SHARED = 8  # polynomials in what tells problems apart
WITHIN = 0.5  # radii from the centre of a hole, nearer to which its functions go no further up


@backbones.register("singular")
class Singular(Backbone):
    """A siren of one layer, and beside its sines functions of x and y: see ``cornerfunctions`` and ``multipoles``.

    With t as a third coordinate each of them stands times polynomials in t. Lengths are those of the field's
    normalised coordinates.

    Attributes:
        corners: of each its place x, y, the angle of the inside and the direction of its first side, radians, and
            1 / the length of the cut that its functions may have outside, 0 for any, one after the other.
        orders: functions of each corner, two each.
        holes: of each the centre x, y and the radius of a disc in it, one after the other.
        decays: how fast functions of holes fall off, 1 / length: 0 for harmonic ones.
        poles: the angular orders of each decay.
        times: polynomials in t.
        width: sines.
        first: omega of the sines.
    """

    def __init__(
        self,
        inputs: int,
        *,
        corners: tuple[float, ...] = (),
        orders: int = 5,
        holes: tuple[float, ...] = (),
        poles: tuple[int, ...] = (12,),
        decays: tuple[float, ...] = (0.0,),
        times: int = 6,
        width: int = 512,
        first: float = 30.0,
    ) -> None:
        super().__init__()
        whole = inputs in (2, 3) and (corners or holes) and not len(corners) % 5 and not len(holes) % 3
        few = 0 < len(poles) == len(decays) == len(set(decays)) and all(
            1 <= count <= MOST for count in (orders, *poles, times)
        )
        if not (whole and few and all(k >= 0 for k in decays) and all(radius > 0 for radius in holes[2::3])):
            raise PinnsceneError(
                "singular expected the coordinates x and y, perhaps t, five numbers a corner (x, y, angle, direction, "
                "1 / cut), three a hole (x, y, radius > 0), some of either, as many poles as decays (>= 0), and "
                f"orders, poles and times from 1 to {MOST}, got {inputs}, {len(corners)} and {len(holes)} numbers, "
                f"{poles}, {decays}, {orders} and {times}"
            )
        self.sines = Siren(inputs, width=width, depth=1, first=first)
        self.knobs = {"corners": corners, "orders": orders, "holes": holes, "poles": poles, "decays": decays}
        self.knobs |= {"times": times, "first": first}
        self.inputs, self.orders, self.times = inputs, orders, Chebyshev(times)
        self.poles = dict(zip(decays, poles, strict=True))
        self.register_buffer("corners", torch.tensor(corners, dtype=torch.float64).view(-1, 5))
        self.register_buffer("holes", torch.tensor(holes, dtype=torch.float64).view(-1, 3))
        extra = 2 * orders * (len(corners) // 5) + sum(2 * m + 1 for m in poles) * (len(holes) // 3)
        self.beyond = extra * (times if inputs == 3 else 1)
        self.outputs = width + self.beyond

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        if isinstance(a, Taylor):
            raise TypeError("functions of corners and holes have derivatives to second order only")
        data = a.data if isinstance(a, Jet) else a[None]
        ways = torch.complex(data[..., 0], data[..., 1])[..., None]
        found = torch.cat([*self._of_corners(ways, a), *self._of_holes(ways, a)], -1)
        functions = Jet(found, a.streams) if isinstance(a, Jet) else found[0]
        return concatenate([self.sines(a), functions if self.inputs == 2 else self._in_time(functions, a)])

    @classmethod
    def shared(cls, knobs: Sequence[Mapping[str, Any]], inputs: int) -> dict[str, Any] | None:
        """Corners that all have, holes with the same centres at their smallest radius; polynomials in the rest."""
        first, rest = knobs[0], [{k: v for k, v in own.items() if k not in ("corners", "holes")} for own in knobs]
        tables = [[own[what][k : k + n] for k in range(0, len(own[what]), n)] for own in knobs for what, n in PARTS]
        corners = [c for c in tables[0] if all(any(_near(c, o) for o in other) for other in tables[::2])]
        holes = list(zip(*tables[1::2], strict=False))
        alike = all(_near(h[:2], some[0][:2]) for some in holes for h in some)
        same = all(own == rest[0] for own in rest) and len({len(own["holes"]) for own in knobs}) == 1
        if inputs != 3 or not (alike and same and (corners or holes)):
            return None
        least = tuple(x for some in holes for x in (*some[0][:2], min(h[2] for h in some)))
        return {**first, "corners": tuple(x for c in corners for x in c), "holes": least, "times": SHARED}

    def reset(self, generator: torch.Generator) -> None:
        self.sines.reset(generator)

    def narrow(self, width: int) -> "Singular":
        return Singular(self.inputs, width=width, **self.knobs)

    def redraw(self, scales: Tensor | None, generator: torch.Generator) -> None:
        self.sines.redraw(scales, generator)

    def _of_corners(self, ways: Tensor, a: Tensor | Jet) -> list[Tensor]:
        """The streams [s, n, m] of all functions of corners; ways [s, n, 1]."""
        table = self.get_buffer("corners").to(ways.real)
        if not len(table):
            return []
        x, y, angle, direction, short = table.unbind(1)
        turn = torch.polar(torch.ones_like(angle), -direction - angle / 2)
        f = corner((ways[0] - torch.complex(x, y)) * turn, angle, short, self.orders)
        found = streams(f, (ways * turn)[..., None], a).flatten(2)
        return [found.real, found.imag]

    def _of_holes(self, ways: Tensor, a: Tensor | Jet) -> list[Tensor]:
        """The same of all functions of holes."""
        table = self.get_buffer("holes").to(ways.real)
        if not len(table):
            return []
        x, y, radius = table.unbind(1)
        z, found = _without(ways[0] - torch.complex(x, y), WITHIN * radius), []
        for k, orders in self.poles.items():
            f = screened(z, radius, torch.full_like(radius, k), orders) if k else poles(z, radius, orders)
            both = streams(f, ways[..., None], a)
            found += [both.real.flatten(2), both.imag[..., 1:].flatten(2)]  # the first is real, or else has a cut
        return found

    def _in_time(self, f: Tensor | Jet, a: Tensor | Jet) -> Tensor | Jet:
        """The functions of x and y times polynomials in t, each times each."""
        basis, count = self.times, self.times.count
        last = _columns(a, 2)
        if isinstance(f, Jet) and isinstance(last, Jet):
            one = last.data.new_ones(count, 1)
            rule = lambda t, order: tuple(basis.table(t[:, 0], r) for r in range(order + 1))
            table = last.affine(one, one.new_zeros(count)).pointwise(rule)
            each = Jet(table.data.repeat(1, 1, f.data.shape[-1]), f.streams)
            return Jet(f.data.repeat_interleave(count, -1), f.streams) * each
        assert isinstance(f, Tensor) and isinstance(last, Tensor)
        return f.repeat_interleave(count, 1) * basis.table(last[:, 0], 0).repeat(1, f.shape[1])


def _columns(f: Tensor | Jet, begin: int, end: int | None = None) -> Tensor | Jet:
    return Jet(f.data[..., begin:end], f.streams) if isinstance(f, Jet) else f[:, begin:end]


def _near(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(abs(x - y) < 1e-6 for x, y in zip(a, b, strict=True))


def _without(z: Tensor, nearest: Tensor) -> Tensor:
    """Places [n, holes] at least so far from the origin."""
    r = z.abs()
    return torch.where(r < nearest, z * (nearest / r.clamp_min(1e-300)) + (r == 0) * nearest, z)
