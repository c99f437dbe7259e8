"""The surface of a field of light as a mesh, and how near it is to the truth of a built-in scene."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pinnscene.domain import Box
from pinnscene.mesh import Mesh, cell_size, extract, project
from pinnscene.problems.rayexport import colours_of, surface_of
from pinnscene.problems.surfacemetrics import Surface
from pinnscene.rays import PosedCamera
from pinnscene.scenes.raylattice import nearest
from pinnscene.scenes.raytruth import geometry
from pinnscene.scenes.winding import Frame

if TYPE_CHECKING:
    from pinnscene.radiance import RadianceField
    from pinnscene.scenes.rayscene import Scene
    from pinnscene.scenes.views import Views

CHUNK = 1 << 16


def surface_mesh(u: "RadianceField", box: Box, resolution: int = 128) -> Mesh:
    """The surface of a field of light in a box, with normals and the colours that are seen along them.

    Raises:
        PinnsceneError: no surface in the box.
    """
    field, level, _ = surface_of(u, box, resolution)
    mesh = extract(field, box, resolution, level)
    mesh = project(field, mesh, cell_size(box, resolution), level)
    return replace(mesh, colours=colours_of(u, mesh))


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
