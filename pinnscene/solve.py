"""Solving from Python and from the command line: settings to configuration to solution to run folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pinnscene.checkpoints import restore
from pinnscene.collocation import expect_used
from pinnscene.config import Config, files_of, fingerprint, tuned
from pinnscene.device import resolve_device
from pinnscene.emphasis import GROUPS, choose
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.marching import staged
from pinnscene.options import build_problem, find_problem, plain_options
from pinnscene.plan import make_plan, with_steps
from pinnscene.problem import Problem
from pinnscene.report import problem_name, report
from pinnscene.run import Run, holds_run
from pinnscene.solution import Log, Solution, Status
from pinnscene.solvers import solvers
from pinnscene.state import Budget, State
from pinnscene.trainer import train
from pinnscene.usercode import names_code, origin, split

Observer = Callable[[Log], None]


@dataclass(frozen=True)
class Settings:
    """What can be chosen for a solve beside the problem's options; None leaves the problem's own choice.

    Attributes:
        solver: names in order, "adam,lbfgs".
        backbone, encoding: presets or registered names.
        steps: a budget for every phase, or one for each.
        windows: of t, solved one after the other.
        max_seconds, tol: see ``Budget``.
        device, dtype, seed: where, in which precision, from which seed.
        balance: how losses are weighed among each other: fixed, grad-norm, ntk or relobralo.
        causal: whether early times are learnt first.
        adaptive: adaptive points, "rad" or "r3" inside the domain, or by constraint, "pde=rad,walls=r3".
        knobs: ``{"field": {"width": 128}, "adam": {"lr": 1e-4}, "pde": {"n": 4096}}``.
    """

    solver: str | None = None
    backbone: str | None = None
    encoding: str | None = None
    steps: Sequence[int] | int | None = None
    max_seconds: float | None = None
    tol: float | None = None
    device: str = "auto"
    dtype: str | None = None
    seed: int = 0
    knobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    windows: int | None = None
    balance: str | None = None
    causal: bool = False
    adaptive: str | None = None


def configure(problem: Problem, settings: Settings, name: str = "") -> Config:
    """The configuration of a problem under ``settings``; every name and number is checked here, before any work."""
    resolve_device(settings.device)
    if settings.seed < 0:
        raise PinnsceneError(f"seed must be at least 0, got {settings.seed}")
    names = problem.plan() if settings.solver is None else settings.solver
    own = problem.knobs(settings.backbone)
    phases = {s: {**own.get(s, {}), **settings.knobs.get(s, {})} for s in solvers}
    if settings.dtype is not None:
        phases = {s: {"dtype": settings.dtype, **knobs} for s, knobs in phases.items()}
    plan = make_plan(names, phases)
    if settings.steps is not None:
        plan = with_steps(plan, [settings.steps] if isinstance(settings.steps, int) else settings.steps)
    spec = problem.field(plan[0].solver.name, settings.backbone)
    spec = spec.override(settings.encoding, settings.knobs.get("field", {}))
    whole = staged(problem, spec, settings.windows)
    constraints = dict(whole.constraints())
    for group in settings.knobs:
        if group not in (known := ["field", *solvers, *constraints, *GROUPS]):
            raise unknown("knob", group, known)
        if group in solvers and group not in {phase.solver.name for phase in plan}:
            raise PinnsceneError(
                f"the plan is '{names}', without {group}: add it with --solver, or leave its knobs out"
            )
    emphasis = choose(constraints, settings.balance, settings.causal, settings.adaptive, settings.knobs)
    built = spec.build(whole.stage(0, None))  # a field that cannot be built is told now, before any file is made
    for phase in plan:
        phase.solver.expect_fit(built)
    chosen = {k: {**own.get(k, {}), **settings.knobs.get(k, {})} for k in constraints}
    chosen = {k: v for k, v in chosen.items() if v}
    tuned(whole, chosen)
    expect_used(constraints, chosen, built, plan)
    budget = Budget(settings.max_seconds, settings.tol)
    chosen = {k: {**own.get(k, {}), **settings.knobs.get(k, {})} for k in constraints}
    chosen = {k: v for k, v in chosen.items() if v}
    tuned(whole, chosen)
    options = plain_options(problem)
    data = {k: fingerprint(Path(options[k])) for k in _data(problem, options)}
    return Config(
        name or origin(type(problem.core())) or problem_name(problem),
        options,
        spec,
        plan,
        chosen,
        settings.seed,
        settings.device,
        budget,
        data,
        settings.windows,
        emphasis,
    )


def _data(problem: Problem, options: Mapping[str, Any]) -> list[str]:
    """The options that name data: those that the problem says, and those that name a run whose field it takes."""
    runs = [name for name, value in options.items() if isinstance(value, str) and value and holds_run(value)]
    return list(dict.fromkeys([*(name for name in problem.data_options() if options.get(name)), *runs]))


def explain(problem: Problem, config: Config) -> str:
    """Why a plan suits a problem, in one line: how it is cut, and what each solver finds of its field."""
    whole = staged(problem, config.field, config.windows)
    windows = len(whole.cuts()) or 1
    built = config.field.build(whole.stage(0, None))
    cut = f"in {windows} windows of t, each from the state before: " if windows > 1 else "all of t at once: "
    return (cut if "t" in problem.domain.axes else "") + ", then ".join(
        phase.solver.explain(built) for phase in config.plan
    )


def run_config(
    problem: Problem,
    config: Config,
    *,
    run: Run | None = None,
    state: State | None = None,
    observers: Sequence[Observer] = (),
    watch: bool = False,
) -> Solution:
    """Train as configured, reporting to ``run`` and ``observers``; ``watch`` takes the cheap metric meanwhile."""
    monitor = problem.monitor() if watch else None
    watched = (lambda u: (monitor[0], monitor[1](u))) if monitor is not None else None
    solution = train(
        staged(problem, config.field, config.windows),
        config.field,
        config.plan,
        budget=config.budget,
        seed=config.seed,
        device=config.device,
        constraints=lambda stage: config.emphasis.wrap(tuned(stage, config.constraints)),
        balance=config.emphasis.balance,
        keeper=run,
        observers=observers,
        monitor=watched,
        state=state,
    )
    return replace(solution, problem=problem)


def solve(
    problem: Problem,
    *,
    out: str | Path | None = None,
    observers: Sequence[Observer] = (),
    **settings: Any,
) -> Solution:
    """Solve a problem from Python.

    Args:
        problem: what must be true.
        out: a run folder to make; None keeps everything in memory.
        observers: called at each log point.
        settings: see ``Settings``.

    Returns:
        The solution; with ``out`` its metrics, pictures and checkpoint are in the folder.
    """
    known = Settings.__dataclass_fields__
    for name in settings:
        if name not in known:
            raise unknown("setting", name, known)
    config = configure(problem, Settings(**settings))
    if out is None:
        return run_config(problem, config, observers=observers)
    run = begin(problem, config, Path(out))
    with run.or_nothing():
        solution = run_config(problem, config, run=run, observers=observers)
        conclude(run, solution)
    return solution


def begin(problem: Problem, config: Config, path: Path) -> Run:
    """Make the run folder and write its configuration."""
    run = Run.create(path)
    with run.or_nothing():
        run.configure(config)
        for text in {config.problem, *map(str, config.options.values())}:
            if names_code(text):
                run.keep_source(split(text)[0])
    return run


def conclude(run: Run, solution: Solution, figures: bool = True) -> dict[str, Any]:
    """Evaluate, write result.json and draw the pictures; returns the result."""
    result = report(solution, str(run.path))
    run.conclude(result)
    if figures and solution.status != Status.NONFINITE:
        folder = run.path / "figures"
        folder.mkdir(exist_ok=True)
        solution.problem.figures(solution.field, folder)
        from pinnscene.render.history import draw_history

        draw_history(solution.history, folder)
    return result


def reopen(run: Run, code: Mapping[str, str] | None = None) -> tuple[Problem, Config]:
    """The problem and configuration of a run folder.

    Args:
        run: the folder.
        code: FILE.py:name for options (and "problem") that are code: a run folder never loads code by itself.
            Also other paths for data that has moved.
    """
    config, given = run.config, dict(code or {})
    if names_code(config.problem) and "problem" not in given:
        raise PinnsceneError(
            f"this run's problem is code, {config.problem}: name it to have it loaded, --problem {config.problem}"
        )
    name = given.pop("problem", config.problem)
    options = dict(config.options) | given
    for option, value in options.items():
        if option not in given and (names_code(value) or str(value).startswith("<python ")):
            raise PinnsceneError(
                f"this run's option {option} is code, {value}: name it to have it loaded, --set {option}=FILE.py:name"
            )
    for option, record in config.data.items():
        if option not in given:
            options[option] = _found(str(options[option]), record)
        _check_data(option, Path(str(options[option])), record)
    made = build_problem(find_problem(name), options)
    free = {*config.data, *made.data_options(), *made.view_options()}
    for option, value in given.items():
        trained = config.options.get(option)
        if option not in free and not names_code(str(value)) and str(value) != str(trained):
            raise PinnsceneError(f"this run was trained with {option}={trained}: leave {option} out, or solve anew")
    return made, replace(config, options=options)


def _found(named: str, record: Mapping[str, Any]) -> str:
    """Where data is: as recorded, since a relative name is seen from the folder of the solve; else as named."""
    recorded = record.get("path")
    return str(recorded) if recorded and Path(str(recorded)).exists() else named


def _check_data(option: str, path: Path, record: Mapping[str, Any]) -> None:
    kind = "folder" if "files" in record else "file"
    if not path.exists():
        raise PinnsceneError(
            f"the data {kind} {path} is gone: say where it is with --{option} PATH or --set {option}=PATH"
        )
    if path.is_dir() != (kind == "folder"):
        raise PinnsceneError(f"{path} is no {kind}, as this run was made from: say where it is with --{option} PATH")
    if kind == "folder" and (held := len(files_of(path))) != record["files"]:
        raise PinnsceneError(
            f"{path} is not the folder of this run (it holds {held} files, not {record['files']}): give the original, "
            "or solve anew"
        )
    if (kind == "file" and path.stat().st_size != record["size"]) or fingerprint(path)["sha256"] != record["sha256"]:
        raise PinnsceneError(
            f"{path} is not the {kind} of this run (its SHA-256 differs): give the original, or solve anew"
        )


def load_state(run: Run, problem: Problem, config: Config) -> State:
    """The state of a run's newest checkpoint, on the CPU."""
    content = run.checkpoint()
    fields, whole = [], staged(problem, config.field, config.windows)
    for k in range(len(content["fields"])):
        stage = whole.stage(k, fields[k - 1] if k else None)
        fields.append(config.field.build(stage, config.seed + k))
    return restore(content, fields)
