"""Pictures of a family: unseen shapes beside their reconstructions, and the shapes between two of its members."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.files import replacing
from pinnscene.problems.familyfitting import given_cloud
from pinnscene.problems.familysampling import HALF
from pinnscene.problems.familyscoring import member_iou, reconstructions
from pinnscene.problems.familyshapes import Frame, Member
from pinnscene.problems.familyviews import interpolate
from pinnscene.problems.truefield import TrueField
from pinnscene.render.baking import bake
from pinnscene.render.camera import Camera, corners, view
from pinnscene.render.canvas import figure, save
from pinnscene.render.discs import draw_points
from pinnscene.render.request import RenderRequest
from pinnscene.render.surface import PICTURES, picture
from pinnscene.render.video import ENDINGS, write_film
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problems.shapefamily import ShapeFamily

SHOWN = 6  # unseen shapes in the figure
PANEL = 160  # pixels of a shape in it
STRIP = 6  # shapes of a strip
SIDE = 240  # pixels of one of them
COARSE, BUDGET = 32, 200_000  # of the volume that a small picture is traced in
CUBE = Frame(np.zeros(3), 1.0)
Bytes = NDArray[np.uint8]


def draw_figures(problem: "ShapeFamily", u: Any, folder: Path) -> list[Path]:
    """Draw ``unseen.png`` and ``interpolation.png`` into ``folder``; returns their paths."""
    return [_unseen(problem, u, folder / "unseen.png"), _still(problem, u, RenderRequest(folder / "interpolation.png"))]


def render_interpolation(problem: "ShapeFamily", u: Any, request: RenderRequest) -> list[Path]:
    """A strip of the shapes between two members (png, jpg), a film of them (mp4, gif), or both into a folder.

    Raises:
        PinnsceneError: another ending.
    """
    if request.ending and not request.out.is_dir():
        if request.ending in ENDINGS:
            return [write_film(request.out, _film(problem, u, request), request.fps)]
        if request.ending in PICTURES:
            return [_still(problem, u, request)]
        known = ", ".join(PICTURES + ENDINGS)
        raise PinnsceneError(f"cannot write '{request.out.name}': expected a folder, {known}")
    strip = RenderRequest(request.out / "interpolation.png", request.size)
    film = write_film(request.out / "interpolation.mp4", _film(problem, u, request), request.fps)
    return [_still(problem, u, strip), film]


def _still(problem: "ShapeFamily", u: Any, request: RenderRequest) -> Path:
    """A strip of the shapes between two members, both of them included."""
    width, height = request.size or (STRIP * SIDE, SIDE)
    edges = np.linspace(0, width, STRIP + 1).round().astype(int)
    panels = []
    for k, (member, panel) in enumerate(zip(_between(problem, u, STRIP), np.diff(edges), strict=True), 1):
        if panel:
            panels.append(portrait(member, CUBE, (int(panel), height)))
        request.progress(k / STRIP)
    with replacing(request.out) as temporary:
        Image.fromarray(np.concatenate(panels, 1)).save(temporary)
    return request.out


def _film(problem: "ShapeFamily", u: Any, request: RenderRequest) -> Iterator[Bytes]:
    """The way from one member to the other."""
    frames = max(request.frames, 2)
    for k, member in enumerate(_between(problem, u, frames), 1):
        yield portrait(member, CUBE, request.size or (2 * SIDE, 2 * SIDE))
        request.progress(k / frames)


def _between(problem: "ShapeFamily", u: Any, steps: int) -> list[Differentiable]:
    """Members of the cube from the first to the last of ``between``, negative inside."""
    method = problem.learner
    first, last = method.codes(u, problem.between)
    return [method.place(v, CUBE) for v in interpolate(u, first, last, steps)]


def portrait(u: Differentiable, frame: Frame, size: tuple[int, int]) -> Bytes:
    """A shape as a small picture [height, width, 3]; white where the field has no surface."""
    box = around(frame)
    try:
        baked = bake(u, box, BUDGET, COARSE)
    except PinnsceneError:
        return np.full((size[1], size[0], 3), 255, np.uint8)
    return picture(u, box, camera_of(frame, size), size, baked=baked)


def around(frame: Frame) -> Box:
    """The domain of a shape in its own units."""
    ends = zip(frame.centre - frame.side * HALF, frame.centre + frame.side * HALF, strict=True)
    return Box(**dict(zip("xyz", [(float(low), float(high)) for low, high in ends], strict=True)))


def camera_of(frame: Frame, size: tuple[int, int]) -> Camera:
    """One view for all shapes of a family: that of the unit cube's sphere."""
    reach = 0.7 * frame.side / 2
    return view(corners(frame.centre - reach, frame.centre + reach), aspect=size[0] / size[1])


def _unseen(problem: "ShapeFamily", u: Any, path: Path) -> Path:
    """Rows: the points given, the truth, the reconstruction; a column for each of a few unseen shapes."""
    method, members = problem.learner, problem.members.scored[:SHOWN]
    found = reconstructions(method, u, members)
    size = (PANEL, PANEL)
    rows: dict[str, Callable[[int, Member], Bytes]] = {
        f"{problem.points} points": lambda k, m: draw_points(
            given_cloud(m, problem.points, problem.noise, k).points, camera_of(m.frame, size), size
        ),
        "truth": lambda k, m: portrait(TrueField(m.shape), m.frame, size),
        "reconstruction": lambda k, m: portrait(found[k], m.frame, size),
    }
    made = figure(1.6 * len(members) + 0.4, 1.6 * len(rows) + 0.4)
    axes = made.subplots(len(rows), len(members), squeeze=False)
    for line, (name, draw) in zip(axes, rows.items(), strict=True):
        for k, (ax, member) in enumerate(zip(line, members, strict=True)):
            ax.imshow(draw(k, member))
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(name)
    for k, (ax, member) in enumerate(zip(axes[-1], members, strict=True)):
        ax.set_xlabel(f"IoU {member_iou(found[k], member):.3f}")
    return save(made, path)
