"""What problems of shapes have in common: the shape, its box, scores, pictures and meshes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from warnings import warn

import numpy as np

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.exporting import SURFACES, export_surface
from pinnscene.metrics import evaluate
from pinnscene.problem import Problem, Reference
from pinnscene.problems.shapemetrics import iou, shape_scores
from pinnscene.problems.shapesampling import Places
from pinnscene.samplers import count
from pinnscene.scenes.cloudshape import CloudShape
from pinnscene.scenes.shapes import Shape, built_in, load_shape
from pinnscene.seeds import generator
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.exporting import Exported, ExportRequest
    from pinnscene.render.request import RenderRequest

BuiltIn = Literal["figure", "sphere", "box", "torus", "capsule", "gyroid", "blend", "csg"]
FAR = 100.0  # sizes away from the origin from which float32 would lose detail
WATCHED = 4000  # points that the progress display scores
SURFACE = ["accuracy", "completeness", "chamfer_l1", "precision", "recall", "f_score", "normal_consistency"]
HELDOUT = ["completeness", "recall", "normal_consistency"]
EVERY = 10  # of a cloud's points, one is held out


@dataclass(frozen=True)
class ShapeProblem(Problem):
    """A field whose zero set is a given surface."""

    data: str | None = None  # file of a mesh, a point cloud or a volume; none for a built-in shape
    shape: BuiltIn = "figure"  # built-in shape
    margin: float = 0.1  # space around the shape's bounding box, as a share of its longest side
    pool: int = 300_000  # points that the shape is asked about, once
    n: int = 8192  # points a step

    values = ("d",)

    def __post_init__(self) -> None:
        if not 0 < self.margin <= 10:
            raise PinnsceneError(f"margin expected a share of the longest side above 0 and up to 10, got {self.margin}")
        count(self.pool, "pool, the points asked about,")
        count(self.n, "n, points a step,")
        _ = self.truth  # raises on a bad file

    @cached_property
    def source(self) -> Shape:
        """The shape as it was given, in its own units and place."""
        return (
            built_in(self.shape) if self.data is None else load_shape(self.data, lambda line: warn(line, stacklevel=2))
        )

    @cached_property
    def origin(self) -> "np.ndarray":
        """What was taken off the shape's coordinates: zero but for shapes far away from the origin."""
        centre = (self.source.lower + self.source.upper) / 2
        far = np.abs(centre).max() > FAR * (self.source.upper - self.source.lower).max()
        return centre if far else np.zeros(3)

    @cached_property
    def truth(self) -> Shape:
        """The shape that the field is trained towards and scored on: the source about ``origin``."""
        return self.source.shifted(-self.origin) if self.origin.any() else self.source

    @property
    def taught(self) -> Shape:
        """What is trained on: the shape, or of a cloud those points that are not held out."""
        return self._split[0]

    @cached_property
    def _split(self) -> "tuple[Shape, tuple[np.ndarray, np.ndarray | None] | None]":
        """What is trained on, and of a cloud the points and normals that are held out."""
        truth = self.truth
        if not isinstance(truth, CloudShape):
            return truth, None
        kept, points = truth.heldout(EVERY)
        return kept, (points, None if truth.normals is None else truth.normals[EVERY - 1 :: EVERY])

    @property
    def side(self) -> float:
        """The longest side of the bounding box."""
        return float((self.truth.upper - self.truth.lower).max())

    @cached_property
    def domain(self) -> Box:
        low, high = self.truth.lower - self.margin * self.side, self.truth.upper + self.margin * self.side
        return Box(**{a: (float(l), float(h)) for a, l, h in zip("xyz", low, high, strict=True)})

    def frame(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """A cube around the box, so that all axes have the same resolution."""
        centre = (np.array(self.domain.lower) + np.array(self.domain.upper)) / 2
        half = self.side * (0.5 + self.margin)
        return tuple(float(c - half) for c in centre), tuple(float(c + half) for c in centre)

    def places(self, uniform: float = 0.25) -> Places:
        """Where the shape is asked about: bands of half a percent and of 3 % of the side, and all over the box."""
        return Places(self.taught, self.domain, (0.005 * self.side, 0.03 * self.side), uniform)

    def params(self) -> dict[str, Any]:
        return {}

    def data_options(self) -> tuple[str, ...]:
        return ("data",)

    def notes(self) -> list[str]:
        return list(self.source.notes)

    def plan(self) -> str:
        return "adam"

    def distance_like(self, u: Differentiable) -> Differentiable:
        """The field seen as negative inside."""
        return u

    def reference_info(self) -> Reference:
        if self.truth.kind != "cloud":
            return Reference("held-out", note=f"the {self.truth.kind} itself, on points never trained on")
        sides = "; sides by the winding number of the points" if self.truth.signed else ""
        return Reference("held-out", note=f"every {EVERY}th point of the cloud, kept from training{sides}")

    def metrics(self, u: Differentiable) -> dict[str, float]:
        return shape_scores(self.distance_like(u), self.truth, self.domain, heldout=self._split[1])

    def metric_names(self) -> list[str]:
        names = ["iou"] if self.truth.signed else []
        names += ["eikonal_mae", "eikonal_p99"]
        names += ["distance_mae", "distance_rel"] if self.truth.exact else []
        return [*names, *(HELDOUT if self.truth.kind == "cloud" else SURFACE)]

    def metric_points(self) -> int:
        from pinnscene.problems.shapemetrics import INSIDE

        return INSIDE

    def monitor(self) -> tuple[str, Callable[[Differentiable], float]] | None:
        if not self.truth.signed:
            return None
        p = self.domain.interior(WATCHED)(generator(0, "monitor"))
        inside = self.truth.inside(p.coords.numpy())
        return "iou", lambda u: iou(evaluate(self.distance_like(u), p).numpy()[:, 0] < 0, inside)

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.problems.shapefigures import draw_shape_figures
        from pinnscene.render.request import RenderRequest
        from pinnscene.render.surface import render_surface

        seen = self.distance_like(u)
        drawn = draw_shape_figures(seen, self.truth, self.domain, folder)
        return [*drawn, *render_surface(seen, self.domain, RenderRequest(folder / "view.png"), beside=self.beside())]

    def beside(self) -> "np.ndarray | None":
        """What stands beside the reconstruction in pictures: the points of a cloud."""
        return self.truth.points if isinstance(self.truth, CloudShape) else None

    def render(self, u: Differentiable, request: "RenderRequest") -> list[Path]:
        from pinnscene.render.surface import render_surface

        return render_surface(self.distance_like(u), self.domain, request, beside=self.beside())

    def formats(self) -> tuple[str, ...]:
        return (*SURFACES, "npz")

    def export(self, u: Differentiable, request: "ExportRequest") -> "Exported":
        """The surface as a mesh in the file's own units and place, or values on a lattice."""
        if request.format not in SURFACES:
            return super().export(u, request)
        return export_surface(self.distance_like(u), self.domain, request, tuple(self.origin.tolist()))
