"""Slices through a field of three axes, with its level sets as contours: zero thick, bands inside and outside."""

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.render.canvas import figure, short
from pinnscene.render.planes import Array, on_plane, plane
from pinnscene.views import Differentiable

N = 200  # points along each side of a slice
BANDS = 14  # levels at most
COLOURS = LinearSegmentedColormap.from_list(  # deep blue inside, white at zero, sand outside
    "bands", ["#16437e", "#4f8fc4", "#cfe3f1", "#fbf3e6", "#e9b872", "#a3571c"]
)


def contours(u: Differentiable, box: Box, axis: str = "z", at: float | None = None) -> Figure:
    """One slice across ``axis``, through the middle of the box or at a place on the axis.

    Raises:
        PinnsceneError: an unknown axis, or a place outside the box.
    """
    made = figure(5.4, 4.6)
    ax = made.add_subplot()
    limit = _limit([_cut(u, box, axis, at)[0]])
    made.colorbar(_draw(ax, u, box, axis, at, limit), ax=ax, label=u.values[0], shrink=0.9)
    return made


def three_slices(u: Differentiable, box: Box) -> Figure:
    """A slice across each axis through the middle of the box, with one scale."""
    made = figure(13.2, 4.4)
    axs = made.subplots(1, 3)
    limit = _limit([_cut(u, box, axis, None)[0] for axis in box.axes])
    for ax, axis in zip(axs, reversed(box.axes), strict=True):
        bands = _draw(ax, u, box, axis, None, limit)
    made.colorbar(bands, ax=axs, label=u.values[0], shrink=0.9)
    return made


def _cut(u: Differentiable, box: Box, axis: str, at: float | None) -> tuple[Array, Any, float]:
    if axis not in box.axes:
        raise unknown("axis", axis, box.axes)
    if len(box.axes) != 3:
        raise PinnsceneError(f"slices with contours expected a box of 3 axes, got {', '.join(box.axes)}")
    low, high = box.bounds[axis]
    place = (low + high) / 2 if at is None else at
    if not low <= place <= high:
        raise PinnsceneError(f"a slice at {axis}={place} lies outside the box's {axis} from {low} to {high}")
    where = plane(box, N, **{axis: place})
    return on_plane(u, where), where, place


def _limit(images: list[Array]) -> float:
    """The largest value drawn: most of what there is, so that one steep corner does not take all the levels."""
    size = np.abs(np.concatenate([image.ravel() for image in images]))
    return float(np.quantile(size[np.isfinite(size)], 0.98)) or 1.0


def _draw(ax: Any, u: Differentiable, box: Box, axis: str, at: float | None, limit: float) -> Any:
    image, where, place = _cut(u, box, axis, at)
    levels = MaxNLocator(BANDS, symmetric=True).tick_values(-limit, limit)
    x, y = (np.linspace(where.extent[k], where.extent[k + 1], N) for k in (0, 2))
    bands = ax.contourf(x, y, image, levels, cmap=COLOURS, extend="both")
    ax.contour(x, y, image, levels, colors="black", linewidths=0.4, linestyles="solid", alpha=0.35)
    if image.min() < 0 < image.max():
        ax.contour(x, y, image, [0.0], colors="black", linewidths=2.2)
    ax.set(xlabel=where.axes[0], ylabel=where.axes[1], title=f"{axis} = {short(place)}", aspect="equal")
    return bands
