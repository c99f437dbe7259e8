"""Rays through a field of light: the colour, opacity, depth and normal that each of them sees."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from pinnscene.errors import PinnsceneError
from pinnscene.memory import GIB, free_memory
from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.inverse import refine
from pinnscene.rays.samples import Samples
from pinnscene.rays.volume import weigh

if TYPE_CHECKING:
    from pinnscene.radiance.field import RadianceField
    from pinnscene.radiance.glow import Glow

Look = Callable[["RadianceField", "Glow", RayBatch, Samples], tuple[Samples, Tensor, Tensor]]
FAINT = 1e-4  # weights below are not worth a colour
DIM = 1e-4  # where less light than this comes through, nothing behind is looked at
LARGE = 1 << 20  # samples of a step that are asked about
KEPT = 8  # bytes a number of the network at each of them: itself in single precision, and its slope
FRONT = 8  # stretches of a ray to look at before asking whether light still comes through


@dataclass(frozen=True, eq=False)
class Rendered:
    """What n rays see.

    Attributes:
        colour: [n, 3], the background included.
        opacity: the share of light that does not come from the background [n, 1].
        depth: the mean distance of what is seen along the ray [n, 1]; the ray's far end where nothing is.
        normal: [n, 3] the mean of the unit normals, as long as the opacity; None where not asked for.
        coarse: the colour that the coarse network sees [n, 3], or None.
        samples: the stretches that were looked at.
        tau, weights: their optical depths and what they add to the light [m].
    """

    colour: Tensor
    opacity: Tensor
    depth: Tensor
    normal: Tensor | None
    coarse: Tensor | None
    samples: Samples
    tau: Tensor
    weights: Tensor


def composite(u: "RadianceField", rays: RayBatch, normals: bool = False) -> Rendered:
    """Look along rays. Without gradients a ray ends where no more light comes through.

    Args:
        u: the field.
        rays: in its units and precision.
        normals: the mean normal too: minus the density's gradient, of unit length.
    """
    samples, coarse = u.march(rays), None
    if u.coarse is not None:
        first = _light(u, u.coarse, rays, samples, False, _all)
        coarse = first.colour
        samples = refine(first.samples, first.weights.detach(), rays, u.fine)
    look = _all if torch.is_grad_enabled() else _in_front
    return replace(_light(u, u, rays, samples, normals, look), coarse=coarse)


def check_step(u: "RadianceField", samples: Samples) -> None:
    """Raise ``PinnsceneError`` where gradients of a step with so many samples take more memory than is free."""
    if len(samples) < LARGE:
        return
    numbers = u.encoding.outputs + sum(p.shape[0] for p in u.parameters() if p.ndim == 1)  # a bias is a unit
    needed, there = KEPT * numbers * len(samples), free_memory()
    if needed > there:
        raise PinnsceneError(
            f"a step looks at {len(samples) / 1e6:.3g} million places and takes about {needed / GIB:.3g} GiB of "
            f"memory, {there / GIB:.3g} GiB are free: take fewer rays (n) or fewer field.samples"
        )


def _light(u: "RadianceField", glow: "Glow", rays: RayBatch, samples: Samples, normals: bool, look: Look) -> Rendered:
    if torch.is_grad_enabled() and rays.near.device.type == "cpu":
        check_step(u, samples)
    samples, tau, features = look(u, glow, rays, samples)
    weights, through = weigh(samples, tau)
    bright = (weights > FAINT).nonzero()[:, 0]
    colours = glow.colours(features[bright], rays.directions[samples.ray[bright]])
    colour = samples.total(weights[bright, None] * colours, bright) + through * rays.background
    opacity = 1 - through
    reach = samples.total((weights * samples.middle)[:, None])
    depth = torch.where(opacity > FAINT, reach / opacity.clamp(min=FAINT), rays.far)
    normal = None
    if normals:
        facing = _normals(u, glow, rays, samples.chosen(bright))
        normal = samples.total(weights[bright, None] * facing, bright)
    return Rendered(colour, opacity, depth, normal, None, samples, tau, weights)


def _points(rays: RayBatch, samples: Samples) -> Tensor:
    return rays.origins[samples.ray] + samples.middle[:, None] * rays.directions[samples.ray]


def _all(u: "RadianceField", glow: "Glow", rays: RayBatch, samples: Samples) -> tuple[Samples, Tensor, Tensor]:
    tau, features = _crossed(u, glow, rays, samples)
    return samples, tau, features


def _crossed(u: "RadianceField", glow: "Glow", rays: RayBatch, samples: Samples) -> tuple[Tensor, Tensor]:
    x, d = _points(rays, samples), rays.directions[samples.ray]
    if not u.antialias:
        return glow.cross(x, d, samples.length, u.setting)
    width = rays.radius[samples.ray] * samples.middle[:, None]
    return glow.cross(x, d, samples.length, u.setting, u.spread(x, width, samples.length))


def _in_front(u: "RadianceField", glow: "Glow", rays: RayBatch, samples: Samples) -> tuple[Samples, Tensor, Tensor]:
    """The stretches that light still comes through to, a few of each ray at a time."""
    depth = rays.near.new_zeros(len(rays))  # optical, of what was looked at
    rows, taus, features = [], [], []
    for first in range(0, samples.width, FRONT):
        near = (samples.slot >= first) & (samples.slot < first + FRONT) & (depth[samples.ray] < -log(DIM))
        for row in near.nonzero()[:, 0].split(u.chunk):
            some = samples.chosen(row)
            tau, feature = _crossed(u, glow, rays, some)
            depth.index_add_(0, some.ray, tau)
            rows.append(row)
            taus.append(tau)
            features.append(feature)
    order = torch.cat(rows).argsort()
    return samples.chosen(torch.cat(rows)[order]), torch.cat(taus)[order], torch.cat(features)[order]


def _normals(u: "RadianceField", glow: "Glow", rays: RayBatch, samples: Samples) -> Tensor:
    """Unit normals at stretches [m, 3]: down the slope of what is there."""
    x = _points(rays, samples)
    parts = [glow.slope(some, u.setting) for some in x.split(8 * u.chunk)]
    return -F.normalize(torch.cat(parts), dim=1) if parts else x
