"""What problems of shapes have in common: the shape, its box, scores, pictures and meshes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from warnings import warn

import numpy as np

from pinnscene.domain import Box
from pinnscene.errors import NoSurface, PinnsceneError
from pinnscene.exporting import SURFACES, export_lattice, export_surface
from pinnscene.fieldspec import FieldSpec
from pinnscene.metrics import evaluate
from pinnscene.problem import Problem, Reference
from pinnscene.problems.shapemetrics import iou, shape_scores
from pinnscene.problems.shapesampling import Places
from pinnscene.problems.truefield import TrueField
from pinnscene.samplers import count
from pinnscene.scenes.cloudshape import CloudShape
from pinnscene.scenes.shapes import Shape, built_in, load_shape, upwards
from pinnscene.scenes.solidshape import SolidShape
from pinnscene.seeds import generator
from pinnscene.views import Differentiable, FunctionField

if TYPE_CHECKING:
    from pinnscene.exporting import Exported, ExportRequest
    from pinnscene.render.request import RenderRequest

BuiltIn = Literal["figure", "sphere", "box", "torus", "capsule", "gyroid", "blend", "csg"]
FAR = 100.0  # sizes away from the origin from which float32 would lose detail
WATCHED = 4000  # points that the progress display scores
SURFACE = ["accuracy", "completeness", "chamfer_l1", "precision", "recall", "f_score", "normal_consistency"]
HELDOUT = ["completeness", "recall", "normal_consistency"]  # the last one where a cloud has normals
MOST_POOL = 2**25  # points: 1.8 GiB of places, distances and slopes, and three times that while they are made
TABLES = ("grid", "hash")  # presets with values in a table, and a small network behind it
TABLE = {"width": 32, "depth": 2, "activation": "softplus"}  # of the network behind a grid
RAYS = 2**30  # of a view: a few hundred bytes each
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
    presets: ClassVar[Mapping[str, dict[str, Any]]] = {}  # knobs of the field by backbone
    adam: ClassVar[Mapping[str, dict[str, Any]]] = {}  # knobs of Adam by backbone
    family: ClassVar[str]  # the method of shape-family that learns the same of many shapes

    def __post_init__(self) -> None:
        if not 0 < self.margin <= 10:
            raise PinnsceneError(f"margin expected a share of the longest side above 0 and up to 10, got {self.margin}")
        if self.data == "":
            raise PinnsceneError("data is empty: name a file, or leave it out for a built-in shape")
        if self.data is not None and Path(self.data).is_dir():
            raise PinnsceneError(
                f"expected a shape, got the folder {self.data}: name a file in it, or learn all of its shapes at once, "
                f"solve shape-family --data {self.data} --set method={self.family}"
            )
        if self.data is not None and self.shape != "figure":
            raise PinnsceneError(f"expected data or shape, got both, {self.data} and {self.shape}: leave one out")
        count(self.pool, "pool, the points asked about,")
        if self.pool > MOST_POOL:
            raise PinnsceneError(f"pool expected at most {MOST_POOL} points to keep in memory, got {self.pool}")
        count(self.n, "n, points a step,")
        _ = self.taught  # raises on a bad file

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
        if len(truth.points) < EVERY:
            raise PinnsceneError(
                f"{truth.name} has {len(truth.points)} points: expected at least {EVERY}, as every {EVERY}th is kept "
                "from training to score with"
            )
        kept, points = truth.heldout(EVERY)
        return kept, (points, None if truth.normals is None else truth.normals[EVERY - 1 :: EVERY])

    @property
    def unseen(self) -> "tuple[np.ndarray, np.ndarray | None] | None":
        """Points [m, 3] that are held out from a cloud, and their normals; None for other shapes."""
        return self._split[1]

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

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        return {"adam": self.adam.get(backbone or "grid", {})}

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        name = backbone or "grid"
        if name not in self.presets or solver == "head":
            return super().field(solver, name)
        return FieldSpec(name, knobs=(TABLE if name in TABLES else {}) | self.presets[name])

    def distance_like(self, u: Differentiable) -> Differentiable:
        """The field seen as negative inside."""
        return u

    def reference_info(self) -> Reference:
        if self.truth.kind != "cloud":
            return Reference("held-out", note=f"the {self.truth.kind} itself, on points never trained on")
        sides = "; sides by the winding number of the points" if self.truth.signed else ""
        return Reference("held-out", note=f"every {EVERY}th point of the cloud, kept from training{sides}")

    def metrics(self, u: Differentiable) -> dict[str, float]:
        return shape_scores(self.distance_like(u), self.truth, self.domain, heldout=self.unseen)

    def metric_names(self) -> list[str]:
        names = ["iou"] if self.truth.signed else []
        names += ["eikonal_mae", "eikonal_p99"]
        names += ["distance_mae", "distance_rel"] if self.truth.exact else []
        if self.truth.kind == "cloud":
            return [*names, *HELDOUT[: 3 if self.truth.signed else 2]]
        return [*names, *SURFACE]

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
        return self.draw(u, self.truth, folder)

    def draw(self, u: Differentiable, truth: Shape, folder: Path) -> list[Path]:
        """Figures of a field beside the truth; one without a surface in the box, as its scores say, has no view."""
        from pinnscene.problems.shapefigures import draw_shape_figures
        from pinnscene.render.request import RenderRequest

        drawn = draw_shape_figures(self.distance_like(u), truth, self.domain, folder)
        with suppress(NoSurface):
            drawn += self.render(u, RenderRequest(folder / "view.png"))
        return drawn

    def check_render(self, request: "RenderRequest") -> None:
        """A surface takes every option of a view; a mesh or volume given has no curvature of its own."""
        request.expect_surface()
        width, height = request.size or (1, 1)
        if width * height * (request.samples or 4) > RAYS:
            raise PinnsceneError(f"a view of {width}x{height} takes too much memory: expected at most 2^30 rays")
        bent = request.what in ("curvature", "gaussian")
        if request.beside and bent and not isinstance(self.truth, CloudShape | SolidShape):
            raise PinnsceneError(f"a {self.truth.kind} has no exact curvature to stand beside: leave --beside out")

    def render(self, u: Differentiable, request: "RenderRequest") -> list[Path]:
        from pinnscene.render.surface import render_surface

        beside = self.beside() if request.beside else None
        return render_surface(self.distance_like(u), self.domain, request, request.up or self.up, beside)

    @property
    def up(self) -> str:
        """The axis that points upwards: y in the files of modelling programs and scans, z elsewhere."""
        return upwards(self.data if self.truth.kind in ("mesh", "cloud") else None)

    def beside(self) -> "Differentiable | np.ndarray":
        """What stands beside the reconstruction in pictures: the points of a cloud, else the true surface."""
        truth = self.truth
        if isinstance(truth, CloudShape):
            return truth.points
        if isinstance(truth, SolidShape):
            return FunctionField(lambda p: truth.solid.distance(p.coords), ("x", "y", "z"), ("d",))
        return TrueField(truth)

    def formats(self) -> tuple[str, ...]:
        return (*SURFACES, "npz")

    def export(self, u: Differentiable, request: "ExportRequest") -> "Exported":
        """The surface as a mesh in the file's own units and place, or values on a lattice."""
        if request.format not in SURFACES:
            return export_lattice(self, u, request, self.origin.tolist())
        return export_surface(self.distance_like(u), self.domain, request, tuple(self.origin.tolist()))
