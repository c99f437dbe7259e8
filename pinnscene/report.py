"""result.json: a solution in numbers."""

import platform
from time import perf_counter
from typing import Any

import torch

import pinnscene
from pinnscene.metrics import rel_l2
from pinnscene.options import plain_options
from pinnscene.problem import Problem
from pinnscene.solution import Solution, Status
from pinnscene.usercode import origin

SCHEMA = 1


def problem_name(problem: Problem) -> str:
    """The name that a problem is registered under, else its class name."""
    from pinnscene.problem import problems

    make = type(problem.core())
    value = f"{make.__module__}:{make.__qualname__}"
    if origin(make) is None:
        for name, point in problems.plugins().items():
            if point.value == value:
                return name
        for name in problems:
            if problems.registered(name) is make:
                return name
    return make.__name__


def report(solution: Solution, run: str = "", name: str = "") -> dict[str, Any]:
    """The result of a solution: metrics, reference, conventional solver, times, versions."""
    began = perf_counter()
    problem = solution.problem
    finite = solution.status != Status.NONFINITE  # else what made the loss overflow may break a reference too
    metrics = solution.metrics if finite else {}
    info = problem.reference_info() if finite else None
    reference = None
    if info is not None:
        reference = {"kind": info.kind, "error": info.error, "points": problem.metric_points(), "note": info.note}
    conventional = _conventional(problem) if finite else None
    evaluated = perf_counter() - began
    return {
        "schema": SCHEMA,
        "problem": name or problem_name(problem),
        "options": plain_options(problem),
        "status": str(solution.status),
        "advice": solution.advice,
        "warnings": solution.warnings,
        "metrics": metrics,
        "remarks": problem.remarks(solution.field) if finite else [],
        "reference": reference,
        "conventional": conventional,
        "unknowns": problem.estimates(solution.field) if finite else {},
        "loss": solution.loss,
        "heldout_residual": solution.heldout,
        "steps": solution.steps,
        "parameters": solution.parameters,
        "seconds": {"solve": solution.seconds, "evaluate": evaluated, "total": solution.seconds + evaluated},
        "device": solution.device,
        "dtype": solution.dtype,
        "seed": solution.seed,
        "plan": [phase.solver.name for phase in solution.plan],
        "versions": versions(),
        "run": run,
    }


def _conventional(problem: Problem) -> dict[str, Any] | None:
    classical = problem.conventional()
    if classical is None:
        return None
    p = problem.domain.grid(20_000)
    truth = problem.reference(p)
    error = rel_l2(classical.at(p), truth) if truth is not None else None
    return {"method": classical.method, "rel_l2": error, "seconds": classical.seconds}


def versions() -> dict[str, str]:
    """Of pinnscene, torch and Python."""
    return {"pinnscene": pinnscene.__version__, "torch": torch.__version__, "python": platform.python_version()}
