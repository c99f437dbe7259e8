"""Scores of a mesh against the true surface: distances, F-score, normals, on points drawn for this alone.

Distances go from random points of one surface to the nearest triangle of the other: between two clouds of points
they would be no less than the clouds' own spacing. All are relative to the diagonal of the truth's bounding box.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.mesh import Mesh
from pinnscene.seeds import generator

Array = NDArray[np.float64]

SAMPLES = 100_000  # points drawn on each surface
CHUNK = 1 << 18  # points whose nearest triangles are looked up at a time
NEAR = 0.01  # the F-score's threshold, of the diagonal


class Surface:
    """A mesh to draw points on and to measure distances to; faces without area are left out.

    Attributes:
        corners: of the faces [f, 3 corners, 3], relative to ``origin`` [3]: libigl loses digits far from it.
        areas, normals: of the faces [f] and [f, 3]; the normals are outward for faces counter-clockwise from outside.
    """

    def __init__(self, mesh: Mesh, origin: Array) -> None:
        from igl import AABB

        vectors = mesh.area_vectors()
        areas = np.linalg.norm(vectors, axis=1)
        kept = areas > 0
        self.corners = mesh.corners()[kept] - origin
        self.areas, self.normals = areas[kept], vectors[kept] / areas[kept, None]
        self.vertices, self.faces = mesh.vertices - origin, np.ascontiguousarray(mesh.faces[kept], dtype=np.int64)
        self.tree = AABB()
        if len(self):
            self.tree.init(self.vertices, self.faces)

    def __len__(self) -> int:
        return len(self.areas)

    def sample(self, n: int, g: torch.Generator) -> tuple[Array, Array]:
        """``n`` random points [n, 3] and their faces' normals [n, 3], by area: one in each of n equal shares of it."""
        ends = self.areas.cumsum()
        places = (np.arange(n) + _uniform(n, g)) / n * ends[-1]
        face = np.searchsorted(ends, places, side="right").clip(max=len(self) - 1)
        r, s = np.sqrt(_uniform(n, g)), _uniform(n, g)  # the root: uniform on the triangle
        weights = np.stack([1 - r, r * (1 - s), r * s], 1)
        return np.einsum("nk,nkd->nd", weights, self.corners[face]), self.normals[face]

    def nearest(self, points: Array) -> tuple[Array, Array]:
        """From points [n, 3]: distances [n] to the surface and the normals [n, 3] of the nearest faces."""
        distances, normals = np.empty(len(points)), np.empty((len(points), 3))
        for start in range(0, len(points), CHUNK):
            rows = slice(start, start + CHUNK)
            squares, face, _ = self.tree.squared_distance(self.vertices, self.faces, points[rows])
            distances[rows], normals[rows] = np.sqrt(squares.clip(min=0)), self.normals[face]
        return distances, normals


def surface_scores(mesh: Mesh, truth: Mesh, n: int = SAMPLES, seed: int = 0) -> dict[str, float]:
    """How near two surfaces are, both ways.

    Args:
        mesh: the result; one without faces scores an ``f_score`` of 0, the other scores are then left out.
        truth: the true surface, in the same units.
        n: points drawn on each of the two.
        seed: of the points; the stream is their own.

    Returns:
        accuracy: mean distance from the result to the truth, of the diagonal.
        completeness: mean distance from the truth to the result, of the diagonal.
        chamfer_l1: the mean of these two.
        precision, recall: the shares of the result's and of the truth's points within 1 % of the diagonal.
        f_score: the harmonic mean of these two.
        normal_consistency: mean cosine between the normal at a point and that of the nearest triangle of the other
            surface, the mean of both ways. Signed: a surface inside out has -1.

    Raises:
        PinnsceneError: the truth has no area.
    """
    origin, diagonal = _extent(truth)
    true, result = Surface(truth, origin), Surface(mesh, origin)
    if not len(true):
        raise PinnsceneError("surface scores expected a true surface of some area, got none: check the shape")
    if not len(result):
        return {"f_score": 0.0}
    there, away = (_one_way(a, b, n, seed, name) for a, b, name in ((result, true, "result"), (true, result, "truth")))
    accuracy, completeness = there[0].mean() / diagonal, away[0].mean() / diagonal
    precision, recall = (float((d <= NEAR * diagonal).mean()) for d, _ in (there, away))
    return {
        "accuracy": float(accuracy),
        "completeness": float(completeness),
        "chamfer_l1": float(accuracy + completeness) / 2,
        "precision": precision,
        "recall": recall,
        "f_score": 2 * precision * recall / max(precision + recall, 1e-300),
        "normal_consistency": float(there[1].mean() + away[1].mean()) / 2,
    }


def heldout_scores(mesh: Mesh, points: Array, normals: Array | None, diagonal: float) -> dict[str, float]:
    """How near a cloud's held-out points lie to a surface: one way, for a cloud has no triangles to go back to.

    Args:
        mesh: the result; one without faces scores a ``recall`` of 0, the other scores are then left out.
        points: points [n, 3] that were never trained on.
        normals: their outward unit normals [n, 3], or None where the cloud has none.
        diagonal: of the cloud's bounding box.

    Returns:
        completeness: mean distance from the points to the surface, of the diagonal.
        recall: the share of the points within 1 % of the diagonal.
        normal_consistency: mean signed cosine of the normals and those of the nearest triangles, where known.

    Raises:
        PinnsceneError: no points.
    """
    if not len(points):
        raise PinnsceneError("held-out scores expected at least one point that was not trained on, got none")
    origin = points.mean(0)
    result = Surface(mesh, origin)
    if not len(result):
        return {"recall": 0.0}
    distances, found = result.nearest(np.asarray(points - origin, dtype=np.float64))
    scores = {
        "completeness": float(distances.mean()) / diagonal,
        "recall": float((distances <= NEAR * diagonal).mean()),
    }
    if normals is not None:
        scores["normal_consistency"] = float((found * normals).sum(1).mean())
    return scores


def _one_way(source: Surface, target: Surface, n: int, seed: int, name: str) -> tuple[Array, Array]:
    """Distances [n] from random points of one surface to another, and the cosines [n] between their normals."""
    points, normals = source.sample(n, generator(seed, "scores", name))
    distances, found = target.nearest(points)
    return distances, (normals * found).sum(1)


def _extent(mesh: Mesh) -> tuple[Array, float]:
    """Centre [3] and diagonal of the bounding box of a mesh's faces."""
    corners = mesh.corners().reshape(-1, 3)
    if not len(corners):
        return np.zeros(3), 0.0
    lower, upper = corners.min(0), corners.max(0)
    return (lower + upper) / 2, float(np.linalg.norm(upper - lower))


def _uniform(n: int, g: torch.Generator) -> Array:
    return torch.rand(n, generator=g, dtype=torch.float64).numpy()
