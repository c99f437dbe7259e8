"""The two sides of an interface: features of their own for each, and functions of one column a side seen as one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Jet, Operator
from pinnscene.domain import Domain
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.csg import as_region
from pinnscene.views import Differentiable


class Sides:
    """What is inside each of some regions, one side each, and what is outside all of them, the last side.

    ``Ansatz(sides=Sides(disc(0, 0, 0.5)))`` makes a field that may jump on the circle: each side has weights of its
    own, and ``u(x)`` answers for the side that x is on. ``Jump`` and ``FluxJump`` say how the sides meet.

    Args:
        inner: regions of space; a point in several belongs to the first.
        scales: sizes of the network's values, one a side; all 1 where none is given.

    Raises:
        PinnsceneError: no region, another number of scales, or scales that are not positive.
    """

    def __init__(self, *inner: Domain, scales: Sequence[float] = ()) -> None:
        self.inner = tuple(as_region(region) for region in inner)
        self.scales = tuple(map(float, scales)) or (1.0,) * len(self)
        if not inner or len(self.scales) != len(self) or not all(0 < s < float("inf") for s in self.scales):
            raise PinnsceneError(
                f"sides expected at least one region and a scale above 0 for each side, the outer one last, got "
                f"{len(inner)} regions and {self.scales}"
            )

    def __len__(self) -> int:
        return len(self.inner) + 1

    def of(self, x: Tensor) -> Tensor:
        """The number of the side that each of the points [n, d] is on, [n], whatever comes after their places."""
        side = torch.full(x.shape[:1], len(self.inner), device=x.device)
        for k in reversed(range(len(self.inner))):
            side[self.inner[k].inside(x[:, : len(self.inner[k].axes)].detach())] = k
        return side

    def count(self, features: int, beyond: int = 0) -> int:
        """How many features are left of some, see ``parted``."""
        return len(self) * (features - beyond) + beyond

    def parted(self, features: Tensor | Jet, x: Tensor, beyond: int = 0) -> Tensor | Jet:
        """Features [..., n, m] once for each side: as they are on their side, times its scale, else zero.

        The last ``beyond`` of them belong to the outer side alone.
        """
        data = features.data if isinstance(features, Jet) else features
        masks = data.new_tensor(self.scales).diag()[self.of(x)]
        whole, around = data.tensor_split([data.shape[-1] - beyond], -1)
        apart = (whole[..., None, :] * masks[:, :, None]).flatten(-2)
        apart = torch.cat([apart, around * masks[:, -1:]], -1) if beyond else apart
        return type(features)(apart, features.streams) if isinstance(features, Jet) else apart


class Sided(Differentiable):
    """A function with a column for each side as one of a single output: at every point the column of its side.

    Args:
        u: its outputs are the sides, in their order.
        sides: which column holds where.
    """

    values = ("u",)

    def __init__(self, u: Differentiable, sides: Sides) -> None:
        if len(u.values) != len(sides):
            raise PinnsceneError(f"expected an output for each of {len(sides)} sides, got {', '.join(u.values)}")
        self.u, self.sides, self.axes = u, sides, u.axes

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.u.param(name, p, along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        x = coordinates(p, len(self.axes))
        own = self.sides.of(x)[:, None]
        return [answer.gather(1, own) for answer in self.u.derivatives(p, operators)]
