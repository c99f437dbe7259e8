"""Scores of a solved field, negative inside, against the shape it should be, on points drawn for this alone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import NoSurface
from pinnscene.mesh import Mesh
from pinnscene.metrics import CHUNK, evaluate
from pinnscene.operators import gradient
from pinnscene.problems.surfacemetrics import heldout_scores, surface_scores
from pinnscene.seeds import generator
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.scenes.shapes import Shape

Array = NDArray[np.float64]

INSIDE, SLOPES, DISTANCES = 200_000, 50_000, 20_000  # points drawn for the IoU, the eikonal and the distance error
TRUTH = 1 << 17  # points whose true side or distance is asked for at a time
MARGIN = 0.1  # the box of the IoU is larger than the shape's by this share


def shape_scores(
    u: Differentiable,
    shape: "Shape",
    box: Box,
    mesh: Mesh | None = None,
    resolution: int = 128,
    heldout: tuple[Array, Array | None] | None = None,
    n: int = INSIDE,
    seed: int = 0,
) -> dict[str, float]:
    """Every score of a field that the shape's kind allows.

    Args:
        u: the field, of one output, negative inside.
        shape: the truth.
        box: the field's domain.
        mesh: the field's zero set; extracted at ``resolution`` where it is not given.
        resolution: cells along the longest side of the box.
        heldout: points [m, 3] of a cloud that were not trained on, and their normals [m, 3] or None.
        n: points drawn for the IoU; the others take as many, to at most their own default.
        seed: of all points; the streams are their own.

    Returns:
        The scores of ``volume_scores`` (a shape with an inside), ``eikonal_scores``, ``distance_scores`` (a shape of
        known distances), and of ``surface_scores`` (a shape with a mesh) or ``heldout_scores``.
    """
    scores = volume_scores(u, shape, box, n, seed) if shape.signed else {}
    scores |= eikonal_scores(u, box, min(n, SLOPES), seed)
    if shape.exact:
        scores |= distance_scores(u, shape, box, min(n, DISTANCES), seed)
    return scores | zero_set_scores(u, shape, box, mesh, resolution, heldout, seed)


def occupancy_scores(
    u: Differentiable,
    shape: "Shape",
    box: Box,
    resolution: int = 128,
    heldout: tuple[Array, Array | None] | None = None,
    n: int = INSIDE,
    seed: int = 0,
) -> dict[str, float]:
    """The scores of a field of which only the sign counts: those of ``shape_scores`` but slopes and distances."""
    volume = volume_scores(u, shape, box, n, seed) if shape.signed else {}
    return volume | zero_set_scores(u, shape, box, None, resolution, heldout, seed)


def zero_set_scores(
    u: Differentiable,
    shape: "Shape",
    box: Box,
    mesh: Mesh | None,
    resolution: int,
    heldout: tuple[Array, Array | None] | None,
    seed: int,
) -> dict[str, float]:
    """The scores of the field's surface against the shape's mesh, or against points held out; else none."""
    truth = shape.mesh()
    if truth is None and heldout is None:
        return {}
    found = _extracted(u, box, resolution) if mesh is None else mesh
    if truth is not None:
        return surface_scores(found, truth, seed=seed)
    assert heldout is not None
    return heldout_scores(found, *heldout, shape.diagonal)


def iou(inside: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two sets of points [n].

    0 where both are empty: a shape has an inside, so such points saw nothing of it, and nothing found is no success.
    """
    return float((inside & truth).sum() / max((inside | truth).sum(), 1))


def volume_scores(u: Differentiable, shape: "Shape", box: Box, n: int = INSIDE, seed: int = 0) -> dict[str, float]:
    """``iou`` on uniform points in the shape's bounding box enlarged by 10 %, as far as the field's domain goes.

    0 where the field is of one sign at all of them: it has no surface there.
    """
    p = _surroundings(shape, box).interior(n)(generator(seed, "scores", "volume"))
    inside = evaluate(u, p).numpy()[:, 0] < 0
    return {"iou": 0.0 if inside.all() else iou(inside, _truth(shape.inside, p))}


def eikonal_scores(u: Differentiable, box: Box, n: int = SLOPES, seed: int = 0) -> dict[str, float]:
    """``eikonal_mae`` and ``eikonal_p99``: mean and 99th percentile of ||grad u| - 1| on uniform points of ``box``."""
    p = box.interior(n)(generator(seed, "scores", "slopes"))
    error = np.abs(slopes(u, p) - 1)
    return {"eikonal_mae": float(error.mean()), "eikonal_p99": float(np.quantile(error, 0.99))}


def distance_scores(u: Differentiable, shape: "Shape", box: Box, n: int = DISTANCES, seed: int = 0) -> dict[str, float]:
    """``distance_mae``: mean of |u - d| for the true signed distance d on uniform points of the box, in its units.

    ``distance_rel`` is the same, relative to the largest side of the shape's bounding box.
    """
    error = distance_errors(u, shape, box, n, seed)
    return {
        "distance_mae": float(np.abs(error).mean()),
        "distance_rel": float(np.abs(error).mean() / np.max(shape.upper - shape.lower)),
    }


def distance_errors(u: Differentiable, shape: "Shape", box: Box, n: int = DISTANCES, seed: int = 0) -> Array:
    """The errors u - d [n] against the true signed distance d on uniform points of the box."""
    p = box.interior(n)(generator(seed, "scores", "distances"))
    return evaluate(u, p).numpy()[:, 0] - _truth(shape.distance, p)


@torch.no_grad()
def slopes(u: Differentiable, p: Points, chunk: int = CHUNK) -> Array:
    """|grad u| [n] on the CPU in float64, a chunk of points at a time."""
    device = getattr(u, "device", torch.device("cpu"))
    parts = [gradient(u, p[s : s + chunk].to(device)).cpu().double() for s in range(0, len(p), chunk)]
    return torch.cat(parts).norm(dim=1).numpy()


def _surroundings(shape: "Shape", box: Box) -> Box:
    """The shape's bounding box enlarged, within the field's domain; a flat side gets a little depth."""
    side = shape.upper - shape.lower
    margin = np.maximum(side, MARGIN * side.max()) * (MARGIN / 2)
    lower = np.maximum(shape.lower - margin, np.minimum(box.lower, shape.lower))
    upper = np.minimum(shape.upper + margin, np.maximum(box.upper, shape.upper))
    ends = zip(lower.tolist(), upper.tolist(), strict=True)
    return Box(**dict(zip(box.axes, ends, strict=True)))


def _truth(of: Callable[[Array], Any], p: Points) -> Any:
    """What the shape says of points: [n], a chunk at a time."""
    coords = p.coords.numpy()
    return np.concatenate([of(coords[s : s + TRUTH]) for s in range(0, len(coords), TRUTH)])


def _extracted(u: Differentiable, box: Box, resolution: int) -> Mesh:
    """The zero set as a mesh, one without faces where there is none in the box: a score of its own."""
    from pinnscene.mesh.extraction import extract

    try:
        return extract(u, box, resolution)
    except NoSurface:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
