"""A field on a domain as a film over t, or as slices."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.metrics import evaluate
from pinnscene.render.canvas import FIELD, figure, pixels, save
from pinnscene.render.planes import line, on_plane, plane, times
from pinnscene.render.request import RenderRequest
from pinnscene.render.slices import slices
from pinnscene.render.video import ENDINGS, write_film
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pathlib import Path

    from pinnscene.problem import Problem

PICTURES = (".png", ".jpg", ".pdf", ".svg")
DPI = 100
LEAST = (200, 160)  # pixels that axes and a colour bar need


def render_domain(problem: "Problem", u: Differentiable, request: RenderRequest) -> "list[Path]":
    """A film (mp4, gif), a picture (png, jpg, pdf, svg), or both into a folder.

    A picture is of slices beside the reference, or with a size of the field alone, that large.

    Raises:
        PinnsceneError: an ending of another kind, or a film of a field without t.
    """
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
    """The field alone on the plane of its first two axes, without a frame where there is no room for one."""
    width, height = size
    room = width >= LEAST[0] and height >= LEAST[1]
    made = figure(width / DPI, height / DPI, DPI, framed=room)
    if len(problem.domain.axes) == 1:
        p = line(problem.domain, problem.domain.axes[0])
        made.add_subplot().plot(p[problem.domain.axes[0]], evaluate(u, p)[:, 0])
        return made
    where = plane(problem.domain, max(16, min(1024, max(size))))
    ax = made.add_subplot() if room else made.add_axes((0, 0, 1, 1), frameon=False)
    image = ax.imshow(on_plane(u, where), origin="lower", extent=where.extent, aspect="auto", cmap=FIELD)
    if room:
        ax.set(xlabel=where.axes[0], ylabel=where.axes[1], title=problem.values[0])
        made.colorbar(image, ax=ax)
    else:
        ax.set_axis_off()
    return made


def film(problem: "Problem", u: Differentiable, request: RenderRequest) -> Iterator[NDArray[np.uint8]]:
    """The frames: a curve for one axis of space, else the plane through the middle; one scale for all."""
    width, height = request.size or (640, 480)
    if width < LEAST[0] or height < LEAST[1]:
        raise PinnsceneError(f"a film needs at least {LEAST[0]}x{LEAST[1]} pixels, got {width}x{height}")
    domain, moments = problem.domain, times(problem.domain, request.frames)
    made = figure(width / DPI, height / DPI, DPI)
    ax = made.add_subplot()
    low, high = _range(problem, u)
    if len(domain.axes) == 2:
        p = line(domain, domain.space[0], t=moments[0])
        (curve,) = ax.plot(p[domain.space[0]], evaluate(u, p)[:, 0], color="crimson", lw=2)
        margin = 0.05 * (high - low or 1)
        ax.set(xlabel=domain.space[0], ylabel=problem.values[0], ylim=(low - margin, high + margin))
        ax.grid(alpha=0.3)
        show = lambda t: curve.set_ydata(evaluate(u, line(domain, domain.space[0], t=t))[:, 0].numpy())
    else:
        where = plane(domain, t=moments[0])
        image = ax.imshow(on_plane(u, where), origin="lower", extent=where.extent, cmap=FIELD, vmin=low, vmax=high)
        ax.set(xlabel=where.axes[0], ylabel=where.axes[1])
        made.colorbar(image, ax=ax)
        show = lambda t: image.set_data(on_plane(u, plane(domain, t=t)))
    for k, t in enumerate(moments, 1):
        show(t)
        ax.set_title(f"t = {t:.3f}")
        yield pixels(made)
        request.progress(k / len(moments))


def _range(problem: "Problem", u: Differentiable) -> tuple[float, float]:
    """The least and greatest value over the film."""
    values = [
        on_plane(u, plane(problem.domain, 48, t=t))
        if len(problem.domain.axes) > 2
        else evaluate(u, line(problem.domain, problem.domain.space[0], 64, t=t)).numpy()
        for t in times(problem.domain, 12)
    ]
    return min(float(v.min()) for v in values), max(float(v.max()) for v in values)
