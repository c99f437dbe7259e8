"""Scores of a mesh against the true surface: distances, F-score, normals, on points drawn for this alone.

Distances go from random points of one surface to the nearest triangle of the other: between two clouds of points
they would be no less than the clouds' own spacing. All are relative to the diagonal of the truth's bounding box.
"""

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.mesh import Mesh
from pinnscene.scenes.meshshape import on_triangles
from pinnscene.scenes.winding import Frame
from pinnscene.seeds import generator

Array = NDArray[np.float64]

SAMPLES = 100_000  # points drawn on each surface
CHUNK = 1 << 18  # points whose nearest triangles are looked up at a time
NO_TRUTH = "surface scores expected a true surface of some area, got none: check the shape"
NEAR = 0.01  # the F-score's threshold, of the diagonal


class Surface:
    """A mesh to draw points on and to measure distances to, in a frame; faces without area are left out."""

    def __init__(self, mesh: Mesh, frame: Frame) -> None:
        from igl import AABB

        local = Mesh(frame(mesh.vertices), mesh.faces)
        vectors = local.area_vectors()
        areas = np.linalg.norm(vectors, axis=1)
        kept = areas > 0
        self.mesh = Mesh(local.vertices, np.ascontiguousarray(mesh.faces[kept], dtype=np.int64))
        self.normals = vectors[kept] / areas[kept, None]
        self.tree = AABB()
        if len(self):
            self.tree.init(self.mesh.vertices, self.mesh.faces)

    def __len__(self) -> int:
        return len(self.mesh.faces)

    def nearest(self, points: Array) -> tuple[Array, Array]:
        """From points [n, 3] of the frame: distances [n] to the surface, normals [n, 3] of the nearest faces."""
        distances, normals = np.empty(len(points)), np.empty((len(points), 3))
        for start in range(0, len(points), CHUNK):
            rows = slice(start, start + CHUNK)
            squares, face, _ = self.tree.squared_distance(self.mesh.vertices, self.mesh.faces, points[rows])
            distances[rows], normals[rows] = np.sqrt(np.maximum(squares, 0)), self.normals[face]
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
    if not len(truth.faces):
        raise PinnsceneError(NO_TRUTH)
    frame = Frame(truth.corners().reshape(-1, 3))
    true, result = Surface(truth, frame), Surface(mesh, frame)
    if not len(true):
        raise PinnsceneError(NO_TRUTH)
    if not len(result):
        return {"f_score": 0.0}
    there, away = (_one_way(a, b, n, seed, name) for a, b, name in ((result, true, "result"), (true, result, "truth")))
    accuracy, completeness = float(there[0].mean()), float(away[0].mean())
    precision, recall = (float((d <= NEAR).mean()) for d, _ in (there, away))
    return {
        "accuracy": accuracy,
        "completeness": completeness,
        "chamfer_l1": (accuracy + completeness) / 2,
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
    frame = Frame(points)
    frame.size = diagonal
    result = Surface(mesh, frame)
    if not len(result):
        return {"recall": 0.0}
    distances, found = result.nearest(frame(points))
    scores = {"completeness": float(distances.mean()), "recall": float((distances <= NEAR).mean())}
    if normals is not None:
        scores["normal_consistency"] = float((found * normals).sum(1).mean())
    return scores


def _one_way(source: Surface, target: Surface, n: int, seed: int, name: str) -> tuple[Array, Array]:
    """Distances [n] from random points of one surface to another, and the cosines [n] between their normals."""
    points, normals = on_triangles(source.mesh, n, generator(seed, "scores", name))
    distances, found = target.nearest(points)
    return distances, (normals * found).sum(1)
