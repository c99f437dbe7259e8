"""``pinnscene solve``: from a name, a file or a run folder to a solved field."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pinnscene.cli import options as opt

if TYPE_CHECKING:
    from pinnscene.config import Config
    from pinnscene.problem import Problem
    from pinnscene.run import Run
    from pinnscene.solution import Solution
    from pinnscene.state import State


def solve(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM|FILE.py:Class|RUN", help="What to solve.")],
    data: opt.Data = None,
    downscale: opt.Downscale = None,
    sets: opt.Sets = None,
    backbone: opt.Backbone = None,
    encoding: opt.Encoding = None,
    solver: opt.Solver = None,
    steps: opt.Steps = None,
    windows: opt.Windows = None,
    max_seconds: opt.Seconds = None,
    tol: opt.Tol = None,
    device: opt.Device = "auto",
    dtype: opt.Dtype = None,
    balance: opt.Balance = None,
    causal: opt.Causal = False,
    adaptive: opt.Adaptive = None,
    seed: opt.Seed = 0,
    out: Annotated[str | None, typer.Option(metavar="RUN", help="The run folder to make.")] = None,
    config: opt.ConfigFile = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run from its last checkpoint.")] = False,
    code: opt.Code = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Solve a problem and keep the run: field, metrics, pictures."""
    del debug
    from pinnscene.solve import Settings

    opt.refuse_empty(data=data, out=out, config=config, problem=code, balance=balance, adaptive=adaptive)
    given, knobs = opt.parse_sets(sets, data, downscale)
    settings = Settings(
        solver,
        backbone,
        encoding,
        opt.parse_steps(steps),
        max_seconds,
        tol,
        device,
        dtype,
        seed,
        knobs,
        windows,
        balance,
        causal,
        adaptive,
    )
    if resume:
        _refuse_settings(settings, out, config)
        made, configured, run, state = _resumed(problem, given, code)
    else:
        made, configured = _configured(problem, given, settings, config, code)
        run, state = None, None
    finish(made, configured, run, state, out, as_json=as_json, quiet=quiet)


def finish(
    made: "Problem",
    configured: "Config",
    run: "Run | None",
    state: "State | None",
    out: str | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Solve, report and exit with the code that the result asks for."""
    solution, run, result = solve_run(made, configured, run, state, out, quiet=quiet or as_json)
    if as_json:
        from pinnscene.run import dumps

        print(dumps(result), end="")
    elif not quiet:
        from pinnscene.cli.show import show_result

        show_result(result, run.path)
    raise typer.Exit(exit_code(solution, configured.budget.tol))


def solve_run(
    made: "Problem", configured: "Config", run: "Run | None", state: "State | None", out: str | None, *, quiet: bool
) -> "tuple[Solution, Run, dict[str, Any]]":
    """Solve into a run folder, with progress on standard error."""
    if not quiet:
        from pinnscene.corners import contradictory

        for note in [*made.notes(), *(f"warning: {sentence}" for sentence in contradictory(made))]:
            print(note, file=sys.stderr)
    from pinnscene.cli.progress import Progress
    from pinnscene.report import problem_name
    from pinnscene.run import new_path
    from pinnscene.solve import begin, conclude, run_config

    fresh = run is None
    if run is None:
        run = begin(made, configured, new_path(problem_name(made)) if out is None else Path(out))
    with run.or_nothing() if fresh else nullcontext(), Progress(quiet=quiet) as progress:
        solution = run_config(made, configured, run=run, state=state, observers=[progress.log], watch=not quiet)
        progress.say("drawing the pictures")
        result = conclude(run, solution)
    return solution, run, result


def exit_code(solution: "Solution", tol: float | None) -> int:
    """0 as asked, 3 not as accurate as asked, 130 interrupted."""
    from pinnscene.solution import Status

    if solution.status == Status.INTERRUPTED:
        return 130
    missed = tol is not None and not solution.heldout <= tol
    return 3 if missed or solution.status == Status.NONFINITE else 0


def _configured(
    name: str, given: dict[str, str], settings: Any, config: str | None, code: str | None
) -> "tuple[Problem, Config]":
    from pinnscene.cli.opening import is_run, with_code
    from pinnscene.config import Config
    from pinnscene.errors import PinnsceneError
    from pinnscene.options import build_problem, find_problem
    from pinnscene.run import Run
    from pinnscene.solve import Settings, configure, reopen

    if code is not None and not is_run(name):
        raise PinnsceneError(f"--problem goes with a run folder; solve the code itself: pinnscene solve {code}")
    if is_run(name):
        made, known = reopen(Run.open(name), with_code(given, code))
        if settings != Settings():
            raise PinnsceneError(
                "a run is solved again as it was configured: leave the other options out, or start "
                f"from its file with --config {name}/config.toml"
            )
        return made, known
    if config is None:
        return (made := build_problem(find_problem(name), given)), configure(made, settings, name)
    base = Config.read(Path(config))
    if base.problem != name:
        raise PinnsceneError(f"{config} is of the problem '{base.problem}', not of '{name}'")
    made = build_problem(find_problem(name), {**base.options, **given})
    return made, _merge(made, base, settings, name)


def _merge(made: "Problem", base: "Config", settings: Any, name: str) -> "Config":
    """A configuration from a file with the settings of the command line on top."""
    from dataclasses import replace

    from pinnscene.plan import make_phase, with_steps
    from pinnscene.solve import configure
    from pinnscene.state import Budget

    solvers = settings.solver or ",".join(phase.solver.name for phase in base.plan)
    fresh = configure(made, replace(_pressed(base, settings), solver=solvers), name)
    field = (
        fresh.field if settings.backbone else base.field.override(settings.encoding, settings.knobs.get("field", {}))
    )
    plan = fresh.plan
    if settings.solver is None:  # the file's phases, with what was given on top
        common = {"dtype": settings.dtype} if settings.dtype else {}
        plan = tuple(
            make_phase(name, {k: v for k, v in facts.items() if k != "solver"} | common | settings.knobs.get(name, {}))
            for name, facts in ((phase.solver.name, phase.describe()) for phase in base.plan)
        )
    if settings.steps is not None:
        plan = with_steps(plan, settings.steps)
    budget = Budget(settings.max_seconds or base.budget.seconds, settings.tol or base.budget.tol)
    constraints = {
        k: {**base.constraints.get(k, {}), **fresh.constraints.get(k, {})}
        for k in {*base.constraints, *fresh.constraints}
    }
    return replace(
        fresh,
        field=field,
        plan=plan,
        budget=budget,
        constraints=constraints,
        windows=base.windows if settings.windows is None else settings.windows,
        seed=settings.seed or base.seed,
        device=settings.device if settings.device != "auto" else base.device,
    )


def _pressed(base: "Config", settings: Any) -> Any:
    """The settings with the file's balancing, causal weights and adaptive points where they choose none."""
    from dataclasses import replace

    knobs = {name: dict(given) for name, given in settings.knobs.items()}
    kept = {k: v for k, v in base.emphasis.choices().items() if not getattr(settings, k)}
    for _, own in kept.values():
        for name, given in own.items():
            knobs[name] = {**given, **knobs.get(name, {})}
    return replace(settings, knobs=knobs, **{option: value for option, (value, _) in kept.items()})


def _refuse_settings(settings: Any, out: str | None, config: str | None) -> None:
    from pinnscene.errors import PinnsceneError
    from pinnscene.solve import Settings

    if settings != Settings() or out is not None or config is not None:
        raise PinnsceneError("--resume continues a run exactly as it was configured: leave the other options out")


def _resumed(name: str, given: dict[str, str], code: str | None) -> "tuple[Problem, Config, Run, State]":
    from pinnscene.cli.opening import with_code
    from pinnscene.marching import staged
    from pinnscene.run import Run
    from pinnscene.solve import load_state, reopen

    run = Run.open(name, unfinished=True)
    made, configured = reopen(run, with_code(given, code))
    state = load_state(run, made, configured)
    if state.stage >= (len(staged(made, configured.field, configured.windows).cuts()) or 1):
        print(f"{run.path} is complete: nothing is left to resume", file=sys.stderr)
        if (run.path / "result.json").is_file():
            raise typer.Exit(0)
    return made, configured, run, state
