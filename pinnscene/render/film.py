"""A field on a domain as a film over t, or as slices."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinnscene.domain import Domain
from pinnscene.errors import NoSurface, PinnsceneError
from pinnscene.geometry.space import space_of
from pinnscene.metrics import evaluate
from pinnscene.render.canvas import FIELD, figure, pixels, save
from pinnscene.render.outline import show, spread
from pinnscene.render.planes import Array, cut_out, line, on_plane, plane, times
from pinnscene.render.request import SOLID, RenderRequest
from pinnscene.render.slices import draw_slices, slices
from pinnscene.render.video import ENDINGS, write_film
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pathlib import Path

    from pinnscene.problem import Problem

STILL = (".png", ".jpg", ".jpeg")  # pictures of pixels
PICTURES = (".png", ".jpg", ".pdf", ".svg")
DPI = 100
LEAST = (200, 160)  # pixels that axes and a colour bar need
POINTS = 400  # of a curve
SETTLING = 3  # drawings until the layout is that of all frames


def render_domain(problem: "Problem", u: Differentiable, request: RenderRequest) -> "list[Path]":
    """A film (mp4, gif), a picture (png, jpg, pdf, svg), or both into a folder.

    A picture is of slices beside the reference, or with a size of the field alone, that large; in space there are views
    of the solid, too, see ``pinnscene.render.solid``.

    Raises:
        PinnsceneError: an ending of another kind, or a film of slices without t.
    """
    known = kinds(problem.domain)
    chosen = known if request.what is None and not request.ending else request.kinds(known, known[0])
    written = _flat(problem, u, request) if chosen[0] == known[0] else []
    for kind in chosen:
        if kind in SOLID:
            written += _views(problem, u, kind, request)
    return written


def draw_domain(problem: "Problem", u: Differentiable, folder: "Path") -> "list[Path]":
    """The pictures of a solved field: slices, see ``draw_slices``, and of a solid that is no box its surface."""
    written = draw_slices(problem, u, folder)
    if "surface" in kinds(problem.domain) and cut_out(problem.domain) is not None:
        with suppress(NoSurface):  # one too thin to trace
            written += _views(problem, u, "surface", RenderRequest(folder))
    return written


def kinds(domain: Domain) -> tuple[str, ...]:
    """What may be drawn of a field on a domain, the usual kind first."""
    region = space_of(domain)
    return ("slices", *SOLID) if region is not None and len(region.axes) == 3 else ("solution",)


def _views(problem: "Problem", u: Differentiable, kind: str, request: RenderRequest) -> "list[Path]":
    """Views of the solid: the file asked for, of the first output, or one of each output into a folder.

    Into a folder goes what the problem derives from the field, too.
    """
    from pinnscene.render.solid import render_solid

    if request.ending in STILL + ENDINGS:
        return [render_solid(problem, u, kind, request, request.out)]
    if request.ending:
        raise PinnsceneError(f"cannot write '{request.out.name}': expected a folder, {', '.join(STILL + ENDINGS)}")
    stems = [kind] if len(problem.values) == 1 else [f"{kind}_{name}" for name in problem.values]
    written = [render_solid(problem, u, kind, request, request.out / f"{stem}.png", k) for k, stem in enumerate(stems)]
    derived = problem.derived(u)
    if derived is not None:
        name, last = derived.values[-1], len(derived.values) - 1
        written.append(render_solid(problem, derived, kind, request, request.out / f"{kind}_{name}.png", last))
    return written


def _flat(problem: "Problem", u: Differentiable, request: RenderRequest) -> "list[Path]":
    moving = "t" in problem.domain.axes
    if request.ending in ENDINGS:
        if not moving:
            raise PinnsceneError("a film needs an axis t, which this problem does not have: ask for a png")
        return [write_film(request.out, film(problem, u, request), request.fps)]
    if request.ending in PICTURES:
        made = slices(problem, u) if request.size is None else portrait(problem, u, request.size)
        return [save(made, request.out)]
    if request.ending:
        raise PinnsceneError(f"cannot write '{request.out.name}': expected a folder, {', '.join(PICTURES + ENDINGS)}")
    written = [save(slices(problem, u), request.out / "slices.png")]
    if moving:
        written.append(write_film(request.out / "film.mp4", film(problem, u, request), request.fps))
    return written


def portrait(problem: "Problem", u: Differentiable, size: tuple[int, int]) -> Figure:
    """The field alone on the plane of its first two axes, outputs side by side.

    Where there is no room for a frame the first output fills the picture.
    """
    width, height = size
    names = problem.values if width >= LEAST[0] * len(problem.values) and height >= LEAST[1] else problem.values[:1]
    room = width >= LEAST[0] and height >= LEAST[1]
    made = figure(width / DPI, height / DPI, DPI, framed=room)
    if len(problem.domain.axes) == 1:
        p = line(problem.domain, problem.domain.axes[0])
        made.add_subplot().plot(p[problem.domain.axes[0]], evaluate(u, p)[:, 0])
        return made
    where = plane(problem.domain, max(16, min(1024, max(size))))
    axs = made.subplots(1, len(names), squeeze=False)[0] if room else [made.add_axes((0, 0, 1, 1), frameon=False)]
    aspect = "equal" if room and "t" not in where.axes else "auto"
    for k, (name, ax) in enumerate(zip(names, axs, strict=True)):
        image = show(ax, problem.domain, where, on_plane(u, where, k), aspect=aspect, cmap=FIELD)
        if room:
            ax.set(xlabel=where.axes[0], ylabel=where.axes[1], title=name)
            made.colorbar(image, ax=ax, location="right" if len(names) == 1 else "bottom")
        else:
            ax.set_axis_off()
    return made


def film(problem: "Problem", u: Differentiable, request: RenderRequest) -> Iterator[NDArray[np.uint8]]:
    """The frames, outputs side by side: curves for one axis of space, else planes through the middle.

    Each output keeps one scale throughout.
    """
    names = problem.values
    width, height = request.size or (640 if len(names) == 1 else 480 * len(names), 480)
    if width < LEAST[0] * len(names) or height < LEAST[1]:
        least = f"{LEAST[0] * len(names)}x{LEAST[1]}"
        raise PinnsceneError(f"a film needs at least {least} pixels, got {width}x{height}")
    moments = times(problem.domain, request.frames)
    made = figure(width / DPI, height / DPI, DPI)
    axs = made.subplots(1, len(names), squeeze=False)[0]
    draw = _curves if len(problem.domain.axes) == 2 else _images
    draw_at = draw(problem, u, made, axs)
    made.suptitle(f"t = {moments[-1]:.3f}")
    for _ in range(SETTLING):
        pixels(made)
    made.set_layout_engine("none")
    for k, t in enumerate(moments, 1):
        draw_at(t)
        made.suptitle(f"t = {t:.3f}")
        yield pixels(made)
        request.progress(k / len(moments))


def _curves(problem: "Problem", u: Differentiable, made: Figure, axs: Any) -> Callable[[float], None]:
    """Draw the values along the axis of space; returns what shows them at another time."""
    del made
    domain, axis = problem.domain, problem.domain.space[0]
    values_at = lambda t, n: evaluate(u, line(domain, axis, n, t=t)).numpy()
    seen = np.concatenate([values_at(t, 64) for t in times(domain, 12)])
    place, curves = line(domain, axis, POINTS)[axis], []
    for ax, name, column in zip(axs, problem.values, seen.T, strict=True):
        low, high = float(column.min()), float(column.max())
        margin = 0.05 * (high - low or 1)
        curves += ax.plot(place, np.zeros(POINTS), color="crimson", lw=2)
        ax.set(xlabel=axis, ylabel=name, ylim=(low - margin, high + margin))
        ax.grid(alpha=0.3)

    def draw_at(t: float) -> None:
        for curve, column in zip(curves, values_at(t, POINTS).T, strict=True):
            curve.set_ydata(column)

    return draw_at


def _images(problem: "Problem", u: Differentiable, made: Figure, axs: Any) -> Callable[[float], None]:
    """Draw the planes of the first two axes of space; returns what shows them at another time."""
    domain = problem.domain

    def images_at(t: float, n: int) -> list[Array]:
        where = plane(domain, n, t=t)
        values = evaluate(u, where.points)
        return [where.image(values, k) for k in range(len(problem.values))]

    where, images = plane(domain, t=domain.lower[domain.axes.index("t")]), []
    seen = np.stack([np.stack(images_at(t, 48)) for t in times(domain, 12)], 1)
    for ax, name, part in zip(axs, problem.values, seen, strict=True):
        low, high = float(np.nanmin(part)), float(np.nanmax(part))
        image = show(ax, domain, where, np.zeros(where.shape), cmap=FIELD, vmin=low, vmax=high)
        ax.set(xlabel=where.axes[0], ylabel=where.axes[1], title=name)
        made.colorbar(image, ax=ax, location="right" if len(axs) == 1 else "bottom")
        images.append(image)

    def draw_at(t: float) -> None:
        for image, values in zip(images, images_at(t, where.shape[0]), strict=True):
            image.set_data(spread(values))

    return draw_at
