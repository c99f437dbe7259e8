"""A shape as its signed distance: from a mesh with true distances, from points by the eikonal equation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Any, Literal

from pinnscene.ansatz import Ansatz
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.problems.distanceconstraints import from_distances, from_points
from pinnscene.problems.shapeproblem import TABLES, ShapeProblem
from pinnscene.problems.shapesampling import Pool, expect_step, far_away, located, placed
from pinnscene.samplers import count
from pinnscene.scenes.cloudshape import CloudShape

# The field, and Adam's knobs, by preset: what reached a surface distance of 0.1 % of the diagonal soonest.
FIELDS: dict[str, dict[str, Any]] = {
    "grid": {"levels": 3, "coarsest": 8, "finest": 64, "features": 4, "interpolation": "cubic"},
    "hash": {"levels": 4, "coarsest": 8, "finest": 128, "features": 4, "interpolation": "quadratic", "table": 17},
    "siren": {"width": 128, "depth": 4, "first": 30.0, "omega": 30.0},
    "fourier": {"width": 128, "depth": 3, "features": 64, "sigma": 0.8, "activation": "silu"},
    "mlp": {"width": 128, "depth": 8, "skip": 4, "activation": "softplus", "beta": 100.0, "sphere": 0.5},
}
ROUND = {"sphere": 0.6, "beta": 30.0}  # points alone do not tell where inside is: start with one
ADAM: dict[str, dict[str, Any]] = {
    "grid": {"lr": 2e-3, "encoding": 5.0, "eps": 1e-15, "warmup": 50, "final": 0.001, "steps": 900},
    "hash": {"lr": 2e-3, "encoding": 10.0, "eps": 1e-15, "warmup": 50, "steps": 900},
    "siren": {"lr": 5e-4, "steps": 3000},
    "fourier": {"lr": 2e-3, "steps": 3000},
    "mlp": {"lr": 1e-3, "steps": 3000},
}


@dataclass(frozen=True)
class EikonalSdf(ShapeProblem):
    """|grad d| = 1 around a surface on which d = 0; d < 0 inside: the signed distance d(x, y, z).

    Domain: the shape's bounding box with a margin, in the file's units.
    Learnt from distances (``learn=distance``, the default for meshes, volumes and solids): d and grad d = the
    direction away from the nearest point of the surface, both known at points near the surface and in the box.
    Learnt from points alone (``learn=points``, the default for clouds): d = 0 and grad d = n on the surface,
    |grad d| = 1 in the box (Gropp et al. 2002.10099, eq. 2), and off the surface exp(-100 |d| / side) = 0 (Sitzmann
    et al. 2006.09661, eq. 6); where the points have normals also their distance and side far from them.
    Reference: the shape itself on points never trained on; of a cloud every tenth point, kept from training.
    """

    learn: Literal["auto", "distance", "points"] = "auto"  # from true distances, or from surface points alone
    truncate: float = 0.0  # distance beyond which the field is only to be that far, the shape's units; 0 for none
    slopes: int = 2048  # points a step at which the gradient is taken

    presets, adam, family = FIELDS, ADAM, "decoder"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.truncate < inf:
            raise PinnsceneError(f"truncate expected a finite distance of at least 0, got {self.truncate}")
        if self.learn == "distance" and self.truth.kind == "cloud":
            raise PinnsceneError("learn=distance needs a mesh, a volume or a solid; a cloud has learn=points")
        if self.truncate and not self.measured:
            raise PinnsceneError("truncate cuts off true distances, and learn=points has none: leave truncate out")
        count(self.slopes, "slopes, points a step at which the gradient is taken,")
        expect_step(self.n, self.slopes)

    def ansatz(self) -> Ansatz:
        """Half the frame's side as the unit of distance: the network's slope is about one too."""
        lower, upper = self.frame()
        return Ansatz(scale=(upper[0] - lower[0]) / 2)

    @property
    def measured(self) -> bool:
        """Whether true distances are learnt from."""
        return self.learn == "distance" or (self.learn == "auto" and self.truth.kind != "cloud")

    @cached_property
    def _pool(self) -> Pool:
        ask = located(self.taught, self.truncate) if self.measured else placed
        return Pool(self.places(), self.pool, ask)

    @cached_property
    def _far(self) -> Pool:
        """Points far from the surface, where the nearest of its points is about as far as the surface itself."""
        return Pool(self.places(uniform=1.0), self.pool // 4, far_away(self.taught))

    def constraints(self) -> Mapping[str, Constraint]:
        if self.measured:
            return from_distances(self._pool, self.n, self.slopes, self.side, self.truncate)
        far = self._far if self.taught.kind == "cloud" and self.taught.signed else None
        return from_points(self.taught, self._pool, far, self.n, self.slopes, self.side, self.unseen)

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        spec = super().field(solver, backbone)
        if self.measured or spec.backbone not in TABLES or solver == "head":
            return spec
        return replace(spec, knobs={**spec.knobs, **ROUND, "finest": self._finest(spec)})

    def _finest(self, spec: FieldSpec) -> int:
        """Cells along the frame no smaller than a cloud's points are apart: smaller ones would bend between them."""
        most, least = spec.knobs["finest"], 2 * spec.knobs["coarsest"]
        if not isinstance(self.taught, CloudShape):
            return most
        lower, upper = self.frame()
        return min(most, max(least, round((upper[0] - lower[0]) / self.taught.pitch)))
