"""Samples of a family's members, drawn once, and batches out of them: a few members, some points of each."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from pinnscene.batch import Batch
from pinnscene.problems.familyshapes import Member
from pinnscene.problems.shapesampling import expect_step
from pinnscene.samplers import count
from pinnscene.seeds import generator as stream

HALF = 0.55  # half the domain's side: the unit cube and a margin of a tenth, as in Occupancy Networks
NEAR = (0.05, 0.0125)  # standard deviations of samples near the surface, in sides of the cube
UNIFORM = 0.2  # share of the samples that lie anywhere in the domain


@dataclass(frozen=True, eq=False)
class Pool:
    """Samples of s members: points [s, k, 3], what is known there [s, k, 1], points on the surface [s, m, 3]."""

    xyz: Tensor
    target: Tensor
    surface: Tensor

    def to(self, device: torch.device) -> "Pool":
        return Pool(self.xyz.to(device), self.target.to(device), self.surface.to(device))


@dataclass(frozen=True, eq=False)
class FamilyPoints(Batch):
    """Points of several members.

    Attributes:
        xyz: [n, 3] in the unit cube.
        shape: [n] numbers: of the family's member, or of the cloud in ``clouds``.
        target: [n, 1] what is known there.
    """

    xyz: Tensor
    shape: Tensor
    target: Tensor


@dataclass(frozen=True, eq=False)
class CloudPoints(FamilyPoints):
    """Points of members of which a cloud is given: ``clouds`` [b, m, 3], no row for each point but one a member."""

    clouds: Tensor

    def tensors(self) -> dict[str, Tensor]:
        return {name: t for name, t in super().tensors().items() if name != "clouds"}

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Self:
        return replace(super().to(device, dtype), clouds=self.clouds.to(device=device, dtype=dtype))


def near_and_far(member: Member, n: int, g: torch.Generator) -> Tensor:
    """``n`` points of the domain [n, 3]: most of them near the surface, the rest anywhere."""
    far = round(UNIFORM * n)
    surface, _ = member.surface(n - far, g)
    deviation = torch.tensor(NEAR, dtype=torch.float64)[torch.arange(n - far) % len(NEAR), None]
    near = surface + deviation * torch.randn(n - far, 3, generator=g, dtype=torch.float64)
    return torch.cat([near.clamp(-HALF, HALF), anywhere(far, g)])


def anywhere(n: int, g: torch.Generator) -> Tensor:
    """``n`` points spread evenly over the domain [n, 3]."""
    return (torch.rand(n, 3, generator=g, dtype=torch.float64) * 2 - 1) * HALF


def draw_pool(
    members: tuple[Member, ...], known: Callable[[Member, Tensor], Tensor], n: int, m: int, seed: int
) -> Pool:
    """``n`` points with ``known`` (member, points) at them and ``m`` on the surface of each member, in float32."""
    parts = []
    for k, member in enumerate(members):
        g = stream(seed, "family", k)
        xyz = near_and_far(member, n, g)
        parts.append((xyz, known(member, xyz), member.surface(m, g)[0]))
    return Pool(*(torch.stack([part.float() for part in column]) for column in zip(*parts, strict=True)))


@dataclass(frozen=True)
class FamilySampler:
    """``n`` points, as many of each of ``shapes`` members drawn anew; the pool is made at the first draw.

    Attributes:
        pool: gives the samples of a seed to draw from.
        n: points a batch.
        shapes: members a batch; all where there are fewer.
        seed: of the pool.
    """

    pool: Callable[[int], Pool] = field(repr=False)
    n: int
    shapes: int
    seed: int = field(default=0, kw_only=True)
    _moved: dict[str, Pool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        count(self.n, "the number of points n")
        expect_step(self.n)
        count(self.shapes, "the number of shapes a step")

    def __call__(self, generator: torch.Generator) -> FamilyPoints:
        pool, members = self._members(generator)
        xyz, target = self._points(pool, members, generator)
        return FamilyPoints(xyz.flatten(0, 1), members.repeat_interleave(xyz.shape[1]), target.flatten(0, 1))

    def seeded(self, seed: int) -> Self:
        """The same of a pool drawn from another seed."""
        return replace(self, seed=seed)

    def _members(self, g: torch.Generator) -> tuple[Pool, Tensor]:
        pool = self._on(g.device)
        order = torch.randperm(len(pool.xyz), generator=g, device=g.device)
        return pool, order[: self.shapes]

    def _points(self, pool: Pool, members: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
        """Points and targets [b, n / b, ...] of the members [b]."""
        each = max(1, self.n // len(members))
        rows = torch.randint(pool.xyz.shape[1], (len(members), each), generator=g, device=g.device)
        return pool.xyz[members[:, None], rows], pool.target[members[:, None], rows]

    def _on(self, device: torch.device) -> Pool:
        if str(device) not in self._moved:
            self._moved[str(device)] = self.pool(self.seed).to(device)
        return self._moved[str(device)]


@dataclass(frozen=True)
class CloudSampler(FamilySampler):
    """Points of members with a cloud of each, turned, mirrored and stretched at random, cloud and points alike.

    Inside stays inside under any affine map, so that a few members stand for many; distances would change.

    Attributes:
        points: of a cloud.
        noise: standard deviation of the cloud's points, in sides of the cube.
        stretch: least factor along an axis; 1 for none.
        turn: standard deviation of the rotation about each axis, radians.
    """

    points: int = 512
    noise: float = 0.0
    stretch: float = 0.7
    turn: float = 0.2

    def __call__(self, generator: torch.Generator) -> CloudPoints:
        g = generator
        pool, members = self._members(g)
        xyz, target = self._points(pool, members, g)
        rows = torch.randint(pool.surface.shape[1], (len(members), self.points), generator=g, device=g.device)
        turns = _turns(len(members), self.stretch, self.turn, g).to(xyz)
        clouds = pool.surface[members[:, None], rows] @ turns
        clouds = clouds + self.noise * torch.randn(clouds.shape, generator=g, device=g.device)
        # as for an unseen cloud: its own points say where its cube is
        low, high = clouds.amin(1, keepdim=True), clouds.amax(1, keepdim=True)
        centre, side = (low + high) / 2, (high - low).amax(2, keepdim=True)
        shape = torch.arange(len(members), device=g.device).repeat_interleave(xyz.shape[1])
        inward = (xyz @ turns - centre) / side
        return CloudPoints(inward.flatten(0, 1), shape, target.flatten(0, 1), (clouds - centre) / side)


def _turns(b: int, stretch: float, turn: float, g: torch.Generator) -> Tensor:
    """Random affine maps [b, 3, 3]: turned by about ``turn`` radians an axis, mirrored and shrunk."""
    x, y, z = (turn * torch.randn(3, b, generator=g, device=g.device)).unbind()
    zero = torch.zeros_like(x)
    spin = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).unflatten(1, (3, 3))
    sign = torch.randint(2, (b, 3), generator=g, device=g.device) * 2 - 1
    factor = 1 - (1 - stretch) * torch.rand(b, 3, generator=g, device=g.device)
    return torch.matrix_exp(spin) * (sign * factor)[:, None]
