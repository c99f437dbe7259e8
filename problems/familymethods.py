"""Two ways to one field for a family: trained codes, or codes from clouds of points."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.conditions import ConditionSpec
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.penalty import absolute, softplus, square
from pinnscene.problems.familyfitting import Cloud, Clouds, Fit, as_given, cut, fit_codes, given_cloud, together
from pinnscene.problems.familysampling import CloudPoints, CloudSampler, FamilyPoints, FamilySampler, Pool, draw_pool
from pinnscene.problems.familyshapes import Family, Frame, Member
from pinnscene.problems.familyviews import Placed
from pinnscene.views import Differentiable

KEPT = 16384  # samples of a member to draw batches from
SURFACE = 4096  # of its points on the surface
MOST = 16384  # points of a cloud that a code is fitted to


@dataclass(frozen=True, eq=False)
class Method(ABC):
    """How a family is learned, and how the code of an unseen member is found from a cloud.

    Attributes:
        family: the members.
        size: entries of a code.
        points, noise: of a cloud: how many, and their standard deviation in sides of the cube.
        n, shapes: points and members a step.
    """

    family: Family
    size: int
    points: int
    noise: float
    n: int
    shapes: int
    _pools: dict[int, Pool] = field(default_factory=dict, init=False, repr=False)
    values: ClassVar[tuple[str, ...]]
    network: ClassVar[dict[str, Any]]  # knobs of an mlp, and of Adam, that suit it
    adam: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        for member in (*self.family.trained, *self.family.unseen):
            self.expect(member)

    @abstractmethod
    def expect(self, member: Member) -> None:
        """Raise ``PinnsceneError`` where a shape does not know what this method learns from."""

    @abstractmethod
    def condition(self) -> ConditionSpec:
        """Where codes come from."""

    @abstractmethod
    def constraints(self) -> Mapping[str, Constraint]:
        """What is trained on."""

    @abstractmethod
    def known(self, member: Member, q: Tensor) -> Tensor:
        """What is known of a member at points [n, 3] of its cube, [n, 1]."""

    @abstractmethod
    def codes(self, u: Any, members: Sequence[int]) -> Tensor:
        """The codes [b, size] of members trained on."""

    @abstractmethod
    def fit(self, u: Any, clouds: Clouds, starts: int = 1) -> Fit:
        """What explains clouds, each in a cube of its own, under the network as it is; the best of some tries."""

    def reconstruct(self, u: Any, clouds: Sequence[Cloud], starts: int = 1) -> list[Placed]:
        """The surfaces of clouds of one common size, unseen ones too, each in its own units and negative inside.

        More than one of ``starts`` is for clouds of a part of a shape.
        """
        frames = [cloud.frame for cloud in clouds]
        fit = self.fit(u, together(clouds, frames), starts)
        cubes = [frame.within(*pose) for frame, *pose in zip(frames, fit.shift, fit.grow.exp(), strict=True)]
        return [self.place(u.bind(z), cube, turn) for z, cube, turn in zip(fit.codes, cubes, fit.turn, strict=True)]

    def place(self, u: Differentiable, frame: Frame, turn: Tensor | None = None) -> Placed:
        """A member of the cube in own units, negative inside."""
        return Placed(u, frame.centre.tolist(), frame.side, self.gain(frame.side), turn)

    @abstractmethod
    def gain(self, side: float) -> float:
        """The factor of the field's values for a cube of this side."""

    @property
    @abstractmethod
    def most(self) -> int:
        """The number of points of a cloud that are enough."""

    def pool(self, seed: int) -> Pool:
        """The samples of the members trained on; those of one seed are kept at a time."""
        if seed not in self._pools:
            self._pools.clear()
            self._pools[seed] = draw_pool(self.family.trained, self.known, KEPT, SURFACE, seed)
        return self._pools[seed]


@dataclass(frozen=True, eq=False)
class Decoder(Method):
    """DeepSDF's auto-decoder (Park et al. 1901.05103): the codes are trained with the network.

    |clamp(u(x; z_k)) - clamp(d_k(x))| with distances cut off at +-BAND, and a Gaussian prior on the codes (eq. 9).
    """

    values: ClassVar[tuple[str, ...]] = ("distance",)
    network: ClassVar[dict[str, Any]] = {"width": 128, "depth": 4, "activation": "relu"}
    adam: ClassVar[dict[str, Any]] = {"lr": 2e-3, "steps": 8_000}
    prior: ClassVar[float] = 1e-4  # 1 / sigma^2 of the codes

    def condition(self) -> ConditionSpec:
        return ConditionSpec("codes", {"count": len(self.family.trained), "size": self.size})

    def expect(self, member: Member) -> None:
        if not (member.shape.exact and member.shape.signed):
            raise PinnsceneError(
                f"the auto-decoder learns true distances, which {member.name} ({member.shape.kind}) does not have: "
                "give closed meshes, or take method=encoder"
            )

    def known(self, member: Member, q: Tensor) -> Tensor:
        return member.distance(q)

    def constraints(self) -> Mapping[str, Constraint]:
        sampler = FamilySampler(self.pool, self.n, self.shapes)
        weights, penalties = {"distance": 1.0, "prior": self.prior * self.size}, {"distance": absolute, "prior": square}
        return {"shapes": Constraint(sampler, self._residual, penalties, weights)}

    @staticmethod
    def _residual(u: Any, p: FamilyPoints) -> dict[str, Tensor]:
        z = u.code(p.shape)
        return {"distance": cut(u.bind(z)(p.xyz)) - cut(p.target), "prior": z}

    def codes(self, u: Any, members: Sequence[int]) -> Tensor:
        return u.code(torch.tensor(list(members))).detach()

    def fit(self, u: Any, clouds: Clouds, starts: int = 1) -> Fit:
        """The codes that explain the clouds best (eq. 10), with the cube moved, scaled and turned to suit."""
        return fit_codes(u, clouds, starts)

    def gain(self, side: float) -> float:
        return side

    @property
    def most(self) -> int:
        return MOST


@dataclass(frozen=True, eq=False)
class Encoder(Method):
    """Conditional occupancy (Mescheder et al. 1812.03828): the code of a cloud comes from a PointNet.

    Binary cross-entropy on the logit u(x; z(cloud)) of inside.
    """

    values: ClassVar[tuple[str, ...]] = ("logit",)
    network: ClassVar[dict[str, Any]] = {"width": 128, "depth": 4, "activation": "relu"}
    adam: ClassVar[dict[str, Any]] = {"lr": 2e-3, "steps": 12_000}
    width: ClassVar[int] = 64  # of the encoder

    def condition(self) -> ConditionSpec:
        return ConditionSpec("cloud", {"size": self.size, "width": self.width})

    def expect(self, member: Member) -> None:
        if not member.shape.signed:
            raise PinnsceneError(
                f"occupancy needs to know inside from outside, which {member.name} ({member.shape.kind}) does not "
                "say: give meshes, or clouds with normals"
            )

    def known(self, member: Member, q: Tensor) -> Tensor:
        return member.inside(q)

    def constraints(self) -> Mapping[str, Constraint]:
        sampler = CloudSampler(self.pool, self.n, self.shapes, self.points, self.noise)
        return {"shapes": Constraint(sampler, self._residual, softplus)}

    @staticmethod
    def _residual(u: Any, p: CloudPoints) -> Tensor:
        return (1 - 2 * p.target) * u.bind(u.encode(p.clouds)[p.shape])(p.xyz)

    def codes(self, u: Any, members: Sequence[int]) -> Tensor:
        shapes = [self.family.trained[k] for k in members]
        clouds = [given_cloud(member, self.points, 0.0, k) for k, member in zip(members, shapes, strict=True)]
        return self.fit(u, together(clouds, [cloud.frame for cloud in clouds])).codes

    @torch.no_grad()
    def fit(self, u: Any, clouds: Clouds, starts: int = 1) -> Fit:
        """One pass through the encoder."""
        del starts
        return as_given(u.encode(clouds.points.to(u.device)))

    def gain(self, side: float) -> float:
        del side
        return -1.0

    @property
    def most(self) -> int:
        """As many as in training: the largest features of more points are larger."""
        return self.points


METHODS: dict[str, type[Method]] = {"decoder": Decoder, "encoder": Encoder}
