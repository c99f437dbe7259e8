"""A field of light seen along a direction, and one where there is no light."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Operator, nested
from pinnscene.errors import PinnsceneError
from pinnscene.radiance.derived import Derived
from pinnscene.radiance.glow import Setting
from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.samples import Samples, nothing
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.radiance.field import RadianceField


class Seen(Derived):
    """Density, r, g and b [n, 4] of a field of light along a direction [3], or one for each point [n, 3]."""

    field: "RadianceField"

    def __init__(self, field: "RadianceField", direction: Tensor) -> None:
        if direction.ndim not in (1, 2) or direction.shape[-1] != 3:
            raise PinnsceneError(f"bind expected a direction [3] or [n, 3], got {list(direction.shape)}")
        self.field, self.axes, self.values = field, field.axes, field.values
        self.direction = F.normalize(direction.to(field.centre), dim=-1)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return nested(self._value, coordinates(p, 3).to(self.dtype), operators)

    def _value(self, x: Tensor) -> Tensor:
        density, features = self.field.matter(x)
        colour = self.field.colours(features, self.direction.expand_as(x))
        return torch.cat([density[:, None], colour], 1)


class Dark(Differentiable):
    """A scene without anything in it: rays show their background."""

    def __init__(self, field: "RadianceField") -> None:
        self.field, self.axes, self.values = field, field.axes, field.values
        self.coarse, self.antialias = None, False
        self.unit, self.step, self.unbounded, self.chunk = field.unit, field.step, field.unbounded, field.chunk
        self.setting = field.setting

    def matter(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """No density [n], and no features [n, 0]."""
        return torch.zeros_like(x[:, 0]), x[:, :0]

    def place(self, x: Tensor) -> Tensor:
        return self.field.place(x)

    def cross(self, x: Tensor, d: Tensor, length: Tensor, scene: Setting) -> tuple[Tensor, Tensor]:
        """Nothing in the way [n], and no features [n, 0]."""
        del d, scene
        return torch.zeros_like(length), x[:, :0]

    def colours(self, features: Tensor, d: Tensor) -> Tensor:
        """Black [n, 3]."""
        del features
        return torch.zeros_like(d)

    def slope(self, x: Tensor, scene: Setting) -> Tensor:
        """Level everywhere [n, 3]."""
        del scene
        return 0 * x

    def march(self, rays: RayBatch) -> Samples:
        """No stretch is worth a look."""
        return nothing(len(rays), rays.near)

    def bind(self, code: Tensor | None = None, *, direction: Tensor | None = None) -> Differentiable:
        """The same in every direction."""
        del code, direction
        return self

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.field.param(name, p, along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return [coordinates(p, 3).new_zeros(len(p), len(self.values)) for _ in operators]
