"""``pinnscene export``: meshes and values of a solved field, for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from pinnscene.cli import options as opt


def export(
    target: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, latest or latest:PROBLEM.")],
    kind: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="ply, obj, stl, glb, npz: what the problem has."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where to, by default RUN/exports/PROBLEM.FORMAT.")
    ] = None,
    resolution: Annotated[
        int, typer.Option(help="Points along each axis; for surfaces, cells along the longest side.")
    ] = 256,
    level: Annotated[float, typer.Option(help="The value on the surface.")] = 0.0,
    data: opt.Data = None,
    sets: opt.Sets = None,
    device: opt.Device = "auto",
    code: opt.Code = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Write a solved field as a mesh (PLY, OBJ, STL, GLB) or as values on a lattice (NPZ)."""
    del debug
    from pinnscene.cli.progress import Progress
    from pinnscene.cli.render import open_field
    from pinnscene.errors import PinnsceneError
    from pinnscene.exporting import ExportRequest, check_place, choose_format
    from pinnscene.report import problem_name
    from pinnscene.run import Run, dumps
    from pinnscene.solve import reopen

    opt.refuse_empty(data=data, out=out, problem=code, format=kind)
    given, knobs = opt.parse_sets(sets, data)
    if knobs:
        raise PinnsceneError("export takes --set for moved data and code only, not for knobs")
    ExportRequest(Path(out or "exports"), resolution, level)  # a wrong request is told before anything is loaded
    run = Run.open(target)
    made, configured = reopen(run, {**given, **({"problem": code} if code else {})})
    ending = choose_format(made.formats(), kind, Path(out) if out else None)
    place = Path(out) if out else run.path / "exports" / f"{problem_name(made)}.{ending}"
    check_place(place)
    field = open_field(run, made, configured, device)
    with Progress(quiet=quiet or as_json) as progress:
        written = made.export(
            field, ExportRequest(place, resolution, level, lambda done: progress.share(done, "exporting"))
        )
    if as_json:
        print(dumps({"run": str(run.path), "files": [str(p) for p in written.files], "report": written.report}), end="")
    elif not quiet:
        for line in [*map(str, written.files), *written.notes]:
            print(line)
