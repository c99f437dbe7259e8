"""Surfaces from posed pictures: the fields, the solver's knobs and the constraints of a distance that rays see."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.operators import gradient
from pinnscene.penalty import square

if TYPE_CHECKING:
    from pinnscene.radiance.surfacefield import SurfaceField
    from pinnscene.radiance.surfacelevel import Level

Geometry = Literal["density", "neus", "volsdf"]
PRESETS = ("grid", "hash")
COARSER = 2  # times as wide as those of the colours are the cells of a distance, which bends less
MORE = 2.0  # times as many steps as for a density: as many again once the surface is formed
SHARE = 2  # points a step, of the rays
OUTSIDE = 10.0  # weight of distances below 0 in cells that pictures show to be empty


def shaped(spec: FieldSpec, geometry: Geometry) -> FieldSpec:
    """A radiance field's description as that of a distance under one of the laws; ``density`` leaves it as it is."""
    if geometry == "density":
        return spec
    if spec.backbone not in PRESETS:
        raise PinnsceneError(
            f"geometry {geometry} expected backbone {' or '.join(PRESETS)}, got {spec.backbone}: a surface is found "
            "on a grid"
        )
    nodes = spec.knobs["finest"] // COARSER
    return replace(spec, kind="surface", knobs={**spec.knobs, "law": geometry, "nodes": nodes})


def steadied(adam: Mapping[str, Any], geometry: Geometry) -> dict[str, Any]:
    """Adam's knobs for a distance from those for a density."""
    return dict(adam) if geometry == "density" else {**adam, "steps": round(MORE * adam["steps"])}


def surface_terms(geometry: Geometry, domain: Box, n: int, weight: float) -> Mapping[str, Constraint]:
    """What makes a field a distance, beside its pictures: |grad d| = 1 (Gropp et al. 2002.10099, equation 2).

    Args:
        geometry: none for ``density``.
        domain: where the points are drawn.
        n: rays a step, from which the number of points follows.
        weight: of the eikonal residual.
    """
    if geometry == "density":
        return {}
    lower, upper = (torch.tensor(c, dtype=torch.float64) for c in (domain.lower, domain.upper))

    def residual(u: "SurfaceField", p: Points) -> Mapping[str, Tensor]:
        """``eikonal``: |grad d| - 1 [n, 2] at points and, about, at the places of the surface next to them.

        Nothing is asked as long as rays see a density.

        ``outside``: how far [n, 1] a point of a cell that is known to be empty is inside, where no ray asks.
        """
        distance = u.distance()
        if distance is None:
            none = (0 * u.law.width).expand(len(p), 1)  # what does not depend on the field at all is refused
            return {"eikonal": none.expand(-1, 2), "outside": none}
        value, slope = _with_slope(distance, p.coords)
        with torch.no_grad():
            way = value * slope / slope.square().sum(1, keepdim=True).clamp(min=1e-6)
            near = torch.minimum(torch.maximum(p.coords - way, lower.to(way)), upper.to(way))
        beside = gradient(distance, near)
        eikonal = torch.cat([s.norm(dim=1, keepdim=True) - 1 for s in (slope, beside)], 1)
        return {"eikonal": eikonal, "outside": F.relu(-value / u.unit) * u.known_empty(p.coords)}

    weights = {"eikonal": weight, "outside": OUTSIDE}
    return {"surface": Constraint(domain.interior(max(1, n // SHARE)), residual, square, weights)}


def _with_slope(u: "Level", x: Tensor) -> tuple[Tensor, Tensor]:
    """Values [n, 1] and gradients [n, 3]."""
    value, *slopes = u.derivatives(x, [{(): 1.0}, *({(axis,): 1.0} for axis in range(3))])
    return value, torch.cat(slopes, 1)
