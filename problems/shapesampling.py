"""Where a shape is asked about: points near its surface and all over its box, drawn once and trained on in batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.batch import Batch
from pinnscene.domain import Box
from pinnscene.memory import expect_room
from pinnscene.samplers import count
from pinnscene.scenes.shapes import Shape
from pinnscene.seeds import generator

Numbers = NDArray[np.float64]
FAR = 4.0  # spacings of a cloud's points from which its distances are taken for those of the surface
CPU = torch.device("cpu")
POINT, SLOPE = 3000, 9000  # bytes that a value and a gradient take in training, measured; a wide network takes more
UNSEEN = 0.05  # as many points again, as a share of the pool, that no step is trained on


@dataclass(frozen=True, eq=False)
class Located(Batch):
    """Points xyz [n, 3] with the true signed distance [n, 1] and its gradient ``slope`` [n, 3]."""

    xyz: Tensor
    distance: Tensor
    slope: Tensor


@dataclass(frozen=True, eq=False)
class Sided(Batch):
    """Points xyz [n, 3] and their side [n, 1]: -1 inside, 1 outside."""

    xyz: Tensor
    side: Tensor


@dataclass(frozen=True, eq=False)
class OnSurface(Batch):
    """Points xyz [n, 3] on the surface; their outward normals [n, 3], or None."""

    xyz: Tensor
    normal: Tensor | None


@dataclass(frozen=True)
class PoolSampler:
    """``n`` random rows of a pool at every step.

    Attributes:
        pool: gives of a seed the rows trained on (False), or those that no step sees (True), on a device; called when
            first needed.
        n: rows a step.
        seed: of the pool.
    """

    pool: Callable[[int, bool, torch.device], Any] = field(repr=False, compare=False)
    n: int
    seed: int = 0

    def __post_init__(self) -> None:
        count(self.n, "points a step, n,")
        expect_step(self.n)

    def __call__(self, generator: torch.Generator) -> Any:
        return _rows(self.pool(self.seed, False, generator.device), self.n, generator)

    def heldout(self, generator: torch.Generator) -> Any:
        """``n`` rows that no step is trained on."""
        return _rows(self.pool(self.seed, True, generator.device), self.n, generator)

    def seeded(self, seed: int) -> "PoolSampler":
        """The same of a pool drawn from another seed."""
        return replace(self, seed=seed)


def expect_step(n: int, slopes: int = 0) -> None:
    """Raise where a step on ``n`` points, and on ``slopes`` with gradients, needs more memory than is free."""
    asked = [f"{k} {what}" for k, what in ((n, "points"), (slopes, "slopes")) if k]
    expect_room(f"a step on {' and '.join(asked)}", POINT * n + SLOPE * slopes, "take fewer")


def _rows(pool: Any, n: int, g: torch.Generator) -> Any:
    return pool[torch.randint(0, len(pool), (n,), generator=g, device=g.device)]


@dataclass(frozen=True, eq=False)
class Places:
    """Where to ask: around the surface in bands, and uniformly in the box.

    Attributes:
        shape, box: whose surface, and where at most.
        widths: standard deviations of the distance to the surface, one a band, in the shape's units.
        uniform: the share of points that are uniform in the box; the bands share the rest alike.
    """

    shape: Shape
    box: Box
    widths: Sequence[float]
    uniform: float = 0.25

    def draw(self, n: int, g: torch.Generator) -> Numbers:
        """``n`` points [n, 3], in no order."""
        even = round(self.uniform * n)
        near, _ = self.shape.surface(n - even, g)
        width = torch.tensor(self.widths, dtype=torch.float64)[
            torch.randint(0, len(self.widths), (n - even, 1), generator=g)
        ]
        away = torch.randn(n - even, 3, generator=g, dtype=torch.float64) * width
        bounds = np.array(self.box.lower), np.array(self.box.upper)
        banded = np.clip(near + away.numpy(), *bounds)
        everywhere = self.box.interior(even)(g).coords.numpy() if even else np.empty((0, 3))
        return np.concatenate([banded, everywhere])


@dataclass
class Pool:
    """Rows made once from places, and a few more for held-out residuals; those of one seed are kept at a time.

    Attributes:
        places: where to ask.
        n: rows to train on.
        ask: the rows of points [n, 3].
    """

    places: Places
    n: int
    ask: Callable[[Numbers], Any]
    _made: dict[tuple[int, bool, str], Any] = field(default_factory=dict, repr=False)

    def __call__(self, seed: int, unseen: bool, device: torch.device = CPU) -> Any:
        """The rows trained on, or those that no step sees, drawn once and moved to a device once."""
        key = seed, unseen, str(device)
        if key not in self._made:
            self._made = {known: rows for known, rows in self._made.items() if known[0] == seed}
            made = self._ask(seed, unseen) if device.type == "cpu" else self(seed, unseen).to(device)
            self._made[key] = made
        return self._made[key]

    def _ask(self, seed: int, unseen: bool) -> Any:
        n = max(1, round(self.n * (UNSEEN if unseen else 1)))
        return self.ask(self.places.draw(n, generator(seed, "pool", str(unseen))))


def located(shape: Shape, truncate: float = 0.0) -> Callable[[Numbers], Located]:
    """Asks a shape for distances and their gradients; beyond ``truncate`` (where positive) both are cut off."""

    def ask(p: Numbers) -> Located:
        distance, slope = shape.nearest(p)
        if truncate:
            slope = slope * (np.abs(distance) < truncate)[:, None]
            distance = distance.clip(-truncate, truncate)
        return Located(torch.from_numpy(p), torch.from_numpy(distance)[:, None], torch.from_numpy(slope))

    return ask


def sided(shape: Shape) -> Callable[[Numbers], Sided]:
    """Asks a shape for sides."""
    return lambda p: Sided(torch.from_numpy(p), torch.from_numpy(np.where(shape.inside(p), -1.0, 1.0))[:, None])


def placed(p: Numbers) -> Located:
    """Places alone: nothing is known of the distance there."""
    x = torch.from_numpy(p)
    return Located(x, torch.zeros(len(p), 1, dtype=x.dtype), torch.zeros_like(x))


def far_away(shape: Shape) -> Callable[[Numbers], Located]:
    """Asks a cloud for distances where its nearest point is about as far off as the surface between the points.

    Four spacings away the two differ by a few percent on average, and more beside gaps in the points.
    """

    def ask(p: Numbers) -> Located:
        distance, slope = shape.nearest(p)
        spacing = getattr(shape, "spacing", 0.0)
        keep = np.abs(distance) > FAR * spacing
        keep = keep if keep.any() else np.ones(len(p), bool)
        chosen = (torch.from_numpy(v[keep]) for v in (p, distance[:, None], slope))
        return Located(*chosen)

    return ask


@dataclass(frozen=True)
class SurfaceSampler:
    """``n`` points on a shape's surface at every step.

    Attributes:
        shape: whose surface.
        n: points a step.
        unseen: points [m, 3] of a cloud that no step is trained on, and their normals or None; a surface that is
            known everywhere needs none, as no step draws the same points.
    """

    shape: Shape = field(repr=False, compare=False)
    n: int
    unseen: "tuple[Numbers, Numbers | None] | None" = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        count(self.n, "points a step, n,")
        expect_step(0, self.n)

    def __call__(self, generator: torch.Generator) -> OnSurface:
        return _on_surface(*self.shape.surface(self.n, generator))

    def heldout(self, generator: torch.Generator) -> Any:
        """``n`` points that no step is trained on."""
        if self.unseen is None:
            return self(generator)
        points, normals = self.unseen
        rows = torch.randint(0, len(points), (self.n,), generator=generator, device=generator.device).cpu().numpy()
        return _on_surface(points[rows], None if normals is None else normals[rows])


def _on_surface(points: Numbers, normals: Numbers | None) -> OnSurface:
    return OnSurface(torch.from_numpy(points), None if normals is None else torch.from_numpy(normals))
