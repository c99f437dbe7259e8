"""Fields of light: a density at every point, and the colour of what is there seen along a direction."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.derivatives import Operator
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.field import Field
from pinnscene.layers import Affine
from pinnscene.radiance.colours import Colours
from pinnscene.radiance.directions import Name
from pinnscene.radiance.glow import Coarse, Glow, Setting
from pinnscene.radiance.seen import Dark, Seen
from pinnscene.radiance.surfacelevel import Level
from pinnscene.rays.box import slab
from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.contraction import Strides, contract, expand, shrinkage
from pinnscene.rays.even import even, shares
from pinnscene.rays.marching import march, march_far
from pinnscene.rays.occupancy import Occupancy
from pinnscene.rays.samples import Samples, stretches
from pinnscene.views import Differentiable

Sampling = Literal["occupancy", "hierarchical", "even"]
MOST = 4096  # stretches of a ray, features of a point
SAMPLINGS = ("occupancy", "hierarchical", "even")


class RadianceField(Field, Glow):
    """Density and features from encoding and backbone, colour from the features and the direction.

    The density is exp(raw + shift) per half side of the box (Mueller et al. 2201.05989, section 5.4). The field is
    called through ``u.bind(direction=d)``, which gives density, r, g and b [n, 4] at points.

    Attributes:
        latent: numbers a point that the colour is made of.
        colour, layers: width and hidden layers of the colour's network.
        seen, degree: the encoding of directions and its degree: harmonics, positional or none.
        shift: added to the density's exponent, so that a new field is thin or thick.
        sampling: where along a ray to look: occupancy, hierarchical (coarse and fine networks) or even.
        samples: stretches across the box's diagonal, or along a ray where there is no occupancy grid.
        fine: more of them, drawn where the coarse network found something (hierarchical).
        cells: of the occupancy grid, along each axis.
        unbounded: contract what is outside the box, so that the whole of space has its place.
        antialias: blur the encoding over the cone of each pixel, where the encoding can.
    """

    def __init__(
        self,
        *given: Any,
        latent: int = 15,
        colour: int = 64,
        layers: int = 2,
        seen: Name = "harmonics",
        degree: int = 4,
        shift: float = 0.0,
        sampling: Sampling = "occupancy",
        samples: int = 192,
        fine: int = 64,
        cells: int = 64,
        unbounded: bool = False,
        antialias: bool = False,
    ) -> None:
        super().__init__(*given)
        for name, value in {"latent": latent, "colour": colour, "samples": samples, "fine": fine}.items():
            if not 1 <= value <= MOST:
                raise PinnsceneError(f"a radiance field expected {name} from 1 to {MOST}, got {value}")
        if sampling not in SAMPLINGS:
            raise unknown("sampling", sampling, SAMPLINGS)
        if len(self.axes) != 3:
            raise PinnsceneError(f"a radiance field expected three axes of space, got {', '.join(self.axes)}")
        self.shift, self.samples, self.fine = shift, samples, fine
        self.unbounded, self.antialias = unbounded, antialias
        self.head = Affine(self.backbone.outputs, 1 + latent)
        self.colours = Colours(latent, colour, layers, seen, degree)
        self.occupancy = Occupancy(cells) if sampling == "occupancy" else None
        parts = (self.encoding, self.backbone, self.head, self.colours)
        self.coarse = Coarse(*deepcopy(parts), shift) if sampling == "hierarchical" else None

    def reset(self, generator: torch.Generator) -> None:
        super().reset(generator)
        self.colours.reset(generator)
        if self.occupancy is not None and self.unbounded:
            self.occupancy.restrict(self.occupancy.ball())
        if self.coarse is not None:
            self.coarse.reset(generator)

    def refresh(self, share: float) -> None:
        super().refresh(share)
        if self.coarse is not None:
            self.coarse.encoding.refresh(share)
        if self.occupancy is not None:
            self.occupancy.refresh(self._density_in_cells, self.step)

    @property
    def pointwise(self) -> bool:
        return False

    @property
    def unit(self) -> float:
        """Half a side of the box: the length in which densities are counted."""
        return float(self.extent.mean())

    @property
    def step(self) -> float:
        """The usual length of a stretch."""
        return float(2 * self.extent.norm()) / self.samples

    @property
    def setting(self) -> Setting:
        """How the scene lies in [-1, 1]^3."""
        return Setting(self.place, self.unit, self.step)

    def place(self, x: Tensor) -> Tensor:
        """Points [..., 3] of the scene in the encoding's [-1, 1]^3."""
        y = (x - self.centre) / self.extent
        return contract(y) / 2 if self.unbounded else y

    def spread(self, x: Tensor, radius: Tensor, length: Tensor) -> Tensor:
        """The standard deviation [n, 1], in the encoding's coordinates, of a slice of a pixel's cone.

        The mean over the directions: radius^2 / 3 across it, the variance of a square of that half side, and
        length^2 / 12 along it.

        Args:
            x: the slice's middle [n, 3], in the scene's units.
            radius: half the width of the cone there [n, 1].
            length: of the slice along the ray [n].
        """
        deviation = ((2 * radius.square() / 3 + length[:, None].square() / 12) / 3).sqrt() / self.unit
        return deviation * shrinkage((x - self.centre) / self.extent) / 2 if self.unbounded else deviation

    def matter(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The density [n] per unit of length, and the features [n, f], at points [n, 3]."""
        density, features = self.emit(self.place(x))
        return density / self.unit, features

    def density(self, x: Tensor) -> Tensor:
        """The density [n, 1] at points [n, 3], the same for every direction."""
        return self.matter(x.to(self.dtype))[0][:, None]

    def distance(self) -> Level | None:
        """The signed distance as a field of the points alone; a density has none."""
        return None

    @torch.no_grad()
    def _density_in_cells(self, y: Tensor) -> Tensor:
        parts = [self.emit(part)[0] for part in y.to(self.dtype).split(self.chunk)]
        density = torch.cat(parts) / self.unit if parts else y[:, 0]
        # as the usual stretch meets it, which is longer far away
        return density * expand(2 * y).norm(dim=1).clamp(min=1.0) if self.unbounded else density

    def march(self, rays: RayBatch) -> Samples:
        """The stretches of rays that are worth a look."""
        if self.unbounded:
            edges = self._far_edges(rays)
            return stretches(edges) if self.occupancy is None else march_far(rays, self.occupancy, self.place, edges)
        if self.occupancy is None:
            return even(self._within(rays), self.samples)
        low, high = (self.centre + side * self.extent for side in (self.occupancy.lower, self.occupancy.upper))
        return march(rays, self.occupancy, self.place, low, high, self.step)

    def _within(self, rays: RayBatch) -> RayBatch:
        """The parts of rays in the box, without length where they miss it."""
        enter, leave = slab(self.centre - self.extent, self.centre + self.extent, rays.origins, rays.directions)
        near = torch.maximum(enter, rays.near)
        far = torch.minimum(leave, rays.far)
        hit = far > near
        return replace(rays, near=torch.where(hit, near, rays.near), far=torch.where(hit, far, rays.near))

    def _far_edges(self, rays: RayBatch) -> Tensor:
        """The edges [n, samples + 1] of stretches as long as the distance from the box, in it of one length."""
        strides = Strides((rays.origins - self.centre) / self.extent, rays.directions / self.extent)
        near, far = strides.of(rays.near), strides.of(rays.far)
        return strides.distance(near + shares(rays, self.samples) * (far - near))

    def bind(self, code: Tensor | None = None, *, direction: Tensor | None = None) -> Differentiable:
        """The field seen along a unit direction [3], or along one [n, 3] for each of n points."""
        if code is not None or direction is None:
            raise PinnsceneError("a field of light is bound to a direction: u.bind(direction=d)")
        return Seen(self, direction)

    def _lift(self) -> Differentiable:
        return Dark(self)

    def answers(self, p: Points | Tensor, operators: Sequence[Operator], code: Tensor | None) -> list[Tensor]:
        del p, operators, code
        raise PinnsceneError("a field of light needs a direction: u.bind(direction=d)(p), or u.density(p)")
