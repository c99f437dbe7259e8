"""A shape as its inside and outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.derivatives import Operator
from pinnscene.errors import PinnsceneError
from pinnscene.exporting import SURFACES, Exported, ExportRequest
from pinnscene.penalty import softplus
from pinnscene.problems.shapemetrics import occupancy_scores
from pinnscene.problems.shapeproblem import ShapeProblem
from pinnscene.problems.shapesampling import Pool, PoolSampler, expect_step, sided
from pinnscene.views import Differentiable

# The field, and Adam's knobs, by preset.
FIELDS: dict[str, dict[str, Any]] = {
    "grid": {"levels": 3, "coarsest": 8, "finest": 64, "features": 2, "interpolation": "cubic"},
    "hash": {"levels": 4, "coarsest": 8, "finest": 128, "features": 4, "interpolation": "quadratic", "table": 17},
    "siren": {"width": 128, "depth": 4, "first": 30.0, "omega": 30.0},
    "fourier": {"width": 128, "depth": 3, "features": 64, "sigma": 1.0, "activation": "silu"},
    "mlp": {"width": 128, "depth": 5, "activation": "silu"},
}
ADAM: dict[str, dict[str, Any]] = {
    "grid": {"lr": 3e-3, "encoding": 10.0, "eps": 1e-15, "warmup": 50, "steps": 700},
    "hash": {"lr": 5e-3, "encoding": 10.0, "eps": 1e-15, "warmup": 50, "steps": 900},
    "siren": {"lr": 5e-4, "steps": 3000},
    "fourier": {"lr": 2e-3, "steps": 3000},
    "mlp": {"lr": 2e-3, "steps": 3000},
}


@dataclass(frozen=True)
class Occupancy(ShapeProblem):
    """A logit l(x, y, z) that is positive inside a shape and negative outside: sigmoid(l) is the occupancy.

    Domain: the shape's bounding box with a margin, in the file's units.
    Condition: binary cross-entropy on points near the surface and in the box, the mean of
    softplus((1 - 2 inside) l) (Mescheder et al. 1812.03828, eq. 3).
    Reference: the side of points never trained on, by the generalised winding number where the shape is a mesh.
    """

    pool: int = 1_000_000  # points that the shape is asked about, once: sides are soon asked, and soon learnt by heart
    n: int = 16_384  # points a step

    values = ("l",)
    presets, adam, family = FIELDS, ADAM, "encoder"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.truth.signed:
            raise PinnsceneError(
                f"{self.truth.name} has no normals, so nothing is known of its inside: give points with normals, or "
                "solve eikonal-sdf"
            )
        expect_step(self.n)

    @cached_property
    def _pool(self) -> Pool:
        return Pool(self.places(), self.pool, sided(self.taught))

    def constraints(self) -> Mapping[str, Constraint]:
        return {"sides": Constraint(PoolSampler(self._pool, self.n), lambda u, p: p.side * u(p.xyz), softplus)}

    def metrics(self, u: Differentiable) -> dict[str, float]:
        return occupancy_scores(self.distance_like(u), self.truth, self.domain, heldout=self.unseen)

    def metric_names(self) -> list[str]:
        return [name for name in super().metric_names() if not name.startswith(("eikonal", "distance"))]

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        return self.draw(u, replace(self.truth, exact=False), folder)  # of a logit only the sign is that of a distance

    def export(self, u: Differentiable, request: ExportRequest) -> Exported:
        """As of every shape; the level is one of the logit."""
        own = replace(request, level=0.0 - (request.level or 0.0)) if request.format in SURFACES else request
        return super().export(u, own)

    def distance_like(self, u: Differentiable) -> Differentiable:
        return Negated(u)


class Negated(Differentiable):
    """-u: negative inside, as a distance is."""

    def __init__(self, u: Differentiable) -> None:
        self.u, self.axes, self.values = u, u.axes, tuple(f"-{name}" for name in u.values)
        self.device, self.dtype = getattr(u, "device", torch.device("cpu")), getattr(u, "dtype", torch.float64)

    def param(self, name: str, p: Any, along: str = "") -> Any:
        return self.u.param(name, p, along)

    def derivatives(self, p: Points | Any, operators: Sequence[Operator]) -> list[Any]:
        return [-answer for answer in self.u.derivatives(p, operators)]
