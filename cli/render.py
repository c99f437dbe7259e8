"""``pinnscene render``: pictures and films of a solved field."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pinnscene.cli import options as opt
from pinnscene.cli.opening import Opened, is_run, with_code
from pinnscene.cli.solve import solve_run

if TYPE_CHECKING:
    from pinnscene.config import Config
    from pinnscene.render.request import RenderRequest
    from pinnscene.run import Run


def render(
    target: Annotated[str, typer.Argument(metavar="PROBLEM|RUN", help="A problem (its newest run) or a run folder.")],
    out: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="A folder, or a file by its ending: film.mp4, film.gif, view.png."),
    ] = None,
    size: Annotated[str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Pixels, such as 2048x2048.")] = None,
    frames: Annotated[int, typer.Option(help="Frames of a film.")] = 48,
    fps: Annotated[int, typer.Option(help="Frames a second.")] = 24,
    what: Annotated[
        str | None,
        typer.Option(
            help="Of a surface: shaded, normal, depth, curvature or gaussian. Of a scene: rgb, depth, normal, opacity, "
            "or several of them, separated by commas. Of a field: solution in the plane; in space slices, surface, "
            "volume, iso, or several of them.",
            show_default="shaded, rgb",
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(
            metavar="WAY|FILE.json",
            help="Of a scene: orbit, spiral, interpolate (through the training views), dataset (the held-out views), "
            "or cameras from a file.",
            show_default="orbit",
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Rays a pixel of a surface or a scene.", show_default="4, 1")
    ] = None,
    azimuth: Annotated[
        float | None, typer.Option(help="Degrees of the first camera around a surface or a scene.", show_default="35")
    ] = None,
    elevation: Annotated[
        float | None, typer.Option(help="Degrees of the camera above the ground.", show_default="25, as in training")
    ] = None,
    up: Annotated[str | None, typer.Option(help="The axis that points upwards, x, y or z.")] = None,
    beside: Annotated[bool, typer.Option("--beside", help="Of a surface: what it was made from beside it.")] = False,
    at: opt.At = None,
    data: opt.Data = None,
    downscale: opt.Downscale = None,
    sets: opt.Sets = None,
    device: opt.Device = "auto",
    code: opt.Code = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Draw pictures and films of a solved field; solve first where there is no run yet."""
    del debug
    from dataclasses import replace

    from pinnscene.cli.progress import Progress
    from pinnscene.render.request import RenderRequest
    from pinnscene.run import dumps

    opt.refuse_empty(data=data, out=out, problem=code, what=what, camera=camera)
    given, knobs = opt.parse_sets(sets, data, downscale)
    wanted = opt.parse_size(size)
    view: dict[str, Any] = {"what": what, "samples": samples, "azimuth": azimuth, "elevation": elevation}
    view |= {"up": up, "beside": beside, "camera": camera, "at": opt.parse_at(at)}
    # a wrong request is told before a solve begins
    asked = RenderRequest(Path(out or "renders"), wanted, frames, fps, **view)
    opened = _find(target, given, knobs, device, code, asked, quiet or as_json)
    run, field = opened.run, opened.field(device)
    with Progress(quiet=quiet or as_json) as progress:
        request = replace(asked, out=Path(out) if out else run.path / "renders", progress=progress.share)
        written = opened.problem.render(field, request)
    if as_json:
        print(dumps({"run": str(run.path), "files": [str(p) for p in written]}), end="")
    elif not quiet:
        for path in written:
            print(path)


def _find(
    target: str,
    given: dict[str, str],
    knobs: dict[str, dict[str, str]],
    device: str,
    code: str | None,
    asked: "RenderRequest",
    quiet: bool,
) -> Opened:
    """The run to draw: the one named, the newest with the same configuration, or a new one."""
    from pinnscene.errors import PinnsceneError
    from pinnscene.options import build_problem, find_problem
    from pinnscene.report import problem_name
    from pinnscene.run import Run
    from pinnscene.solve import Settings, configure, reopen

    if is_run(target):
        if knobs:
            raise PinnsceneError("a run is drawn as it was trained: leave the knobs out of --set, or name the problem")
        run = Run.open(target)
        made, configured = reopen(run, with_code(given, code))
        made.check_render(asked)
        return Opened(run, made, configured)
    made = build_problem(find_problem(target), given)
    made.check_render(asked)
    configured = configure(made, Settings(device=device, knobs=knobs), target)
    for path in sorted(Path("runs").glob(f"{problem_name(made)}/*/result.json"), reverse=True):
        run = Run(path.parent)
        if _same(run, configured, made.view_options()):
            print(f"drawing the newest run with this configuration, {run.path}", file=sys.stderr)
            return Opened(run, made, configured)
    print("no run with this configuration yet: solving first", file=sys.stderr)
    _, run, _ = solve_run(made, configured, None, None, None, quiet=quiet)
    return Opened(run, made, configured)


def _same(run: "Run", configured: "Config", views: tuple[str, ...]) -> bool:
    """Whether a finished run was configured alike; where it ran does not count, nor options of ``views``."""
    from dataclasses import replace

    from pinnscene.errors import PinnsceneError

    try:
        known, status = run.config, run.result["status"]
    except (PinnsceneError, KeyError):
        return False
    ran, asked = (
        replace(c, device="auto", options={k: v for k, v in c.options.items() if k not in views})
        for c in (known, configured)
    )
    return ran.dumps() == asked.dumps() and status in ("converged", "max_steps")
