"""``pinnscene render``: pictures and films of a solved field."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pinnscene.cli import options as opt
from pinnscene.cli.solve import _is_run, solve_run

if TYPE_CHECKING:
    from pinnscene.config import Config
    from pinnscene.field import Field
    from pinnscene.piecewise import Piecewise
    from pinnscene.problem import Problem
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
        typer.Option(help="Of a surface: shaded, normal, depth, curvature or gaussian.", show_default="shaded"),
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Of a surface: rays a pixel.", show_default="4")] = None,
    azimuth: Annotated[
        float | None, typer.Option(help="Of a surface: the camera's degrees around it.", show_default="35")
    ] = None,
    elevation: Annotated[
        float | None, typer.Option(help="Of a surface: the camera's degrees above the ground.", show_default="25")
    ] = None,
    up: Annotated[str | None, typer.Option(help="Of a surface: the axis that points upwards, x, y or z.")] = None,
    beside: Annotated[bool, typer.Option("--beside", help="Of a surface: what it was made from beside it.")] = False,
    data: opt.Data = None,
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

    opt.refuse_empty(data=data, out=out, problem=code)
    given, knobs = opt.parse_sets(sets, data)
    wanted = opt.parse_size(size)
    view: dict[str, Any] = {"what": what, "samples": samples, "azimuth": azimuth, "elevation": elevation}
    view |= {"up": up, "beside": beside}
    # a wrong request is told before a solve begins
    asked = RenderRequest(Path(out or "renders"), wanted, frames, fps, **view)
    run, made, configured = _find(target, given, knobs, device, code, asked, quiet or as_json)
    field = open_field(run, made, configured, device)
    with Progress(quiet=quiet or as_json) as progress:
        request = replace(asked, out=Path(out) if out else run.path / "renders", progress=progress.share)
        written = made.render(field, request)
    if as_json:
        print(dumps({"run": str(run.path), "files": [str(p) for p in written]}), end="")
    elif not quiet:
        for path in written:
            print(path)


def open_field(run: "Run", made: "Problem", configured: "Config", device: str) -> "Field | Piecewise":
    """The field of a run's newest checkpoint, ready to evaluate."""
    import torch

    from pinnscene.checkpoints import present
    from pinnscene.device import resolve_device
    from pinnscene.solve import load_state
    from pinnscene.trainer import join

    state = load_state(run, made, configured)
    present(state)
    for field in state.fields:
        field.to(resolve_device(device, torch.float64)).eval()
    return join(made, state.fields)


def _find(
    target: str,
    given: dict[str, str],
    knobs: dict[str, dict[str, str]],
    device: str,
    code: str | None,
    asked: "RenderRequest",
    quiet: bool,
) -> "tuple[Run, Problem, Config]":
    """The run to draw: the one named, the newest with the same configuration, or a new one."""
    from pinnscene.errors import PinnsceneError
    from pinnscene.options import build_problem, find_problem
    from pinnscene.report import problem_name
    from pinnscene.run import Run
    from pinnscene.solve import Settings, configure, reopen

    if _is_run(target):
        if knobs:
            raise PinnsceneError("a run is drawn as it was trained: leave the knobs out of --set, or name the problem")
        run = Run.open(target)
        made, configured = reopen(run, {**given, **({"problem": code} if code else {})})
        made.check_render(asked)
        return run, made, configured
    made = build_problem(find_problem(target), given)
    made.check_render(asked)
    configured = configure(made, Settings(device=device, knobs=knobs), target)
    for path in sorted(Path("runs").glob(f"{problem_name(made)}/*/result.json"), reverse=True):
        run = Run(path.parent)
        if _same(run, configured, made.view_options()):
            print(f"drawing the newest run with this configuration, {run.path}", file=sys.stderr)
            return run, made, configured
    print("no run with this configuration yet: solving first", file=sys.stderr)
    _, run, _ = solve_run(made, configured, None, None, None, quiet=quiet)
    return run, made, configured


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
