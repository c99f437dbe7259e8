"""Pictures of a field on a domain: slices beside the reference and the error, and profiles."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from pinnscene.metrics import evaluate
from pinnscene.render.canvas import ERROR, FIELD, figure, save, short
from pinnscene.render.planes import Array, Plane, line, on_plane, plane, times
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problem import Problem


def draw_slices(problem: "Problem", u: Differentiable, folder: Path) -> list[Path]:
    """One picture an output: the field, and the reference and error where there is one.

    Two axes are drawn whole, with profiles at five values of t; more as slices at four times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for k, name in enumerate(problem.values):
        path = folder / ("solution.png" if len(problem.values) == 1 else f"{name}.png")
        written.append(save(slices(problem, u, k), path))
    return written


def slices(problem: "Problem", u: Differentiable, output: int = 0) -> Figure:
    """The picture of one output."""
    axes = problem.domain.axes
    if len(axes) == 1:
        return _profile(problem, u, output)
    if len(axes) == 2:
        return _whole(problem, u, output)
    return _sequence(problem, u, output)


def _panels(problem: "Problem", u: Differentiable, where: Plane, output: int) -> list[tuple[str, Array, str]]:
    value = on_plane(u, where, output)
    panels = [(problem.values[output], value, FIELD)]
    truth = problem.reference(where.points)
    if truth is not None:
        exact = where.image(truth, output)
        panels += [("reference", exact, FIELD), ("|error|", np.abs(value - exact), ERROR)]
    return panels


def _draw(
    made: Figure, ax: Any, where: Plane, image: Array, title: str, limits: tuple[float, float] | None, cmap: str
) -> None:
    low, high = limits or (float(image.min()), float(image.max()))
    shown = ax.imshow(
        image,
        origin="lower",
        extent=where.extent,
        aspect="auto",
        cmap=cmap,
        vmin=low,
        vmax=high if high > low else low + 1,
    )
    ax.set(xlabel=where.axes[0], ylabel=where.axes[1], title=title)
    made.colorbar(shown, ax=ax, shrink=0.9)


def _limits(panels: list[tuple[str, Array, str]]) -> tuple[float, float]:
    """Field and reference share their colours."""
    return min(float(p.min()) for _, p, _ in panels[:2]), max(float(p.max()) for _, p, _ in panels[:2])


def _whole(problem: "Problem", u: Differentiable, output: int) -> Figure:
    where = plane(problem.domain)
    panels = _panels(problem, u, where, output)
    made = figure(4.4 * (len(panels) + 1), 3.8)
    axs = made.subplots(1, len(panels) + 1)
    for ax, (title, image, cmap) in zip(axs, panels, strict=False):
        if cmap == ERROR:
            _draw(made, ax, where, image, f"{title}, at most {short(float(image.max()))}", None, cmap)
        else:
            _draw(made, ax, where, image, title, _limits(panels), cmap)
    across, along = where.axes
    k = problem.domain.axes.index(along)
    low, high = problem.domain.lower[k], problem.domain.upper[k]
    for at in np.linspace(low, high, 5):
        held: dict[str, Any] = {along: float(at)}
        p = line(problem.domain, across, **held)
        shade = 0.85 * (at - low) / (high - low)
        axs[-1].plot(p[across], evaluate(u, p)[:, output], color=(shade, shade * 0.6, 0.5), label=f"{along} = {at:.3g}")
    axs[-1].set(xlabel=across, ylabel=problem.values[output], title="profiles")
    axs[-1].legend(fontsize=8)
    axs[-1].grid(alpha=0.3)
    return made


def _sequence(problem: "Problem", u: Differentiable, output: int) -> Figure:
    moments: list[dict[str, float]] = [{"t": t} for t in times(problem.domain, 4)] or [{}]
    rows = [(held, where := plane(problem.domain, 128, **held), _panels(problem, u, where, output)) for held in moments]
    made = figure(4.2 * len(rows[0][2]), 3.4 * len(rows))
    axs = made.subplots(len(rows), len(rows[0][2]), squeeze=False)
    for line_of, (held, where, panels) in zip(axs, rows, strict=True):
        when = "".join(f", {axis} = {value:.3g}" for axis, value in held.items())
        for ax, (title, image, cmap) in zip(line_of, panels, strict=True):
            limits = None if cmap == ERROR else _limits(panels)
            _draw(made, ax, where, image, f"{title}{when}", limits, cmap)
    return made


def _profile(problem: "Problem", u: Differentiable, output: int) -> Figure:
    axis = problem.domain.axes[0]
    p = line(problem.domain, axis)
    made = figure(6, 4)
    ax = made.add_subplot()
    ax.plot(p[axis], evaluate(u, p)[:, output], label=problem.values[output])
    truth = problem.reference(p)
    if truth is not None:
        ax.plot(p[axis], truth[:, output], "--", label="reference")
    ax.set(xlabel=axis, ylabel=problem.values[output])
    ax.legend()
    ax.grid(alpha=0.3)
    return made
