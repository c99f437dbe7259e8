"""Exporting a solved field: what is asked for, what was written, and how most problems do it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from os import W_OK, access
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.files import replacing

if TYPE_CHECKING:
    from pinnscene.domain import Box
    from pinnscene.mesh import Mesh
    from pinnscene.problem import Problem
    from pinnscene.views import Differentiable

SURFACES = ("ply", "obj", "stl", "glb")  # formats that ``export_surface`` writes
MOST_POINTS = 100_000_000
MOST = 8 * 2**30  # bytes of a lattice: whoever reads it has it in memory whole


@dataclass(frozen=True)
class ExportRequest:
    """What to export.

    Attributes:
        out: the file, whose ending is the format.
        resolution: points along each axis of a lattice, cells along the longest side of a surface's box.
        level: the value on a surface; None for the problem's own, 0 where it says nothing.
        progress: told the share done, from 0 to 1.
        what: one of the problem's kinds of exports; None for the first that has the format.
        points: of a point cloud.
        ending: the format of the files in a folder; None for the ending of ``out``.
        bodies: how many of a surface's bodies to keep, the largest ones; None for all.
        told: hears a line on what a long export will take, before it is begun in earnest.
    """

    out: Path
    resolution: int = 256
    level: float | None = None
    progress: Callable[[float], None] = lambda share: None
    what: str | None = None
    points: int = 200_000
    ending: str | None = None
    bodies: int | None = None
    told: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        if not 1 <= self.points <= MOST_POINTS:
            raise PinnsceneError(f"points expected 1 to {MOST_POINTS}, got {self.points}")
        if not 8 <= self.resolution <= 4096:
            raise PinnsceneError(f"resolution expected 8 to 4096, got {self.resolution}")
        if self.bodies is not None and self.bodies < 1:
            raise PinnsceneError(f"bodies expected at least 1 to keep, got {self.bodies}")
        if self.level is not None and not isfinite(self.level):
            raise PinnsceneError(f"level expected a finite number, got {self.level}")

    @property
    def format(self) -> str:
        """The ending of the file, or of the files in a folder, in lower case and without its dot."""
        return self.ending or self.out.suffix.lower().removeprefix(".")


class Kind(NamedTuple):
    """A kind of export: the ``formats`` it has, the usual one first, and whether it is a ``folder`` of such files."""

    formats: tuple[str, ...]
    folder: bool = False


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: the files.
        notes: lines to show beside them.
        report: the same as plain data, for programs.
    """

    files: list[Path]
    notes: list[str] = field(default_factory=list)
    report: Mapping[str, Any] = field(default_factory=dict)


def choose_format(formats: Sequence[str], wanted: str | None, out: Path | None) -> str:
    """The format to write: the one ``wanted``, that of ``out``'s ending, or the first of what a problem has.

    Raises:
        PinnsceneError: a format that the problem does not have, a file without an ending, or with another one.
    """
    ending = None if out is None else out.suffix.lower().removeprefix(".")
    if ending == "":
        raise PinnsceneError(f"--out expected a file with an ending, such as {out}.{wanted or formats[0]}, got {out}")
    asked = (wanted or ending or formats[0]).lower()
    if asked not in formats:
        raise PinnsceneError(f"{unknown('format', asked, formats)} (this problem exports {', '.join(formats)})")
    if ending not in (None, asked):
        raise PinnsceneError(f"--format {asked} and --out {out} differ: leave one out, or give {out}'s ending")
    return asked


def choose_kind(kinds: Mapping[str, Kind], what: str | None, wanted: str | None, out: Path | None) -> tuple[str, str]:
    """The kind of export and its format: the kind ``what``, or the first one that has the format.

    Args:
        kinds: what a problem has.
        what: the kind asked for; None for what suits.
        wanted: the format asked for, likewise.
        out: the file, whose ending is the format, or a folder for a kind that makes one.

    Raises:
        PinnsceneError: what the problem does not have, see ``choose_format``.
    """
    if what is not None and what not in kinds:
        raise unknown("kind of export", what, kinds)
    if what is not None and kinds[what].folder:
        if out is not None and out.suffix:
            raise PinnsceneError(f"{what} is a folder of files: expected a folder for --out, got {out}")
        return what, choose_format(kinds[what].formats, wanted, None)
    single = {name: kind for name, kind in kinds.items() if not kind.folder or what == name}
    some = single if what is None else {what: kinds[what]}
    chosen = choose_format(tuple(dict.fromkeys(f for kind in some.values() for f in kind.formats)), wanted, out)
    return next(name for name, kind in some.items() if chosen in kind.formats), chosen


def check_place(path: Path, folder: bool = False) -> None:
    """Raise ``PinnsceneError`` where a file, or a folder, cannot be written, before any work is done for it."""
    if folder and path.exists() and not path.is_dir():
        raise PinnsceneError(f"{path} is a file: give a folder to --out")
    if path.is_dir() and not folder:
        raise PinnsceneError(f"{path} is a folder: give a file to --out")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise PinnsceneError(f"cannot write {path}: {parent} is a file")
    if not access(parent, W_OK):
        raise PinnsceneError(f"cannot write {path}: no permission to write in {parent}")


def export_surface(
    u: "Differentiable",
    box: "Box",
    request: ExportRequest,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    finish: "Callable[[Mesh], Mesh] | None" = None,
) -> Exported:
    """Write the surface where ``u`` is the request's level, its vertices projected onto it, with normals.

    Args:
        u: a field of three axes and one output, less than the level inside: negate one that is greater there.
        box: where to look, in the units of the file.
        request: its format is one of ``SURFACES``.
        origin: what is added to every vertex.
        finish: what is done to the mesh with its normals, in the field's coordinates, such as colouring it.

    Returns:
        The file and the mesh's report.
    """
    from pinnscene.mesh import cell_size, extract, project, report, write_mesh
    from pinnscene.mesh.bodies import largest

    first, second = (lambda s: request.progress(0.8 * s)), (lambda s: request.progress(0.8 + 0.2 * s))
    level = request.level or 0.0
    mesh = extract(u, box, request.resolution, level, first, request.told)
    mesh, dropped = (mesh, 0) if request.bodies is None else largest(mesh, request.bodies)
    mesh = project(u, mesh, cell_size(box, request.resolution), level, second)
    mesh = mesh if finish is None else finish(mesh)
    mesh = replace(mesh, vertices=mesh.vertices + np.array(origin))
    found = report(mesh)
    written = write_mesh(mesh, request.out)
    hints = [] if found.watertight else ["open: the surface leaves the box; volume and genus are not defined"]
    hints += [f"left out: {dropped} smaller bodies"] if dropped else []
    return Exported([written], [found.line(), *hints], asdict(found))


def export_lattice(
    problem: "Problem", u: "Differentiable", request: ExportRequest, origin: Sequence[float] | None = None
) -> Exported:
    """Write the values on a regular lattice of the problem's box, ends included, as npz.

    The file holds ``axes`` (their names), the coordinates along each axis by its name, ``names`` of the outputs,
    and ``values`` of shape [points along each axis ..., outputs], float64. A part at a time is in memory.
    ``origin`` is added to the coordinates where the problem's domain is about another place than its data.

    Raises:
        PinnsceneError: a level other than 0, bodies to keep, or less room on the disk than the file takes.
    """
    from pinnscene.lattices import write_lattice

    if request.bodies is not None:
        raise PinnsceneError("bodies are pieces of a surface, npz has none: leave --bodies out")
    if request.level:
        raise PinnsceneError("level is for surfaces, npz holds the values as they are: leave --level out")
    shape = (request.resolution,) * len(problem.domain.axes)
    check_room(request.out, 8 * request.resolution ** len(shape) * len(u.values))
    with replacing(request.out) as temporary:
        write_lattice(u, problem.domain, shape, temporary, request.progress, origin)
    note = f"{' x '.join(map(str, shape))} points of {', '.join(problem.domain.axes)}"
    return Exported([request.out], [note], {"shape": list(shape), "axes": list(problem.domain.axes)})


def check_room(path: Path, size: int) -> None:
    """Raise ``PinnsceneError`` where a file of ``size`` bytes is more than ``MOST`` or than its disk has room for."""
    from shutil import disk_usage

    parent = next(folder for folder in path.absolute().parents if folder.exists())
    room, gib = min(MOST, disk_usage(parent).free), 2**30
    if size > room:
        raise PinnsceneError(
            f"{path.name} would take {size / gib:.3g} GiB, at most {room / gib:.3g} GiB can be written: "
            f"take a smaller --resolution"
        )
