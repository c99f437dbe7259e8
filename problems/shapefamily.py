"""One field for a family of shapes, and shapes that it has never seen from a few of their points."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pinnscene.conditions import ConditionSpec
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.exporting import SURFACES, export_surface
from pinnscene.fieldspec import FieldSpec
from pinnscene.problem import Problem, Reference
from pinnscene.problems.familyfitting import Cloud, given_cloud
from pinnscene.problems.familymethods import METHODS, Method
from pinnscene.problems.familyreconstruction import read_cloud, reconstruct
from pinnscene.problems.familysampling import HALF
from pinnscene.problems.familyscoring import SCORED, scores
from pinnscene.problems.familyshapes import Family, built_in_shapes, folder_shapes, split
from pinnscene.render.request import RenderRequest
from pinnscene.samplers import count
from pinnscene.scenes.shapes import upwards
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.exporting import Exported, ExportRequest

STARTS = 4  # fits of a cloud from a file: it may be of a part of a shape
LARGEST = {"count": 10_000, "code": 1024, "points": 100_000}  # what a machine's memory and a person's patience hold
WATCHED = 4, 2000  # members, and points of each, that the progress display scores


@dataclass(frozen=True)
class ShapeFamily(Problem):
    """u(x, y, z; code): the surfaces of a whole family, each in a unit cube of its own, told apart by latent codes.

    method=decoder: signed distances and one trained code a shape, by |clamp(u) - clamp(d)| and a Gaussian prior on
    the codes (DeepSDF, Park et al. 1901.05103, eq. 9); an unseen shape's code is fitted to its points (eq. 10).
    method=encoder: the logit of inside, and codes from clouds of points by a PointNet, by binary cross-entropy
    (Occupancy Networks, Mescheder et al. 1812.03828); an unseen shape takes one pass.
    Domain: the cube [-1/2, 1/2]^3 around a shape's longest side, with a margin of a tenth in all.
    Default: 80 rounded boxes, tori and capsules, 64 of them trained on.
    Reference: the shapes left out, each from ``points`` of its points; IoU on points never trained on.
    """

    data: str | None = None  # folder of shape files, one a shape; none for the built-in family
    method: Literal["decoder", "encoder"] = "decoder"  # codes that are trained, or that come from clouds
    count: int = 80  # shapes of the built-in family
    family: int = 0  # seed of the built-in family
    unseen: float = 0.2  # share of the shapes left out, from 0 to below 1
    split: int = 0  # seed of the shapes left out
    code: int = 16  # entries of a code
    points: int = 512  # points given of an unseen shape
    noise: float = 0.0  # standard deviation of the given points, in sides of the cube
    n: int = 4096  # points a step
    shapes: int = 16  # shapes a step, n / shapes points of each
    between: tuple[int, int] = (0, 1)  # trained shapes that pictures lead from and to, numbers from 0
    member: int = 0  # which of the unseen shapes export writes, numbers from 0
    cloud: str | None = None  # file of a cloud of points, also of a part, that render and export reconstruct

    def __post_init__(self) -> None:
        for what in ("count", "code", "points", "n", "shapes"):
            count(getattr(self, what), f"shape-family's {what}")
        for what, most in LARGEST.items():
            if getattr(self, what) > most:
                raise PinnsceneError(f"{what} expected at most {most}, got {getattr(self, what)}")
        if self.count < 2:
            raise PinnsceneError(f"a family expected at least 2 shapes, got count={self.count}")
        if not 0 <= self.unseen < 1 or not 0 <= self.noise < 1:
            raise PinnsceneError(
                f"shape-family expected unseen and noise from 0 to below 1, got {self.unseen} and {self.noise}"
            )
        if self.family < 0 or self.split < 0:
            raise PinnsceneError(f"shape-family expected family and split >= 0, got {self.family} and {self.split}")
        last = len(self.learner.family.trained) - 1  # raises on a bad folder, and on shapes that say too little
        if not all(0 <= k <= last for k in self.between):
            raise PinnsceneError(f"between expected two trained shapes from 0 to {last}, got {self.between}")
        most = len(self.members.scored) - 1
        if not 0 <= self.member <= most:
            kind = "unseen" if self.members.unseen else "trained"
            raise PinnsceneError(f"member expected one of the {kind} shapes from 0 to {most}, got {self.member}")

    @cached_property
    def members(self) -> Family:
        """The shapes to train on, and those left out."""
        found = built_in_shapes(self.count, self.family) if self.data is None else folder_shapes(self.data)
        return split(found, self.unseen, self.split)

    @cached_property
    def learner(self) -> Method:
        """The method at work."""
        return METHODS[self.method](self.members, self.code, self.points, self.noise, self.n, self.shapes)

    @property
    def values(self) -> tuple[str, ...]:
        return self.learner.values

    @property
    def domain(self) -> Box:
        return Box(x=(-HALF, HALF), y=(-HALF, HALF), z=(-HALF, HALF))

    def condition(self) -> ConditionSpec:
        return self.learner.condition()

    def constraints(self) -> Mapping[str, Constraint]:
        return self.learner.constraints()

    def data_options(self) -> tuple[str, ...]:
        return ("data",)

    def notes(self) -> list[str]:
        found = (*self.members.trained, *self.members.unseen)
        return [f"{member.name}: {note}" for member in found for note in member.shape.notes]

    def view_options(self) -> tuple[str, ...]:
        return ("between", "member", "cloud")

    def params(self) -> dict[str, Any]:
        return {}

    def plan(self) -> str:
        return "adam"

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        return {"adam": self.learner.adam} if backbone in (None, "mlp") else {}

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        if solver == "head":
            raise PinnsceneError("a family of shapes has codes to train, not a last layer alone: take --solver adam")
        name = backbone or "mlp"
        return FieldSpec(name, knobs=self.learner.network) if name == "mlp" else super().field(solver, name)

    def reference_info(self) -> Reference:
        if self.members.unseen:
            return Reference(
                "held-out", note=f"IoU of {len(self.members.unseen)} shapes never trained on, worst of them"
            )
        return Reference("fitted", note="IoU of the shapes trained on: none is left out")

    def metrics(self, u: Differentiable) -> dict[str, float]:
        """The mean and the least IoU of the shapes left out, each reconstructed from a cloud of its points."""
        found = scores(self.learner, u, self.members.scored)
        return {"iou": sum(found) / len(found), "iou_worst": min(found)}

    def metric_names(self) -> list[str]:
        return ["iou", "iou_worst"]

    def metric_points(self) -> int:
        return SCORED * len(self.members.scored)

    def monitor(self) -> tuple[str, Callable[[Differentiable], float]]:
        few, points = WATCHED
        some = self.members.scored[:few]

        def mean(u: Differentiable) -> float:
            found = scores(self.learner, u, some, points)
            return sum(found) / len(found)

        return "iou", mean

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.problems.familyfigures import draw_figures

        return draw_figures(self, u, folder)

    @cached_property
    def given(self) -> Cloud | None:
        """The cloud to reconstruct, read when it is first asked for: it is no part of what is trained."""
        return None if self.cloud is None else read_cloud(self.cloud, self.learner.most)

    def check_render(self, request: RenderRequest) -> None:
        """A reconstruction takes every option of a view, the way between two shapes none."""
        if self.given is None:
            request.expect_no_view()
        request.expect_surface()

    def render(self, u: Differentiable, request: RenderRequest) -> list[Path]:
        """The reconstruction of ``cloud``; without one the way between two trained shapes."""
        from pinnscene.problems.familyfigures import render_interpolation
        from pinnscene.render.surface import render_surface

        if self.given is None:
            return render_interpolation(self, u, request)
        made = reconstruct(self.learner, u, self.given, STARTS)
        up = request.up or upwards(self.cloud)
        return render_surface(made.u, made.box, request, up, made.points if request.beside else None)

    def formats(self) -> tuple[str, ...]:
        return SURFACES

    def export(self, u: Differentiable, request: "ExportRequest") -> "Exported":
        """The mesh of the reconstruction of ``cloud``, or of one unseen shape's points, in their units and place."""
        if self.given is not None:
            made = reconstruct(self.learner, u, self.given, STARTS)
        else:
            own = given_cloud(self.members.scored[self.member], self.points, self.noise, self.member)
            made = reconstruct(self.learner, u, own)
        own = replace(request, level=(request.level or 0.0) * self.learner.gain(1.0) + 0.0)
        return export_surface(made.u, made.box, own, made.origin)
