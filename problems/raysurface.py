"""Surfaces from posed pictures: the fields, the constraints and the scores of a distance that rays see."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.mesh import Mesh, cell_size, extract, project
from pinnscene.operators import gradient
from pinnscene.penalty import square
from pinnscene.problems.surfacemetrics import Surface
from pinnscene.rays import PosedCamera
from pinnscene.scenes.raylattice import nearest
from pinnscene.scenes.raytruth import geometry
from pinnscene.scenes.winding import Frame

if TYPE_CHECKING:
    from pinnscene.radiance import RadianceField
    from pinnscene.radiance.surfacefield import SurfaceField
    from pinnscene.radiance.surfacelevel import Level
    from pinnscene.scenes.rayscene import Scene
    from pinnscene.scenes.views import Views

Geometry = Literal["density", "neus", "volsdf"]
PRESETS = ("grid", "hash")
KNOBS = {"activation": "softplus", "beta": 100.0}  # a distance bends little, and nowhere sharply
SHARE = 8  # points a step, of the rays
OUTSIDE = 10.0  # weight of distances below 0 in cells that pictures show to be empty
CHUNK = 1 << 16


def shaped(spec: FieldSpec, geometry: Geometry) -> FieldSpec:
    """A radiance field's description as that of a distance under one of the laws; ``density`` leaves it as it is."""
    if geometry == "density":
        return spec
    if spec.backbone not in PRESETS:
        raise PinnsceneError(
            f"geometry {geometry} expected backbone {' or '.join(PRESETS)}, got {spec.backbone}: a surface is found "
            "on a grid"
        )
    return replace(spec, kind="surface", knobs={**spec.knobs, **KNOBS, "law": geometry})


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
    lower, upper = torch.tensor(domain.lower), torch.tensor(domain.upper)

    def residual(u: "SurfaceField", p: Points) -> Mapping[str, Tensor]:
        """``eikonal``: |grad d| - 1 [n, 2] at points and, about, at the places of the surface next to them.

        ``outside``: how far [n, 1] a point of a cell that is known to be empty is inside, where no ray asks.
        """
        distance = u.distance()
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


def surface_mesh(u: "RadianceField", box: Box, resolution: int = 128) -> Mesh:
    """The surface of a field of light in a box, with normals and the colours that are seen along them.

    Raises:
        PinnsceneError: no surface in the box.
    """
    level_of, level = u.surface()
    mesh = extract(level_of, box, resolution, level)
    mesh = project(level_of, mesh, cell_size(box, resolution), level)
    return replace(mesh, colours=_colours(u, mesh))


@torch.no_grad()
def _colours(u: "RadianceField", mesh: Mesh) -> NDArray[np.uint8]:
    """The colours [v, 3] of a mesh's vertices, each looked at straight on."""
    x, n = (torch.from_numpy(np.asarray(t)).to(u.device, u.dtype) for t in (mesh.vertices, mesh.normals))
    parts = [u.bind(direction=-b)(a)[:, 1:] for a, b in zip(x.split(CHUNK), n.split(CHUNK), strict=True)]
    return (torch.cat(parts).clamp(0, 1) * 255).round().byte().cpu().numpy()


def surface_errors(mesh: Mesh, scene: "Scene", views: "Views", numbers: Sequence[int]) -> dict[str, float]:
    """How near a mesh is to the true surface of a built-in scene, in shares of the diagonal of the views' box.

    Args:
        mesh: such as from ``surface_mesh``.
        scene: gives true distances.
        views: pictures of it.
        numbers: of the pictures whose pixels say where the surface is: a face that no camera sees is not asked for.

    Returns:
        accuracy: mean distance from the mesh's vertices to the true surface.
        completeness: mean distance from the true surface, as the pictures show it, to the mesh.
        chamfer_l1: the mean of these two.
    """
    diagonal = float(np.linalg.norm(np.asarray(views.upper) - views.lower))
    vertices = torch.from_numpy(mesh.vertices)
    away = torch.cat([nearest(scene.items, part).distance.abs() for part in vertices.split(CHUNK)])
    frame = Frame(np.stack([views.lower, views.upper]))
    seen = np.concatenate([seen_points(scene, views.cameras[k]) for k in numbers])
    missed, _ = Surface(mesh, frame).nearest(frame(seen))
    accuracy, completeness = float(away.mean()) / diagonal, float(missed.mean()) * frame.size / diagonal
    return {"accuracy": accuracy, "completeness": completeness, "chamfer_l1": (accuracy + completeness) / 2}


def seen_points(scene: "Scene", camera: PosedCamera) -> NDArray[np.float64]:
    """The points [n, 3] of a scene's surface that the middles of a camera's pixels show."""
    depth, _ = geometry(scene, camera)
    pixel = torch.from_numpy(np.flatnonzero(np.isfinite(depth)))
    beams = camera.rays(pixel)
    return (beams.origins + torch.from_numpy(depth.reshape(-1)).double()[pixel, None] * beams.directions).numpy()
