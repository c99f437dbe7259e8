"""Pictures of a field on a domain: slices beside the reference and the error, and profiles."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.figure import Figure

from pinnscene.batch import Points
from pinnscene.metrics import evaluate
from pinnscene.render.canvas import ERROR, FIELD, figure, save, short
from pinnscene.render.planes import Array, Plane, blanked, inside, line, on_plane, plane, times
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problem import Problem

Panel = Callable[[Figure, Any], None]  # draws into one pair of axes of a figure
MOMENTS = 4  # of a sequence


def draw_slices(problem: "Problem", u: Differentiable, folder: Path) -> list[Path]:
    """One picture an output: the field, and the reference and error where there is one.

    Two axes are drawn whole, with profiles; more as slices, at four times where there is t.
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
    moments: list[dict[str, float]] = [{"t": t} for t in times(problem.domain, MOMENTS)] or [{}]
    rows = []
    for held in moments:
        where = plane(problem.domain, 128, **held)
        when = "".join(f", {axis} = {value:.3g}" for axis, value in held.items())
        rows.append(_panels(problem, u, where, output, when))
    return rows


def _truth(problem: "Problem", p: Points, output: int) -> Array | None:
    """The reference's values of one output, where it knows it."""
    known = output < len(problem.compared())
    values = problem.reference(p) if known else None
    return None if values is None else values[:, output].numpy()


def _panels(problem: "Problem", u: Differentiable, where: Plane, output: int, when: str) -> list[Panel]:
    """The field, the reference in the same colours, and the error."""
    name, value = problem.values[output], on_plane(u, where, output)
    truth = _truth(problem, where.points, output)
    if truth is None:
        return [_image(where, value, f"{name}{when}", FIELD, value)]
    exact = where.image(torch.as_tensor(truth)[:, None])
    both, error = np.stack([value, exact]), np.abs(value - exact)
    return [
        _image(where, value, f"{name}{when}", FIELD, both),
        _image(where, exact, f"reference{when}", FIELD, both),
        _image(where, error, f"|error|, at most {short(float(np.nanmax(error)))}", ERROR, error),
    ]


def _image(where: Plane, image: Array, title: str, cmap: str, scale: Array) -> Panel:
    """An image in colours that reach over ``scale``."""
    low, high = float(np.nanmin(scale)), float(np.nanmax(scale))

    def draw(made: Figure, ax: Any) -> None:
        shown = ax.imshow(
            image,
            origin="lower",
            extent=where.extent,
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
    image = np.abs(on_plane(u, where, output))
    top = where.points.coords[int(np.nanargmax(image))].tolist()
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
                within = inside(problem.domain, p)
                value = blanked(evaluate(u, p)[:, output], within)
                ax.plot(p[axis], value, color=(shade, shade * 0.6, 0.5), label=label)
                truth = _truth(problem, p, output)
                if truth is not None:
                    label = "reference" if shade == 0 else None
                    ax.plot(
                        p[axis],
                        blanked(torch.as_tensor(truth), within),
                        color="black",
                        lw=1,
                        ls=(0, (4, 6)),
                        label=label,
                    )
        xlabel = " or ".join(cuts)
        ax.set(xlabel=xlabel, ylabel=name, title="profiles" if count > 1 else name)
        ax.legend(fontsize=8)
        ax.grid(alpha=0.3)

    return draw
