"""Pictures of a field on a domain: slices beside the reference and the error, and profiles."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.metrics import evaluate
from pinnscene.render.canvas import ERROR, FIELD, figure, save, short
from pinnscene.render.outline import show
from pinnscene.render.planes import Array, Plane, line, middle, on_plane, plane, times, where_inside
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problem import Problem

Panel = Callable[[Figure, Any], None]  # draws into one pair of axes of a figure
MOMENTS = 4  # of a sequence


def draw_slices(problem: "Problem", u: Differentiable, folder: Path) -> list[Path]:
    """One picture an output: the field, and the reference and error where there is one.

    Two axes are drawn whole, with profiles; three of space as three slices; more as slices, at four times where there
    is t.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for k, name in enumerate(problem.values):
        path = folder / ("solution.png" if len(problem.values) == 1 else f"{name}.png")
        written.append(save(slices(problem, u, k), path))
    return written


def slices(problem: "Problem", u: Differentiable, *outputs: int) -> Figure:
    """The picture of some outputs, by number, one below the other; of all where none is given."""
    rows = [row for k in outputs or range(len(problem.values)) for row in _rows(problem, u, k)]
    columns = max(len(row) for row in rows)
    lone = len(problem.domain.axes) == 1
    made = figure(6.0 if lone else 4.3 * columns, (4.0 if lone else 3.6) * len(rows))
    axs = made.subplots(len(rows), columns, squeeze=False)
    for line_of, row in zip(axs, rows, strict=True):
        for ax, panel in zip(line_of, row, strict=False):
            panel(made, ax)
        for ax in line_of[len(row) :]:
            ax.set_axis_off()
    return made


def _rows(problem: "Problem", u: Differentiable, output: int) -> list[list[Panel]]:
    axes = problem.domain.axes
    if len(axes) == 1:
        return [[_along(problem, u, output, {axes[0]: [{}]})]]
    if len(axes) == 2:
        where = plane(problem.domain)
        return [[*_panels(problem, u, where, output, ""), _profiles(problem, u, where, output)]]
    rows = []
    for held in _cuts(problem.domain):
        where = plane(problem.domain, 128, **held)
        when = "".join(f", {axis} = {value:.3g}" for axis, value in held.items())
        rows.append(_panels(problem, u, where, output, when))
    return rows


def _cuts(domain: Domain) -> list[dict[str, float]]:
    """What is held: t at four times; in space across each axis through the middle."""
    if "t" in domain.axes:
        return [{"t": t} for t in times(domain, MOMENTS)]
    at = middle(domain)
    return [{axis: at[axis]} for axis in reversed(domain.axes)] if len(domain.axes) == 3 else [{}]


def _truth(problem: "Problem", p: Points, output: int) -> Tensor | None:
    """The reference's values of one output, where it knows it."""
    known = output < len(problem.compared())
    values = problem.reference(p) if known else None
    return None if values is None else values[:, output]


def _panels(problem: "Problem", u: Differentiable, where: Plane, output: int, when: str) -> list[Panel]:
    """The field, the reference in the same colours, and the error."""
    name, value = problem.values[output], on_plane(u, where, output)
    truth = _truth(problem, where.points, output)
    domain = problem.domain
    if truth is None:
        return [_image(domain, where, value, f"{name}{when}", FIELD, value)]
    exact = where.image(truth[:, None])
    both, error = np.stack([value, exact]), np.abs(value - exact)
    return [
        _image(domain, where, value, f"{name}{when}", FIELD, both),
        _image(domain, where, exact, f"reference{when}", FIELD, both),
        _image(domain, where, error, f"|error|, at most {short(float(np.nanmax(error)))}", ERROR, error),
    ]


def _image(domain: Domain, where: Plane, image: Array, title: str, cmap: str, scale: Array) -> Panel:
    """An image in colours that reach over ``scale``."""
    low, high = float(np.nanmin(scale)), float(np.nanmax(scale))

    def draw(made: Figure, ax: Any) -> None:
        shown = show(
            ax,
            domain,
            where,
            image,
            aspect="auto" if "t" in where.axes else "equal",
            cmap=cmap,
            vmin=low,
            vmax=high if high > low else low + 1,
        )
        ax.set(xlabel=where.axes[0], ylabel=where.axes[1], title=title)
        made.colorbar(shown, ax=ax, shrink=0.9)

    return draw


def _profiles(problem: "Problem", u: Differentiable, where: Plane, output: int) -> Panel:
    """Along space at five times; without t along both axes, through where the field is largest."""
    across, upwards = where.axes
    if upwards == "t":
        return _along(problem, u, output, {across: [{"t": t} for t in times(problem.domain, 5)]})
    size = evaluate(u, where.points)[:, output].abs()
    top = where.points.coords[int(size.argmax())].tolist()
    return _along(problem, u, output, {across: [{upwards: top[1]}], upwards: [{across: top[0]}]})


def _along(problem: "Problem", u: Differentiable, output: int, cuts: dict[str, list[dict[str, Any]]]) -> Panel:
    """Curves along axes, each by what is held; the reference, where there is one, as dashes on them."""
    name = problem.values[output]

    def draw(made: Figure, ax: Any) -> None:
        del made
        count = sum(len(held) for held in cuts.values())
        shades = iter(np.linspace(0, 0.85, max(count, 2)))
        for axis, held in cuts.items():
            for at in held:
                p, shade = line(problem.domain, axis, **at), next(shades)
                label = ", ".join(f"{a} = {value:.3g}" for a, value in at.items()) or name
                label = label if len(cuts) == 1 else f"along {axis}, {label}"
                value = where_inside(problem.domain, p, lambda p: evaluate(u, p)[:, output])
                ax.plot(p[axis], value, color=(shade, shade * 0.6, 0.5), label=label)
                truth = where_inside(problem.domain, p, lambda p: _truth(problem, p, output))
                if truth is not None:
                    label = "reference" if shade == 0 else None
                    ax.plot(p[axis], truth, color="black", lw=1, ls=(0, (4, 6)), label=label)
        xlabel = " or ".join(cuts)
        ax.set(xlabel=xlabel, ylabel=name, title="profiles" if count > 1 else name)
        ax.legend(fontsize=8)
        ax.grid(alpha=0.3)

    return draw
