"""Slices through a field of three axes, with its level sets as contours: zero thick, bands inside and outside."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.render.canvas import figure, short
from pinnscene.render.planes import Array, Plane, on_plane, plane
from pinnscene.views import Differentiable

N = 200  # points along each side of a slice
BANDS = 14  # levels at most
WIDTH, HEIGHTS = 12.0, (2.4, 7.0)  # inches of three panels, and between what their height lies
SLIM = 0.3  # the narrowest panel's width, as a share of the widest one's
TINTS = ["#16437e", "#4f8fc4", "#cfe3f1", "#fbf3e6", "#e9b872", "#a3571c"]
# deep blue inside, sand outside, with a step at zero, so that the two bands beside it are told apart
COLOURS = LinearSegmentedColormap.from_list("bands", [*zip([0, 0.25, 0.5, 0.5, 0.75, 1], TINTS, strict=True)])


class Cut(NamedTuple):
    """A field's values on a plane across ``axis`` at ``place``, and the truth's where there is one."""

    axis: str
    place: float
    where: Plane
    image: Array
    truth: Array | None


def contours(u: Differentiable, box: Box, axis: str = "z", at: float | None = None) -> Figure:
    """One slice across ``axis``, through the middle of the box or at a place on the axis.

    Raises:
        PinnsceneError: an unknown axis, or a place outside the box.
    """
    made = figure(5.4, 4.6)
    ax = made.add_subplot()
    cut = _cut(u, box, axis, at)
    made.colorbar(_draw(ax, cut, _limit([cut])), ax=ax, label=u.values[0], shrink=0.9)
    return made


def three_slices(
    u: Differentiable, box: Box, at: Mapping[str, float] | None = None, truth: Differentiable | None = None
) -> Figure:
    """A slice across each axis, with one scale of colours and, as far as they fit, one of length.

    Args:
        u: the field, negative inside.
        box: its domain, of three axes.
        at: the places of the slices by axis; without one, through the middle of the box.
        truth: a field whose zero set is drawn as a dashed line over u's.

    Raises:
        PinnsceneError: a place outside the box, or a box of other than three axes.
    """
    cuts = [_cut(u, box, axis, (at or {}).get(axis), truth) for axis in reversed(box.axes)]
    across = np.array([[high - low for low, high in (box.bounds[a] for a in cut.where.axes)] for cut in cuts])
    shares = np.maximum(across[:, 0], SLIM * across[:, 0].max())
    height = np.clip(WIDTH * (across[:, 1] / shares.sum()).max(), *HEIGHTS)
    made = figure(WIDTH + 1.2, float(height) + 0.8)
    axs = made.subplots(1, 3, width_ratios=shares.tolist())
    limit = _limit(cuts)
    drawn = [_draw(ax, cut, limit) for ax, cut in zip(axs, cuts, strict=True)]
    made.colorbar(drawn[-1], ax=axs, label=f"{u.values[0]}, negative inside", shrink=0.9)
    return made


def _cut(u: Differentiable, box: Box, axis: str, at: float | None, truth: Differentiable | None = None) -> Cut:
    if axis not in box.axes:
        raise unknown("axis", axis, box.axes)
    if len(box.axes) != 3:
        raise PinnsceneError(f"slices with contours expected a box of 3 axes, got {', '.join(box.axes)}")
    low, high = box.bounds[axis]
    place = (low + high) / 2 if at is None else at
    if not low <= place <= high:
        raise PinnsceneError(f"a slice at {axis}={place} lies outside the box's {axis} from {low} to {high}")
    where = plane(box, N, **{axis: place})
    return Cut(axis, place, where, on_plane(u, where), None if truth is None else on_plane(truth, where))


def _limit(cuts: Sequence[Cut]) -> float:
    """The largest value drawn: most of what there is, so that one steep corner does not take all the levels."""
    size = np.abs(np.concatenate([cut.image.ravel() for cut in cuts]))
    return float(np.quantile(size[np.isfinite(size)], 0.98)) or 1.0


def _draw(ax: Any, cut: Cut, limit: float) -> Any:
    levels = MaxNLocator(BANDS, symmetric=True).tick_values(-limit, limit)
    extent = cut.where.extent
    x, y = (np.linspace(extent[k], extent[k + 1], n) for k, n in zip((0, 2), reversed(cut.where.shape), strict=True))
    bands = ax.contourf(x, y, cut.image, levels, cmap=COLOURS, extend="both")
    ax.contour(x, y, cut.image, levels, colors="black", linewidths=0.4, linestyles="solid", alpha=0.35)
    _zero(ax, x, y, cut.image, colors="black", linewidths=2.2)
    if cut.truth is not None:
        _zero(ax, x, y, cut.truth, colors="tab:green", linewidths=1.4, linestyles="dashed")
    ax.set(xlabel=cut.where.axes[0], ylabel=cut.where.axes[1], title=f"{cut.axis} = {short(cut.place)}", aspect="equal")
    return bands


def _zero(ax: Any, x: Array, y: Array, image: Array, **style: Any) -> None:
    """The zero line, where there is one."""
    if np.nanmin(image) < 0 < np.nanmax(image):
        ax.contour(x, y, image, [0.0], **style)
