"""``pinnscene export``: meshes, points and values of a solved field, for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from pinnscene.cli import options as opt


def export(
    target: opt.TargetRun,
    kind: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="ply, obj, stl, glb, vtu, npz ...: what the problem has."),
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Of a scene of rays: mesh (ply, glb, obj, stl), grid (npz: the density on a lattice), points (ply, "
            "npz), cameras (json), or depth (a folder of tiff or npy).",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="A file, or a folder for depth; by default RUN/exports/PROBLEM.FORMAT."),
    ] = None,
    resolution: Annotated[
        int, typer.Option(help="Points along each axis; for surfaces, cells along the longest side.")
    ] = 256,
    level: Annotated[
        float | None,
        typer.Option(
            help="The value on the surface; of a scene of rays the density, per unit of length, by default that which "
            "takes half of the light in 3 % of half the box.",
            show_default="0",
        ),
    ] = None,
    points: Annotated[int, typer.Option(help="Points of a point cloud.")] = 200_000,
    bodies: Annotated[
        int | None,
        typer.Option(help="Of a surface, keep so many bodies, the largest: 1 drops crumbs and hollows."),
    ] = None,
    at: opt.At = None,
    data: opt.Data = None,
    sets: opt.Sets = None,
    device: opt.Device = "auto",
    code: opt.Code = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Write a solved field as a mesh (PLY, OBJ, STL, GLB), cells (VTU), a lattice (NPZ), or what else it has."""
    del debug
    from dataclasses import replace

    from pinnscene.cli.opening import open_run
    from pinnscene.cli.progress import Progress
    from pinnscene.errors import PinnsceneError
    from pinnscene.exporting import SURFACES, ExportRequest, check_place, choose_kind
    from pinnscene.report import problem_name
    from pinnscene.run import dumps

    opt.refuse_empty(data=data, out=out, problem=code, format=kind, what=what)
    # a wrong request is told before anything is loaded
    request = ExportRequest(Path(out or "exports"), resolution, level, points=points, bodies=bodies)
    opened = open_run(target, data, sets, code, "export")
    problem, field = opened.problem, None
    if (values := opt.parse_at(at)) is not None:
        problem, field = problem.at(opened.field(device), values)
    kinds = problem.exports()
    chosen, ending = choose_kind(kinds, what, kind, Path(out) if out else None)
    if bodies is not None and (ending not in SURFACES or chosen not in ("field", "mesh")):
        raise PinnsceneError(f"--bodies is for meshes, {chosen} as {ending} is none: leave it out")
    folder = kinds[chosen].folder
    stem = problem_name(opened.problem) if what is None else chosen
    place = Path(out) if out else opened.run.path / "exports" / (stem if folder else f"{stem}.{ending}")
    check_place(place, folder)
    field = opened.field(device) if field is None else field
    with Progress(quiet=quiet or as_json) as progress:
        request = replace(request, out=place, what=chosen, ending=ending)
        request = replace(request, progress=lambda done: progress.share(done, "exporting"), told=progress.tell)
        written = problem.export(field, request)
    if as_json:
        facts = {"run": str(opened.run.path), "files": [str(p) for p in written.files], "report": written.report}
        print(dumps(facts), end="")
    elif not quiet:
        for line in [*map(str, written.files), *written.notes]:
            print(line)
