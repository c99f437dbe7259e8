"""Pictures of a deformed body in the plane, in the colours of a quantity such as a stress."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.collections import LineCollection
from matplotlib.tri import Triangulation

from pinnscene.batch import Points
from pinnscene.geometry.space import space_of
from pinnscene.mesh.cells import cells_of
from pinnscene.metrics import evaluate
from pinnscene.render.canvas import FIELD, figure, save, short
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problem import Problem

CELLS = 96  # along the longest side
SEEN = 0.08  # of the longest side: the largest displacement as it is drawn


def draw_deformed(problem: "Problem", u: Differentiable, path: Path) -> Path:
    """The body where its displacement u brings it, made large enough to be seen, over the outline at rest.

    Its colours are those of the last output of ``problem.derived``.
    """
    region = space_of(problem.domain)
    assert region is not None
    vertices, cells = cells_of(region, CELLS)
    p = Points(torch.from_numpy(vertices), u.axes)
    moved, shown = evaluate(u, p).numpy(), problem.derived(u)
    assert shown is not None
    largest = float(np.linalg.norm(moved, axis=1).max())
    side = max(high - low for low, high in zip(region.lower, region.upper, strict=True))
    factor = SEEN * side / largest if largest > 0 else 1.0
    x, y = (vertices + factor * moved).T
    made = figure(6.0, 5.0)
    ax = made.add_subplot()
    colours = ax.tripcolor(Triangulation(x, y, cells), evaluate(shown, p)[:, -1], shading="gouraud", cmap=FIELD)
    ax.add_collection(LineCollection(list(vertices[_rim(cells)]), colors="0.5", linewidths=0.9))
    ax.autoscale_view()
    ax.set(xlabel=u.axes[0], ylabel=u.axes[1], aspect="equal", title=f"displacements times {short(factor)}")
    made.colorbar(colours, ax=ax, label=shown.values[-1])
    return save(made, path)


def _rim(cells: np.ndarray) -> np.ndarray:
    """The edges [e, 2] that bound one triangle alone."""
    edges = np.sort(np.concatenate([cells[:, [0, 1]], cells[:, [1, 2]], cells[:, [2, 0]]]), axis=1)
    some, count = np.unique(edges, axis=0, return_counts=True)
    return some[count == 1]
