"""Fields of light around a surface: the density follows from a signed distance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnscene.derivatives import Jet, Operator, Streams, nested
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.operators import gradient
from pinnscene.radiance.field import RadianceField
from pinnscene.radiance.formed import solid_distances
from pinnscene.radiance.glow import Setting
from pinnscene.radiance.seen import Dark
from pinnscene.radiance.shape import Shape
from pinnscene.radiance.surfacelaws import LAWS, Name
from pinnscene.radiance.surfacelevel import Level, of_value
from pinnscene.rays.occupancy import EVERY, FIRST
from pinnscene.views import Differentiable

FORMED = 0.02  # half sides, the width of the shell around a surface made from a density
REACH = 6.0  # widths of the shell from which nothing is seen: exp(-6) of the light is left


class SurfaceField(RadianceField):
    """A radiance field around the zero set of a signed distance, negative inside, in half sides of the box.

    Attributes:
        law: volsdf or neus, from distances to what rays cross (``surfacelaws``).
        start: the share of the steps in which rays see a density, from whose solid part the distance is then made; 0
            to start from a sphere.
        radius: of that sphere around the box's middle, half sides.
        nodes: cells along each axis of the finest lattice of the distance.
        shape: the distance.
        formed: whether it is what rays see.
    """

    formed: Tensor

    def __init__(
        self,
        *given: Any,
        law: Name = "volsdf",
        start: float = 0.5,
        radius: float = 0.6,
        nodes: int = 64,
        **knobs: Any,
    ) -> None:
        super().__init__(*given, **knobs)
        if law not in LAWS:
            raise unknown("law of surfaces", law, LAWS)
        if not radius > 0:
            raise PinnsceneError(f"a surface's radius expected half sides above 0, got {radius}")
        if not 0 <= start < 1:
            raise PinnsceneError(f"a surface's start expected a share of the steps from 0 to below 1, got {start}")
        if not 4 <= nodes <= 256:
            raise PinnsceneError(f"a surface expected nodes from 4 to 256, got {nodes}")
        if self.unbounded:
            raise PinnsceneError(
                "a surface expected a scene with an end, got one without: take geometry density, or pictures that are "
                "transparent where nothing is"
            )
        if self.coarse is not None:
            raise PinnsceneError("a surface has no coarse network: take sampling occupancy or even")
        self.law, self.shape, self.start, self.radius = LAWS[law](), Shape(nodes), start, radius
        self.register_buffer("formed", torch.tensor(start == 0))

    def reset(self, generator: torch.Generator) -> None:
        super().reset(generator)
        self.law.reset()
        self.formed.fill_(self.start == 0)
        side = (self.extent / self.unit).cpu().numpy()
        self.shape.take(lambda y: np.linalg.norm(y * side, axis=1) - self.radius)
        if self.occupancy is not None and self.formed:
            self.occupancy.age.fill_(EVERY * FIRST)  # where a sphere's shell is need not be waited for

    def refresh(self, share: float) -> None:
        if self.occupancy is not None and self.formed:
            self.occupancy.density.zero_()  # a distance tells at once which cells are near: none is remembered
        super().refresh(share)
        if not self.formed and share >= self.start:
            self.form()

    @torch.no_grad()
    def form(self) -> None:
        """Let rays see the distance from now on: that from what is solid of the density, if anything is."""
        found = solid_distances(self, self.shape.splines.cells[-1])
        if found is not None:
            self.shape.take(found)
            self.law.reset(FORMED)
        self.formed.fill_(True)
        if self.occupancy is not None:
            self.occupancy.look(self._density_in_cells, self.step)

    def apart(self, y: Tensor) -> Tensor:
        """Distances [n] in half sides at points y [n, 3] of [-1, 1]^3."""
        h = self.shape(y)
        assert isinstance(h, Tensor)
        return h[:, 0]

    def emit(self, y: Tensor, spread: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The density [n] per half side that a ray straight at the surface meets, and the features [n, f]."""
        if not self.formed:
            return super().emit(y, spread)
        return self.law.density(self.apart(y)), self.outputs(y, spread)[1]

    def cross(
        self, x: Tensor, d: Tensor, length: Tensor, scene: Setting, spread: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if not self.formed:
            return super().cross(x, d, length, scene, spread)
        tau = self.law.cross(lambda x: self.apart(scene.place(x)), x, d, length, scene.unit)
        return tau, self.outputs(scene.place(x), spread)[1]

    def slope(self, x: Tensor, scene: Setting) -> Tensor:
        """Minus the distance's gradient [n, 3], which points inwards; exact."""
        distance = self.distance()
        return super().slope(x, scene) if distance is None else -gradient(distance, x)

    @torch.no_grad()
    def _density_in_cells(self, y: Tensor) -> Tensor:
        """One a step [n] in cells that the shell may reach into, where distances change no faster than the way."""
        if not self.formed:
            return super()._density_in_cells(y)
        h = torch.cat([self.apart(part) for part in y.to(self.dtype).split(self.chunk)])
        assert self.occupancy is not None
        diagonal = 2 * float(self.extent.norm()) / (self.occupancy.cells * self.unit)
        return (h.abs() < REACH * self.law.width + diagonal).to(h) / self.step

    def distance(self) -> Level | None:
        """The signed distance as a field of the points alone, in the scene's units; None as long as there is none."""
        return Level(self, self._distances, "distance") if self.formed else None

    def _distances(self, x: Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        """By jets to second order: they ask a grid once for a value and its slopes."""
        if any(len(index) > 2 for op in operators for index in op) or x.requires_grad:
            return nested(lambda x: self.apart(self.place(x))[:, None] * self.unit, x, operators)
        streams = Streams.plan(operators)
        out = self.shape(self._start(x, streams))
        assert isinstance(out, Jet)
        return streams.answers(out.data * self.unit)

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
