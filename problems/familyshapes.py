"""The members of a family: shapes of a folder or built in, each in a unit cube of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.seeds import generator

if TYPE_CHECKING:
    from pinnscene.scenes.shapes import Shape


@dataclass(frozen=True, eq=False)
class Frame:
    """Where a unit cube lies: p = centre + side q takes q in [-1/2, 1/2]^3 to the shape's own units."""

    centre: NDArray[np.float64]
    side: float

    @classmethod
    def around(cls, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> "Frame":
        """The cube with the centre and the longest side of a bounding box."""
        side = float((upper - lower).max())
        if not side > 0:
            raise PinnsceneError("a shape expected an extent above 0, got points that are all one")
        return cls((lower + upper) / 2, side)

    def inward(self, p: NDArray[np.float64]) -> Tensor:
        """Points in own units [n, 3] as points of the cube, float64."""
        return torch.from_numpy((p - self.centre) / self.side)

    def within(self, shift: Tensor, side: Tensor) -> "Frame":
        """The cube that is moved by ``shift`` [3] and scaled by ``side``, both as seen in this one."""
        return Frame(self.centre + self.side * shift.double().cpu().numpy(), self.side * float(side))

    def outward(self, q: Tensor) -> NDArray[np.float64]:
        """Points of the cube [n, 3] in own units."""
        return q.double().cpu().numpy() * self.side + self.centre


@dataclass(frozen=True, eq=False)
class Member:
    """A shape of the family; points and distances are in its unit cube."""

    shape: "Shape"
    frame: Frame

    @property
    def name(self) -> str:
        return self.shape.name

    def surface(self, n: int, g: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Random points on the surface [n, 3], with outward unit normals [n, 3] where they are known."""
        points, normals = self.shape.surface(n, g)
        return self.frame.inward(points), None if normals is None else torch.from_numpy(normals)

    def distance(self, q: Tensor) -> Tensor:
        """True signed distances [n, 1], negative inside."""
        return torch.from_numpy(self.shape.distance(self.frame.outward(q)) / self.frame.side)[:, None]

    def inside(self, q: Tensor) -> Tensor:
        """Whether points lie inside, booleans [n, 1]."""
        return torch.from_numpy(np.asarray(self.shape.inside(self.frame.outward(q))))[:, None]


@dataclass(frozen=True, eq=False)
class Family:
    """Members to train on, and members never trained on."""

    trained: tuple[Member, ...]
    unseen: tuple[Member, ...]

    @property
    def scored(self) -> tuple[Member, ...]:
        """The unseen members, or those trained on where none is left out."""
        return self.unseen or self.trained


def built_in_shapes(count: int, seed: int) -> "list[Shape]":
    """``count`` shapes of the built-in family: rounded boxes, tori and capsules."""
    from pinnscene.scenes.families import family
    from pinnscene.scenes.solidshape import solid_shape

    return [solid_shape(solid, f"{k}") for k, solid in enumerate(family(count, seed))]


def folder_shapes(folder: str | Path) -> "list[Shape]":
    """The shapes of every file in a folder, by name; hidden files and folders in it are passed over.

    Raises:
        PinnsceneError: no such folder, a file instead of one, a file that is no shape (named), or fewer than 2.
    """
    from pinnscene.scenes.shapes import load_shape

    path = Path(folder)
    if path.is_file():
        raise PinnsceneError(f"shape-family expected a folder of shapes, got the file {path}: name its folder")
    if not path.is_dir():
        raise PinnsceneError(f"there is no folder {path}: check the path")
    files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    if len(files) < 2:
        raise PinnsceneError(f"a family expected at least 2 shape files in {path}, got {len(files)}")
    shapes = []
    for file in files:
        try:
            shapes.append(load_shape(file, lambda line: warn(line, stacklevel=2)))
        except PinnsceneError as cause:
            named = "" if file.name in str(cause) else f"{file.name}: "
            raise PinnsceneError(f"{named}{cause} (every file in {path} must be a shape)") from None
    return shapes


def split(shapes: "list[Shape]", unseen: float, seed: int) -> Family:
    """A family with a share ``unseen`` of the shapes left out at random; at least 2 stay."""
    members = [Member(shape, Frame.around(np.asarray(shape.lower), np.asarray(shape.upper))) for shape in shapes]
    order = torch.randperm(len(members), generator=generator(seed, "unseen")).tolist()
    out = min(round(unseen * len(members)), len(members) - 2)
    pick = lambda chosen: tuple(members[k] for k in sorted(chosen))
    return Family(pick(order[out:]), pick(order[:out]))
