"""The objects of a scene: something with a surface, and what it is made of."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from pinnscene.scenes.raymaterials import Material
from pinnscene.scenes.solid import Solid, Vector

IDENTITY: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Place:
    """Where an object stands: x = turn y + by for points y in its own coordinates; the rows of ``turn`` [3, 3]."""

    by: Vector = (0.0, 0.0, 0.0)
    turn: tuple[Vector, Vector, Vector] = IDENTITY

    def local(self, p: Tensor) -> Tensor:
        """Points [n, 3] of the world in the object's own coordinates."""
        return (p - p.new_tensor(self.by)) @ p.new_tensor(self.turn)


class Item(ABC):
    """One object in the world's coordinates."""

    material: Material

    @property
    @abstractmethod
    def lower(self) -> Vector:
        """The lower corner of its bounding box."""

    @property
    @abstractmethod
    def upper(self) -> Vector:
        """The upper corner of its bounding box."""

    @abstractmethod
    def distance(self, p: Tensor) -> Tensor:
        """Signed distance [n] of points [n, 3], or a lower bound of its size, in the dtype of ``p``."""

    @abstractmethod
    def normal(self, p: Tensor) -> Tensor:
        """Outward unit normals [n, 3] at points [n, 3] of its surface."""

    @abstractmethod
    def base(self, p: Tensor) -> Tensor:
        """Base colours [n, 3], linear, at points [n, 3] of its surface."""


@dataclass(frozen=True)
class SolidItem(Item):
    """An analytic solid, already placed, with a material whose pattern lives in the coordinates of ``place``."""

    solid: Solid
    material: Material = field(default_factory=Material)
    place: Place = field(default_factory=Place)

    @cached_property
    def lower(self) -> Vector:
        return self.solid.lower

    @cached_property
    def upper(self) -> Vector:
        return self.solid.upper

    def distance(self, p: Tensor) -> Tensor:
        return self.solid.distance(p)[:, 0]

    def normal(self, p: Tensor) -> Tensor:
        with torch.enable_grad():
            q = p.detach().requires_grad_()
            slope = torch.autograd.grad(self.solid.distance(q).sum(), q)[0]
        return slope / slope.norm(dim=1, keepdim=True).clamp_min(1e-12)

    def base(self, p: Tensor) -> Tensor:
        return self.material.base(self.place.local(p))
