"""Fields of light around a surface: the density follows from a signed distance."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscene.derivatives import Jet, Operator, Streams, nested
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.radiance.field import RadianceField
from pinnscene.radiance.glow import Setting
from pinnscene.radiance.seen import Dark
from pinnscene.radiance.surfacelaws import LAWS, Name
from pinnscene.radiance.surfacelevel import Level, of_value
from pinnscene.rays.occupancy import EVERY, FIRST
from pinnscene.views import Differentiable

TRIALS = 4096  # points at which the first distance is fitted to a sphere's
NEAR = 0.05  # half sides: distances nearer than this count alike in that fit
RIDGE = 1e-6  # of the features' mean square, added in it
REACH = 6.0  # widths of the shell from which nothing is seen: exp(-6) of the light is left


class SurfaceField(RadianceField):
    """A radiance field whose first output is a signed distance, negative inside, in half sides of the box.

    Attributes:
        law: volsdf or neus, from distances to what rays cross (``surfacelaws``).
        radius: of the sphere around the box's middle that a new field is, half sides.
    """

    def __init__(self, *given: Any, law: Name = "volsdf", radius: float = 0.6, **knobs: Any) -> None:
        super().__init__(*given, **knobs)
        if law not in LAWS:
            raise unknown("law of surfaces", law, LAWS)
        if not radius > 0:
            raise PinnsceneError(f"a surface's radius expected half sides above 0, got {radius}")
        if self.unbounded:
            raise PinnsceneError(
                "a surface expected a scene with an end, got one without: take geometry density, or pictures that are "
                "transparent where nothing is"
            )
        if self.coarse is not None:
            raise PinnsceneError("a surface has no coarse network: take sampling occupancy or even")
        self.law, self.radius = LAWS[law](), radius

    def reset(self, generator: torch.Generator) -> None:
        super().reset(generator)
        self.law.reset()
        self._round_off(generator)
        if self.occupancy is not None:
            self.occupancy.age.fill_(EVERY * FIRST)  # where a sphere's shell is need not be waited for

    @torch.no_grad()
    def _round_off(self, generator: torch.Generator) -> None:
        """The first row of the head by least squares, so that the distance is that of a sphere.

        The geometric start of Atzmon and Lipman (1911.10414) holds in the mean over many units; this is as good for
        few, for any encoding and for boxes that are no cubes.
        """
        made = torch.rand(TRIALS, 3, generator=generator, device=generator.device, dtype=torch.float64)
        y = (2 * made - 1).to(self.head.weight)
        wanted = (y * self.extent / self.unit).norm(dim=1, keepdim=True) - self.radius
        nearness = 1 / (wanted.abs() + NEAR)  # the tip of the cone in the middle matters little
        hidden = self.backbone(self.encoding(y))
        assert isinstance(hidden, Tensor)
        columns = (torch.cat([hidden, torch.ones_like(wanted)], 1) * nearness).double()
        normal = columns.T @ columns
        normal.diagonal().add_(RIDGE * float(normal.diagonal().mean()))
        row = torch.linalg.solve(normal, columns.T @ (wanted * nearness).double())[:, 0]
        self.head.weight[0], self.head.bias[0] = row[:-1].to(y), row[-1].to(y)

    def refresh(self, share: float) -> None:
        if self.occupancy is not None:
            self.occupancy.density.zero_()  # a distance tells at once which cells are near: none is remembered
        super().refresh(share)

    def look(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Distances [n] in half sides and features [n, f] at points [n, 3] of the scene."""
        return self.outputs(self.place(x))

    def emit(self, y: Tensor, spread: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The density [n] per half side that a ray straight at the surface meets, and the features [n, f]."""
        h, features = self.outputs(y, spread)
        return self.law.density(h), features

    def cross(
        self, x: Tensor, d: Tensor, length: Tensor, scene: Setting, spread: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        def look(x: Tensor) -> tuple[Tensor, Tensor]:
            repeats = None if spread is None else spread.repeat(len(x) // len(spread), 1)
            return self.outputs(scene.place(x), repeats)

        return self.law.cross(look, x, d, length, scene.unit)

    def slope(self, x: Tensor, scene: Setting) -> Tensor:
        """Minus the distance's gradient [n, 3], which points inwards; exact."""
        keep = torch.is_grad_enabled()
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(-self.outputs(scene.place(x))[0].sum(), x, create_graph=keep)
        return slope

    @torch.no_grad()
    def _density_in_cells(self, y: Tensor) -> Tensor:
        """One a step [n] in cells that the shell may reach into, where distances change no faster than the way."""
        parts = [self.outputs(part)[0] for part in y.to(self.dtype).split(self.chunk)]
        h = torch.cat(parts) if parts else y[:, 0]
        assert self.occupancy is not None
        diagonal = 2 * float(self.extent.norm()) / (self.occupancy.cells * self.unit)
        return (h.abs() < REACH * self.law.width + diagonal).to(h) / self.step

    def distance(self) -> Level:
        """The signed distance as a field of the points alone, in the scene's units."""
        return Level(self, self._distances, "distance")

    def _distances(self, x: Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        """By jets to second order: they ask a grid once for a value and its slopes."""
        if any(len(index) > 2 for op in operators for index in op) or x.requires_grad:
            return nested(lambda x: self.look(x)[0][:, None] * self.unit, x, operators)
        streams = Streams.plan(operators)
        out = self.head(self._features(self._start(x, streams), None))
        assert isinstance(out, Jet)
        return streams.answers(out.data[..., :1] * self.unit)

    def known_empty(self, x: Tensor) -> Tensor:
        """Which points [n, 3] lie in cells that can hold nothing, such as those outside a visual hull: [n, 1]."""
        if self.occupancy is None:
            return torch.zeros_like(x[:, :1], dtype=torch.bool)
        return ~self.occupancy.allowed[self.occupancy.number(self.place(x))][:, None]

    def _lift(self) -> Differentiable:
        return Nowhere(self)


class Nowhere(Dark):
    """A scene without anything in it, half a side from the nearest surface everywhere."""

    def __init__(self, field: SurfaceField) -> None:
        super().__init__(field)
        self.bare = field

    def distance(self) -> Level:
        """The distance as a field of the points alone."""
        return Level(self.bare, of_value(lambda x: self.bare.unit + 0 * x[:, :1]), "distance")

    def known_empty(self, x: Tensor) -> Tensor:
        """As of the field."""
        return self.bare.known_empty(x)
