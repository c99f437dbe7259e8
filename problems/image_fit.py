"""A picture as a field: the colour at every point of its plane."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.metrics import evaluate, psnr
from pinnscene.problem import Problem, Reference
from pinnscene.problems.pixels import Pixels, PixelSampler, random_split, read_mask, select
from pinnscene.render.picture import render_picture, sample
from pinnscene.render.request import RenderRequest
from pinnscene.samplers import count
from pinnscene.scenes.pictures import Picture, built_in, load_picture
from pinnscene.seeds import generator
from pinnscene.views import Differentiable

SIDE = 256  # of a built-in picture where none is asked for
WATCHED = 4096  # pixels that the progress display scores

# The field, and Adam's knobs, that fit the astronaut soonest on two cores, by preset.
FIELDS: dict[str, dict[str, Any]] = {
    "grid": {
        "levels": 6,
        "coarsest": 16,
        "features": 4,
        "interpolation": "linear",
        "width": 64,
        "depth": 2,
        "activation": "relu",
    },
    "siren": {"width": 128, "depth": 3, "first": 60.0, "omega": 30.0},
    "fourier": {"width": 128, "depth": 2, "features": 256, "sigma": 10.0, "activation": "gelu"},
}
ADAM: dict[str, dict[str, Any]] = {
    "grid": {"lr": 2e-3, "encoding": 5.0, "eps": 1e-15, "warmup": 20, "steps": 1000},
    "siren": {"lr": 1.2e-3, "steps": 4000},
    "fourier": {"lr": 6e-3, "steps": 2500},
}
FINEST = 1024  # cells along each axis of a grid: no more than a picture has pixels, and no more than these
MOST_STEPS = 4  # so many times the steps for large pictures
# Where gaps are to be filled in: lower frequencies and fewer steps, as long fits ring between the known pixels, and
# no grid of its own accord: its cells know nothing of their neighbours.
SMOOTH: dict[str, dict[str, Any]] = {"siren": {"first": 30.0}, "fourier": {"sigma": 5.0}, "grid": {"finest": 64}}
SMOOTH_STEPS = 1500


@dataclass(frozen=True)
class ImageFit(Problem):
    """u(x, y) = the colour of a picture at the centre of each pixel, by least squares.

    Domain: x from 0 to the width and y from 0, the top, to the height, in pixels; pixel (i, j) has its centre
    at (i + 1/2, j + 1/2). Values from 0 to 1, named r, g, b (and a with transparency) or grey.
    Default: scikit-image's astronaut, shrunk to 256 x 256 pixels.
    Inpainting: ``mask`` or ``heldout`` keeps pixels from training, and the field fills them in.
    Reference: the picture's own pixels. The PSNR is taken on the pixels left out ("held-out"), or where there
    are none on those that were trained on ("fitted"); the SSIM always on the whole picture.
    """

    data: str | None = None  # picture file: PNG, JPEG, TIFF ..., grey or colour; none for a built-in picture
    image: Literal["astronaut", "camera", "coffee", "checkerboard", "circles"] = "astronaut"  # built-in picture
    side: int = 0  # longest side to shrink the picture to, pixels; 0 keeps a file's size, 256 for built-in ones
    mask: str | None = None  # grey picture of the same size: bright pixels are trained on, dark ones left out
    heldout: float = 0.0  # share of the pixels left out at random, from 0 to below 1
    split: int = 0  # seed of the pixels left out at random
    n: int = 2048  # pixels a step

    def __post_init__(self) -> None:
        if self.side < 0 or self.split < 0:
            raise PinnsceneError(f"image-fit expected side and split >= 0, got {self.side} and {self.split}")
        if not 0 <= self.heldout < 1:
            raise PinnsceneError(f"image-fit expected heldout from 0 to below 1 (a share), got {self.heldout}")
        if self.mask is not None and self.heldout:
            raise PinnsceneError("image-fit expected mask or heldout, got both: give one of them")
        count(self.n, "image-fit's n, pixels a step,")
        _ = self.trained  # raises on a bad picture or mask

    @cached_property
    def picture(self) -> Picture:
        """The picture to fit."""
        if self.data is None:
            return built_in(self.image, self.side or SIDE)
        loaded = load_picture(self.data)
        return loaded.shrunk(self.side) if self.side else loaded

    @cached_property
    def trained(self) -> np.ndarray:
        """Which pixels are trained on, booleans [height, width]."""
        if self.mask is not None:
            return read_mask(self.mask, self.picture.size)
        return random_split(self.picture.size, self.heldout, self.split)

    @property
    def scored(self) -> np.ndarray:
        """Which pixels the PSNR is taken on, booleans [height, width]: those left out, or all."""
        return self.trained if self.trained.all() else ~self.trained

    @property
    def values(self) -> tuple[str, ...]:
        return self.picture.values

    @cached_property
    def domain(self) -> Box:
        width, height = self.picture.size
        return Box(x=(0, width), y=(0, height))

    def frame(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """A square around the picture, so that both axes have the same frequencies."""
        half = max(self.picture.size) / 2
        centre = [side / 2 for side in self.picture.size]
        return tuple(c - half for c in centre), tuple(c + half for c in centre)

    def constraints(self) -> Mapping[str, Constraint]:
        return {"pixels": Constraint(PixelSampler(self._pixels, self.n), lambda u, p: u(p.xy) - p.colour)}

    @cached_property
    def _pixels(self) -> Pixels:
        return select(self.picture, self.trained)

    def params(self) -> dict[str, Any]:
        return {}

    def data_options(self) -> tuple[str, ...]:
        return ("data", "mask")

    def plan(self) -> str:
        return "adam"

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        own = ADAM.get(backbone or self.preset, {})
        if not self.trained.all():
            return {"adam": {**own, "steps": SMOOTH_STEPS}}
        width, height = self.picture.size
        more = min(MOST_STEPS, max(1.0, sqrt(width * height) / SIDE))
        return {"adam": {**own, "steps": round(own["steps"] * more)} if own else own}

    @property
    def preset(self) -> str:
        """The backbone that suits best: a grid, or where gaps are to be filled in a SIREN."""
        return "grid" if self.trained.all() else "siren"

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        name = backbone or self.preset
        if name not in FIELDS or solver == "head":
            return super().field(solver, name)
        finest = {"finest": min(FINEST, max(16, *self.picture.size))} if name == "grid" else {}
        return FieldSpec(name, knobs=FIELDS[name] | finest | ({} if self.trained.all() else SMOOTH[name]))

    def reference(self, p: Points) -> Tensor:
        """The colour of the pixel that each point lies in."""
        width, height = self.picture.size
        column, row = p.coords.cpu().long().unbind(1)
        picture = torch.from_numpy(self.picture.pixels).double()
        return picture[row.clamp(0, height - 1), column.clamp(0, width - 1)]

    def reference_info(self) -> Reference:
        if self.trained.all():
            return Reference("fitted", note="scored on the pixels that were trained on")
        return Reference("held-out", note="PSNR on the pixels left out, SSIM of the whole picture")

    def metrics(self, u: Differentiable) -> dict[str, float]:
        """PSNR in dB on the scored pixels, SSIM of the whole picture (where it has 7 x 7 pixels or more)."""
        value, truth = sample(u, self.domain, self.picture.size).clip(0, 1), self.picture.pixels
        scores = {"psnr": psnr(*(torch.from_numpy(v[self.scored]).double() for v in (value, truth)))}
        if min(self.picture.size) >= 7:
            from skimage.metrics import structural_similarity

            scores["ssim"] = np.asarray(structural_similarity(truth, value, channel_axis=2, data_range=1.0)).item()
        return scores

    def metric_names(self) -> list[str]:
        return ["psnr", "ssim"] if min(self.picture.size) >= 7 else ["psnr"]

    def metric_points(self) -> int:
        return int(self.scored.sum())

    def monitor(self) -> tuple[str, Callable[[Differentiable], float]]:
        pixels = PixelSampler(select(self.picture, self.scored), WATCHED)(generator(0, "monitor"))
        p, truth = Points(pixels.xy, self.domain.axes), pixels.colour.double()
        return "psnr", lambda u: psnr(evaluate(u, p).clamp(0, 1), truth)

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.problems.imagefigures import draw_figures

        return draw_figures(self, u, folder)

    def render(self, u: Differentiable, request: RenderRequest) -> list[Path]:
        return render_picture(u, self.domain, request, self.picture.size)
