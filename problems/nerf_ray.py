"""A scene from posed pictures: density and colour such that rays see what the pictures show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.fieldspec import FieldSpec
from pinnscene.penalty import Penalty, absolute, square
from pinnscene.problem import Problem, Reference
from pinnscene.problems.hull import Silhouette, silhouettes, tightened, visual_hull
from pinnscene.problems.rayfields import FIELDS, RAYS, adam_of, field_of
from pinnscene.problems.raysampling import RaySampler
from pinnscene.problems.rayscores import Scorer, psnr
from pinnscene.problems.raysurface import Geometry, shaped, steadied, surface_terms
from pinnscene.rays import RayBatch
from pinnscene.rays.composite import composite
from pinnscene.rays.regularisers import REGULARISERS
from pinnscene.samplers import count
from pinnscene.scenes.rayscenes import scene_views
from pinnscene.scenes.viewfiles import load_views
from pinnscene.scenes.views import Views
from pinnscene.scenes.viewstore import PixelStore
from pinnscene.seeds import generator
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.exporting import Exported, ExportRequest, Kind
    from pinnscene.field import Field
    from pinnscene.radiance import RadianceField
    from pinnscene.render.request import RenderRequest

WHITE = (1.0, 1.0, 1.0)
HEX = "0123456789abcdefABCDEF"
MOST_VIEWS, MOST_PIXELS = 10_000, 1 << 28  # that are rendered; two cores take some 100 000 pixels a second
WATCHED = 4096  # rays that the progress display scores


@dataclass(frozen=True)
class NerfRay(Problem):
    """C(r) = integral of T(t) sigma(r(t)) c(r(t), d) dt, T(t) = exp(-(integral of sigma up to t)), for every ray r.

    Domain: a box x, y, z around what the cameras look at, in the file's own units; without end where pictures show a
    background. Values: density (one over length) and the colour r, g, b from 0 to 1 that leaves along a direction.
    Conditions: C(r) = the colour of the pixel that each ray of the training pictures goes through
    (Mildenhall et al. 2003.08934, equation 1; its quadrature, equation 3).
    Default: a built-in scene, its pictures rendered on the spot by a ray tracer.
    Reference: views that no step was trained on ("held-out"): every eighth, or the split that the data gives.
    """

    data: str | None = None  # folder or file of posed pictures: Blender, nerfstudio, instant-ngp, LLFF, COLMAP
    scene: str = "still-life"  # built-in scene, or a scene file (TOML), where there is no data
    size: int = 128  # pixels along a side of a built-in scene's pictures
    train: int = 50  # training views of a built-in scene; a fifth as many more are held out
    downscale: int = 1  # shrink pictures by this factor
    backdrop: str = "auto"  # behind transparent pictures: white, black, RRGGBB; auto for the data's own or white
    random: bool = True  # train transparent pictures over random colours
    n: int = 2048  # rays a step; fewer, unless asked for, where every sample takes a large network
    distortion: float = 0.01  # weight of the distortion along rays
    entropy: float = 0.0  # weight of the opacity's entropy
    variation: float = 0.0  # weight of the density's total variation
    depth: float = 0.0  # weight of known depths, where the data has them
    geometry: Geometry = "density"  # density, or a surface: neus, volsdf
    eikonal: float = 0.1  # weight of |grad d| = 1, where there is a surface

    def __post_init__(self) -> None:
        count(self.n, "nerf-ray's n, rays a step,")
        count(self.downscale, "nerf-ray's downscale")
        if not 8 <= self.size <= 4096:
            raise PinnsceneError(f"nerf-ray's size expected 8 to 4096 pixels, got {self.size}")
        if self.data is None and self._side < 8:
            raise PinnsceneError(
                f"nerf-ray's downscale expected at most {self.size // 8}, for pictures of at least 8 pixels, "
                f"got {self.downscale}"
            )
        if not 1 <= self.train <= MOST_VIEWS or self.train * self._side**2 > MOST_PIXELS:
            raise PinnsceneError(
                f"nerf-ray's train expected 1 to {MOST_VIEWS} views of {MOST_PIXELS // 10**6} million pixels in all, "
                f"got {self.train} of {self._side}x{self._side}"
            )
        for name, weight in {**self._weights, "eikonal": self.eikonal}.items():
            if not 0 <= weight < inf:
                raise PinnsceneError(f"nerf-ray's {name} expected a weight of 0 or more, got {weight}")
        if self.depth and self.posed.read_depth is None:
            raise PinnsceneError("nerf-ray's depth needs data with depth pictures: leave its weight out")
        _ = self.posed  # raises on bad data

    @property
    def _side(self) -> int:
        """Pixels along a side of a built-in scene's pictures."""
        return self.size // self.downscale

    @property
    def _weights(self) -> dict[str, float]:
        names = ("distortion", "entropy", "variation", "depth")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def posed(self) -> Views:
        """The pictures with their cameras, in a box no larger than what they show."""
        return self._given if self.data is None else tightened(self._given, self._silhouettes)

    @cached_property
    def _given(self) -> Views:
        behind = colour_of(self.backdrop)
        if self.data is None:
            made = scene_views(self.scene, (self._side, self._side), self.train, max(1, self.train // 5))
            return replace(made, background=behind or made.background)
        return load_views(self.data, self.downscale, behind)

    @cached_property
    def _silhouettes(self) -> list[Silhouette]:
        return silhouettes(self._given)

    @property
    def values(self) -> tuple[str, ...]:
        return ("density", "r", "g", "b")

    @cached_property
    def domain(self) -> Box:
        low, high = self.posed.lower, self.posed.upper
        return Box(**{axis: (float(l), float(h)) for axis, l, h in zip("xyz", low, high, strict=True)})

    @cached_property
    def side(self) -> int:
        """Pixels along the longest side of the largest picture."""
        return max(max(camera.size) for camera in self.posed.cameras)

    @cached_property
    def _store(self) -> PixelStore:
        return PixelStore(self._supervised, self.posed.train)

    @cached_property
    def _unseen(self) -> PixelStore:
        return PixelStore(self._supervised, self.posed.test or self.posed.train)

    @property
    def _supervised(self) -> Views:
        """Depths are read only where they are asked for."""
        return self.posed if self.depth else replace(self.posed, read_depth=None)

    def constraints(self) -> Mapping[str, Constraint]:
        posed = self.posed
        behind = None if self.random and posed.transparent else posed.background or WHITE
        sampler = RaySampler(lambda: self._store, lambda: self._unseen, posed.near, posed.far, self.n, behind)
        asked = {name: weight for name, weight in self._weights.items() if weight}
        penalty: dict[str, Penalty] = {"colour": square, "coarse": square, **dict.fromkeys(asked, absolute)}
        weight = {"colour": 1.0, "coarse": 1.0, **asked}
        rays = Constraint(sampler, self._residual, penalty, weight)
        return {"rays": rays, **surface_terms(self.geometry, self.domain, self.n, self.eikonal)}

    def _residual(self, u: "RadianceField", rays: RayBatch) -> Mapping[str, Tensor]:
        assert rays.colour is not None
        seen = composite(u, rays)
        blocks = {"colour": seen.colour - rays.colour}
        if seen.coarse is not None:
            blocks["coarse"] = seen.coarse - rays.colour
        return blocks | {name: REGULARISERS[name](u, rays, seen) for name, w in self._weights.items() if w}

    def prepare(self, u: "Field") -> None:
        """Empty the part of space that transparent pictures show to be empty."""
        occupancy = getattr(u, "occupancy", None)
        if occupancy is None or self.posed.unbounded:
            return
        held = visual_hull(self.posed, self._silhouettes, occupancy.cells)
        if held is not None and bool(held.any()):
            occupancy.restrict(held)

    def notes(self) -> list[str]:
        return list(self.posed.notes)

    def params(self) -> dict[str, Any]:
        return {}

    def data_options(self) -> tuple[str, ...]:
        return ("data", "scene") if self.scene.endswith(".toml") else ("data",)

    def plan(self) -> str:
        return "adam"

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        name = backbone or "grid"
        fewer = {"rays": {"n": RAYS[name]}} if name in RAYS and self.n == type(self).n else {}
        return {"adam": steadied(adam_of(name, self.side, self.data is None), self.geometry), **fewer}

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        name = backbone or "grid"
        known = field_of(name, self.side, self.posed.unbounded)
        if known is None:
            raise unknown("backbone for rays", name, FIELDS)
        return shaped(known, self.geometry)

    def reference_info(self) -> Reference:
        if not self.posed.test:
            return Reference("fitted", note="scored on the views that were trained on: there are no others")
        return Reference("held-out", note=f"{len(self.posed.test)} views that no step was trained on")

    @property
    def scored(self) -> tuple[int, ...]:
        """The views that scores are taken on: those held out, or where there are none, those trained on."""
        return self.posed.test or self.posed.train

    def metrics(self, u: Differentiable) -> dict[str, float]:
        """Means over the scored views of PSNR in dB and SSIM."""
        return self._scores(as_light(u)).means()

    @cached_property
    def _scores(self) -> Scorer:
        return Scorer(self.posed, self.scored)

    def remarks(self, u: Differentiable) -> list[str]:
        return self._scores(as_light(u)).remarks()

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.problems.rayfigures import draw_ray_figures

        light = as_light(u)
        return draw_ray_figures(light, self.posed, self._scores(light), folder)

    def check_render(self, request: "RenderRequest") -> None:
        from pinnscene.problems.rayrender import check_rays

        check_rays(request)

    def render(self, u: Differentiable, request: "RenderRequest") -> list[Path]:
        from pinnscene.problems.rayrender import render_rays

        return render_rays(as_light(u), self.posed, request)

    def exports(self) -> "Mapping[str, Kind]":
        from pinnscene.problems.rayexport import KINDS

        return KINDS

    def formats(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(f for kind in self.exports().values() if not kind.folder for f in kind.formats))

    def export(self, u: Differentiable, request: "ExportRequest") -> "Exported":
        from pinnscene.problems.rayexport import export_rays

        return export_rays(self, as_light(u), request)

    def metric_names(self) -> list[str]:
        return ["psnr", "ssim"]

    def metric_points(self) -> int:
        sizes = [self.posed.cameras[k].size for k in self.scored]
        return sum(width * height for width, height in sizes)

    def monitor(self) -> tuple[str, Callable[[Differentiable], float]]:
        sampler = RaySampler(lambda: self._unseen, lambda: self._unseen, self.posed.near, self.posed.far, WATCHED)
        sampler = replace(sampler, background=self.posed.background or WHITE)
        rays = sampler(generator(0, "monitor"))

        def watched(u: Differentiable) -> float:
            light = as_light(u)
            with torch.no_grad():
                seen = composite(light, rays.to(light.device, light.dtype)).colour.clamp(0, 1)
            assert rays.colour is not None
            return psnr(seen.cpu().double().numpy(), rays.colour.numpy())

        return "psnr", watched


def as_light(u: Differentiable) -> "RadianceField":
    """``u`` as a field of light, or ``PinnsceneError``."""
    from pinnscene.radiance import RadianceField

    if not isinstance(u, RadianceField):
        raise PinnsceneError(f"nerf-ray expected a field of light, got {type(u).__name__}")
    return u


def colour_of(text: str) -> tuple[float, float, float] | None:
    """A colour from 0 to 1 of a name or RRGGBB; None for "auto"."""
    from matplotlib.colors import to_rgb

    if text == "auto":
        return None
    try:
        red, green, blue = to_rgb(f"#{text}" if len(text) == 6 and all(c in HEX for c in text) else text)
    except ValueError:
        raise PinnsceneError(f"backdrop expected a colour, such as white, black or ff8800, got '{text}'") from None
    return red, green, blue
