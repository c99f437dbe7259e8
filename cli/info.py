"""``pinnscene info``: everything about one problem."""

import json
import sys
from inspect import cleandoc
from typing import Annotated, Any

import typer

from pinnscene.cli.options import Debug, Json


def info(
    problem: Annotated[str, typer.Argument(help="A registered problem, or FILE.py:Class.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show a problem: equation, options with units and defaults, plan, metrics, references."""
    del debug
    facts = describe(problem)
    if as_json:
        print(json.dumps(facts))
        return
    print(f"{facts['name']}\n\n{facts['description']}\n\nOptions (--set NAME=VALUE)")
    width = max(len(o["name"]) for o in facts["options"]) if facts["options"] else 0
    for option in facts["options"]:
        print(f"  {option['name']:<{width}} = {option['default']:<10} {option['unit']}")
    print(f"\nConstraints (--set NAME.n=..., NAME.weight=...): {', '.join(facts['constraints'])}")
    print(f"Outputs: {', '.join(facts['values'])} over {', '.join(facts['axes'])}")
    print(f"Plan: {facts['plan']} on {facts['field']['backbone']} {_knobs(facts['field']['knobs'])}")
    print(f"Why: {facts['why']}")
    for solver, knobs in facts["solvers"].items():
        print(f"  {solver}: {_knobs(knobs)}")
    print(f"--tol bounds: {facts['tol']}")
    print(f"Around any constraint: {facts['around']}")
    if facts["reference"] is not None:
        r = facts["reference"]
        error = f"its own relative error {r['error']:.1e}" if r["error"] else "without an error of its own"
        print("; ".join(filter(None, [f"Reference: {r['kind']}, {error}", r["note"]])))
    else:
        print("Reference: none")
    print(f"Metrics: {', '.join(facts['metrics']) or 'none'}")


def describe(name: str) -> dict[str, Any]:
    """The facts that ``info`` shows, as plain data."""
    from pinnscene.adaptive import adaptives
    from pinnscene.balance import balances
    from pinnscene.options import build_problem, describe_options, find_problem
    from pinnscene.solve import Settings, configure, explain

    make = find_problem(name)
    problem = build_problem(make, {})
    config = configure(problem, Settings())
    for note in problem.notes():
        print(note, file=sys.stderr)
    reference = problem.reference_info()
    return {
        "name": name,
        "description": cleandoc(make.__doc__ or ""),
        "options": [{"name": o.name, "default": o.default, "unit": o.comment} for o in describe_options(make)],
        "constraints": list(problem.constraints()),
        "values": list(problem.values),
        "axes": list(problem.domain.axes),
        "plan": ",".join(phase.solver.name for phase in config.plan),
        "why": explain(problem, config),
        "field": {
            "backbone": config.field.backbone,
            "encoding": config.field.encoding,
            "knobs": dict(config.field.knobs),
        },
        "solvers": {phase.solver.name: phase.describe() for phase in config.plan},
        "tol": "the weighted root mean square of all residuals on points never trained on, as a share of that of a "
        "field whose network is zero",
        "around": f"--balance {', '.join(balances)}; --causal; --adaptive {', '.join(adaptives)}",
        "reference": None if reference is None else reference._asdict(),
        "metrics": problem.metric_names(),
    }


def _knobs(knobs: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v}" for k, v in knobs.items() if k != "solver")
