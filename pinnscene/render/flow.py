"""Pictures of a plane flow: its speed and its streamlines."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pinnscene.render.canvas import FIELD, figure, save
from pinnscene.render.outline import show
from pinnscene.render.planes import on_plane, plane
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problem import Problem

LONG = 0.5  # height by width below which a picture is drawn as a strip


def draw_flow(problem: "Problem", u: Differentiable, path: Path) -> Path:
    """The speed in colours and streamlines over it; the first two outputs are the velocity along the first two axes."""
    where = plane(problem.domain, 240)
    across, upwards = (np.ma.masked_invalid(on_plane(u, where, k)) for k in (0, 1))
    left, right, low, high = where.extent
    ratio = (high - low) / (right - left)
    strip = ratio < LONG
    made = figure(9.6, 9.0 * ratio + 0.8) if strip else figure(5.6, 4.8)
    ax = made.add_subplot()
    speed = np.ma.filled(np.hypot(across, upwards), np.nan)
    shown = show(ax, problem.domain, where, speed, cmap=FIELD)
    x, y = np.linspace(left, right, where.shape[1]), np.linspace(low, high, where.shape[0])
    density = (1.6, max(6 * ratio, 0.6)) if strip else (1.4, 1.4)
    ax.streamplot(x, y, across, upwards, density=density, color="white", linewidth=0.7, arrowsize=0.8)
    ax.set(xlabel=where.axes[0], ylabel=where.axes[1], xlim=(left, right), ylim=(low, high), title="speed")
    made.colorbar(shown, ax=ax, shrink=0.8 if strip else 1.0)
    return save(made, path)
