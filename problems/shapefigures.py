"""Figures of a solved shape: slices with distance contours, and where its true distance is known, the error."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from pinnscene.domain import Box
from pinnscene.problems.shapemetrics import distance_errors
from pinnscene.problems.truefield import TrueField
from pinnscene.render.canvas import figure, save
from pinnscene.render.contours import three_slices
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.scenes.shapes import Shape


def draw_shape_figures(u: Differentiable, shape: "Shape", box: Box, folder: Path) -> list[Path]:
    """Draw ``slices.png`` and, where the true distance is known, ``distance_error.png`` into ``folder``.

    Args:
        u: the field, negative inside.
        shape: the truth.
        box: the field's domain, of three axes.
        folder: made where it is missing.
    """
    drawn = [save(_slices(u, shape, box), folder / "slices.png")]
    if shape.exact:
        drawn.append(save(_errors(u, shape, box), folder / "distance_error.png"))
    return drawn


def _slices(u: Differentiable, shape: "Shape", box: Box) -> Figure:
    """The three planes through the middle of the shape, with the true surface where it has sides."""
    middle = dict(zip(box.axes, ((shape.lower + shape.upper) / 2).tolist(), strict=True))
    made = three_slices(u, box, middle, TrueField(shape) if shape.signed else None)
    truth_too = ", dashed line: the true surface" if shape.signed else ""
    made.suptitle(f"{shape.name} (thick line: {u.values[0]} = 0{truth_too})")
    return made


def _errors(u: Differentiable, shape: "Shape", box: Box) -> Figure:
    """How often each error of the distance occurs."""
    size = float(np.max(shape.upper - shape.lower))
    error = 100 * distance_errors(u, shape, box) / size
    made = figure(6, 4)
    ax = made.subplots()
    ax.hist(error, bins=100, log=True, color="tab:blue")
    ax.set_ylim(bottom=0.8)
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.set(xlabel=f"{u.values[0]} - true distance (% of the shape's largest side)", ylabel="points")
    ax.set_title(f"{shape.name}: mean error {np.abs(error).mean():.3g} %, largest {np.abs(error).max():.3g} %")
    return made
