"""Pictures of a plane flow: its speed and its streamlines."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pinnscene.render.canvas import FIELD, figure, save
from pinnscene.render.planes import on_plane, plane
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problem import Problem


def draw_flow(problem: "Problem", u: Differentiable, path: Path) -> Path:
    """The speed in colours and streamlines over it; the first two outputs are the velocity along the first two axes."""
    where = plane(problem.domain)
    across, upwards = on_plane(u, where, 0), on_plane(u, where, 1)
    made = figure(5.6, 4.8)
    ax = made.add_subplot()
    shown = ax.imshow(np.hypot(across, upwards), origin="lower", extent=where.extent, cmap=FIELD)
    left, right, low, high = where.extent
    x, y = np.linspace(left, right, where.shape[1]), np.linspace(low, high, where.shape[0])
    ax.streamplot(x, y, across, upwards, density=1.4, color="white", linewidth=0.7, arrowsize=0.8)
    ax.set(xlabel=where.axes[0], ylabel=where.axes[1], xlim=(left, right), ylim=(low, high), title="speed")
    made.colorbar(shown, ax=ax)
    return save(made, path)
