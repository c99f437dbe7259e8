"""A scene of rays: objects, what they stand on, where light comes from, and how its pictures are taken."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.rayitems import Item
from pinnscene.scenes.raylattice import Lattice, lattice
from pinnscene.scenes.raylights import Light, Sky
from pinnscene.scenes.raymaterials import Material
from pinnscene.scenes.solid import within

SMALLEST, LARGEST = 0.1, 1000.0  # diagonals of the objects' box, between which rays are traced exactly enough
OFF = 1000.0  # diagonals that it may lie from the origin: single precision resolves no more


@dataclass(frozen=True)
class Ground:
    """An endless plane z = height."""

    height: float = 0.0
    material: Material = field(default_factory=Material)


@dataclass(frozen=True)
class Shoot:
    """How the cameras of a scene stand around it.

    Attributes:
        fov: vertical angle of view, degrees.
        elevation: the lowest and the highest camera, degrees above the horizon.
        fill: share of the picture that the sphere around the objects takes.
        target: what they look at; None for the middle of the objects' box.

    Raises:
        PinnsceneError: numbers out of range.
    """

    fov: float = 40.0
    elevation: tuple[float, float] = (8.0, 75.0)
    fill: float = 0.85
    target: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        within("camera fov", self.fov, 1, 150)
        within("camera fill", self.fill, 0.05, 2)
        low, high = self.elevation
        within("camera elevation", low, -89, 89)
        within("camera elevation", high, low, 89)


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything there is to see.

    Raises:
        PinnsceneError: no objects; objects that together are too small, too large or too far away to be traced; a
            target of the cameras that is none of them.
    """

    name: str
    items: tuple[Item, ...]
    sky: Sky = field(default_factory=Sky)
    lights: tuple[Light, ...] = ()
    ground: Ground | None = None
    shoot: Shoot = field(default_factory=Shoot)

    def __post_init__(self) -> None:
        if not self.items:
            raise PinnsceneError(f"the scene {self.name} has no objects: give at least one")
        lower, upper = self.box
        across, away = float(np.linalg.norm(upper - lower)), float(np.abs([lower, upper]).max())
        if not SMALLEST <= across <= LARGEST:
            raise PinnsceneError(
                f"the scene {self.name}: its objects are {across:.3g} across, expected {SMALLEST:g} to {LARGEST:g}: "
                "give its lengths in another unit"
            )
        if away > OFF * across:
            raise PinnsceneError(
                f"the scene {self.name}: its objects are {away:.3g} from the origin and {across:.3g} across: move "
                "them nearer to it"
            )
        if float(np.linalg.norm(self.centre - (lower + upper) / 2)) > across:
            raise PinnsceneError(
                f"the scene {self.name}: its cameras look at a place farther from the objects than these are large: "
                "move the target, or leave it out"
            )

    @cached_property
    def lattice(self) -> Lattice:
        """Distances to all objects, the ground left out."""
        return lattice(self.items)

    @cached_property
    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The corners of the objects' common bounding box."""
        lower, upper = (np.array([getattr(item, end) for item in self.items]) for end in ("lower", "upper"))
        return lower.min(0), upper.max(0)

    @property
    def centre(self) -> NDArray[np.float64]:
        """What the cameras look at."""
        lower, upper = self.box
        return (lower + upper) / 2 if self.shoot.target is None else np.array(self.shoot.target)

    @cached_property
    def radius(self) -> float:
        """Of the ball about ``centre`` that holds the objects, to a lattice cell."""
        grid = self.lattice
        z, y, x = (grid.values < grid.cell).nonzero().T
        nodes = grid.lower + grid.cell * torch.stack([x, y, z], 1)
        return float((nodes - torch.from_numpy(self.centre).float()).norm(dim=1).max())

    def openness(self, p: Tensor) -> Tensor:
        """About how far [n] the nearest surface is from points [n, 3], the ground's too."""
        away = self.clearance(p)
        return away if self.ground is None else torch.minimum(away, p[:, 2] - self.ground.height)

    def clearance(self, p: Tensor) -> Tensor:
        """About how far [n] the nearest object is from points [n, 3]."""
        beyond = torch.maximum(self.lattice.lower - p, p - self.lattice.upper).clamp_min(0).norm(dim=1)
        return self.lattice.between(p) + beyond
