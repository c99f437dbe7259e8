"""Options that several commands share."""

from typing import Annotated

import typer

TargetRun = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, latest or latest:PROBLEM.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors, and what --json asks for.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A problem's option, or a knob: alpha=0.1, field.width=128, adam.lr=1e-4, pde.n=4096, ntk.every=200.",
    ),
]
Data = Annotated[str | None, typer.Option("--data", metavar="PATH", help="A data file: short for --set data=PATH.")]
Downscale = Annotated[
    int | None,
    typer.Option("--downscale", metavar="N", help="Shrink posed pictures N times: short for --set downscale=N."),
]
At = Annotated[
    list[str] | None,
    typer.Option(
        "--at", metavar="NAME=VALUE", help="Of a parametrised problem: the value of a parameter, such as alpha=0.3."
    ),
]
Code = Annotated[
    str | None,
    typer.Option("--problem", metavar="FILE.py:Class", help="The code of a run's custom problem, to have it loaded."),
]
Backbone = Annotated[str | None, typer.Option(help="siren, fourier, mlp, grid, hash, or a registered backbone.")]
Encoding = Annotated[str | None, typer.Option(help="none, fourier, learned-fourier, positional, grid, hash.")]
Solver = Annotated[str | None, typer.Option(help="Solvers in order: head, adam, lbfgs, or adam,lbfgs.")]
Balance = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="How losses are weighed among each other: fixed, grad-norm, ntk, relobralo."),
]
Causal = Annotated[bool, typer.Option("--causal", help="Learn early times first (--set causal.chunks=16).")]
Adaptive = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="More points where the residual is large: rad or r3, inside the domain, or by constraint: pde=rad.",
    ),
]
Steps = Annotated[str | None, typer.Option(help="Step budget: one number, or one for each solver: 5000,500.")]
Windows = Annotated[int | None, typer.Option(help="Windows of t, solved one after the other, on any problem with t.")]
Seconds = Annotated[float | None, typer.Option("--max-seconds", help="Time budget of the solve.")]
Tol = Annotated[
    float | None, typer.Option(help="Relative residual on held-out points to reach; missing it exits with 3.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Dtype = Annotated[str | None, typer.Option(help="float32 or float64; each solver has its own default.")]
Seed = Annotated[int, typer.Option(help="Of weights and points.")]
ConfigFile = Annotated[str | None, typer.Option("--config", metavar="FILE", help="A config.toml to start from.")]


def refuse_empty(**given: str | None) -> None:
    """Raise ``PinnsceneError`` for an option given as empty text, such as an unset variable of a script."""
    from pinnscene.errors import PinnsceneError

    for name, value in given.items():
        if value is not None and not value.strip():
            raise PinnsceneError(f"--{name} is empty: give a value or leave it out")


def parse_sets(
    pairs: list[str] | None, data: str | None, downscale: int | None = None
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """``--set`` values as problem options and knobs by group; raises ``PinnsceneError`` for what has no '='."""
    from pinnscene.errors import PinnsceneError

    short = {"data": data, "downscale": downscale}
    options = {name: str(value) for name, value in short.items() if value is not None}
    knobs: dict[str, dict[str, str]] = {}
    for pair in pairs or []:
        key, separator, value = pair.partition("=")
        if not separator or not key.strip():
            raise PinnsceneError(f"--set expected KEY=VALUE, got '{pair}'")
        group, dot, knob = key.strip().rpartition(".")
        if dot:
            knobs.setdefault(group, {})[knob] = value
        else:
            options[knob] = value
    return options, knobs


def parse_at(pairs: list[str] | None) -> dict[str, float] | None:
    """Values of parameters from NAME=VALUE; None where there are none; raises ``PinnsceneError`` for anything else."""
    from pinnscene.errors import PinnsceneError
    from pinnscene.knobs import convert

    found = {}
    for pair in pairs or []:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise PinnsceneError(f"--at expected NAME=VALUE, such as alpha=0.3, got '{pair}'")
        found[name.strip()] = convert(f"--at {name}", value, float)
    return found or None


def parse_steps(text: str | None) -> list[int] | None:
    """Step budgets from "5000" or "5000,500"; raises ``PinnsceneError`` for anything but whole numbers from 1."""
    from pinnscene.errors import PinnsceneError

    if text is None:
        return None
    try:
        steps = [int(part) for part in text.split(",")]
    except ValueError:
        steps = [0]
    if min(steps) < 1:
        raise PinnsceneError(f"--steps expected whole numbers of at least 1, such as 5000 or 5000,500, got '{text}'")
    return steps


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Width and height from "640x480"; raises ``PinnsceneError``."""
    from pinnscene.errors import PinnsceneError

    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise PinnsceneError(f"--size expected WIDTHxHEIGHT, such as 2048x2048, got '{text}'")
    return int(parts[0]), int(parts[1])
