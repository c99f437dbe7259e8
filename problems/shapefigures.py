"""Figures of a solved shape: slices with distance contours, and where its true distance is known, the error."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pinnscene.domain import Box
from pinnscene.problems.shapemetrics import distance_errors
from pinnscene.render.canvas import SIGNED, figure, save
from pinnscene.render.planes import Array, Plane, on_plane, plane
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.scenes.shapes import Shape

SIDE = 128  # points along each side of a slice
LINES = 10  # contours of distance, about
PANEL = 3.6  # inches


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
    """The three planes through the middle of the shape."""
    middle = dict(zip(box.axes, ((shape.lower + shape.upper) / 2).tolist(), strict=True))
    planes = {axis: plane(box, SIDE, **{axis: middle[axis]}) for axis in reversed(box.axes)}
    images = {axis: on_plane(u, where) for axis, where in planes.items()}
    size = max(float(np.nanmax(np.abs(image))) for image in images.values()) or 1.0
    made = figure(3 * PANEL + 1, PANEL + 0.6)
    panels = made.subplots(1, 3)
    for ax, (axis, where) in zip(panels, planes.items(), strict=True):
        _slice(ax, images[axis], where, size)
        if shape.signed:
            truth = shape.distance(where.points.coords.numpy())
            _zero(ax, where.image(torch.from_numpy(truth)[:, None]), where, "dashed")
        ax.set_title(f"{axis} = {middle[axis]:.4g}")
    truth_too = ", dashed line: the true surface" if shape.signed else ""
    made.suptitle(f"{shape.name} (thick line: u = 0{truth_too})")
    made.colorbar(ScalarMappable(Normalize(-size, size), SIGNED), ax=panels, label="u, negative inside")
    return made


def _slice(ax: Axes, image: Array, where: Plane, size: float) -> None:
    """Colours, thin contours of equal steps, the zero line thick."""
    ax.imshow(image, origin="lower", extent=where.extent, cmap=SIGNED, vmin=-size, vmax=size, interpolation="bilinear")
    levels = MaxNLocator(LINES).tick_values(float(np.nanmin(image)), float(np.nanmax(image)))
    within = [level for level in levels if np.nanmin(image) < level < np.nanmax(image)]
    if within:
        ax.contour(image, within, extent=where.extent, colors="black", linewidths=0.4, linestyles="solid", alpha=0.6)
    _zero(ax, image, where, "solid")
    ax.set(xlabel=where.axes[0], ylabel=where.axes[1], aspect="equal")


def _zero(ax: Axes, image: Array, where: Plane, style: str) -> None:
    """The zero line, where there is one."""
    if np.nanmin(image) < 0 < np.nanmax(image):
        colour, width = ("black", 2.2) if style == "solid" else ("tab:green", 1.4)
        ax.contour(image, [0.0], extent=where.extent, colors=colour, linewidths=width, linestyles=style)


def _errors(u: Differentiable, shape: "Shape", box: Box) -> Figure:
    """How often each error of the distance occurs."""
    size = float(np.max(shape.upper - shape.lower))
    error = 100 * distance_errors(u, shape, box) / size
    made = figure(6, 4)
    ax = made.subplots()
    ax.hist(error, bins=100, log=True, color="tab:blue")
    ax.set_ylim(bottom=0.8)
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.set(xlabel="u - true distance (% of the shape's largest side)", ylabel="points")
    ax.set_title(f"{shape.name}: mean error {np.abs(error).mean():.3g} %, largest {np.abs(error).max():.3g} %")
    return made
