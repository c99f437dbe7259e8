"""The registered equations by their default plans, each beside its conventional solver.

``python benchmarks/pde.py`` runs every case, ``python benchmarks/pde.py burgers wave`` some; each one in a process of
its own, and each writes results/pde_CASE.json. ``python benchmarks/pde.py table`` prints those files as one table.

In the clock: what a solve does from the built problem to the trained field, features and points included. Not in it:
imports (a small solve comes first), references, metrics. Peak memory is that of the whole process up to the last
solve's end, before any reference is made. References and their errors are those of ``pinnscene info``.
"""

import json
import resource
import statistics
import sys
from typing import Any, NamedTuple

from cases import apart
from record import RESULTS, cell, record


class Case(NamedTuple):
    """A problem by name with its options; the error and the seconds asked for; how often it is run."""

    title: str
    problem: str
    options: dict[str, Any]
    error: float
    seconds: float
    runs: int


# PINNacle's Heat2D-MS, and in four dimensions of space the benchmark of KFAC
MULTISCALE = {"dims": 2, "alpha": 0.10132118364, "ratios": (4e-6, 1.0), "mode": (20, 1), "end": 5.0}
SINES = {"dims": 4, "alpha": 0.25, "exact": "sines"}

CASES = {
    "heat": Case("heat 1+1d", "heat", {}, 1e-10, 1, 3),
    "heat-4d": Case("heat 4+1d", "heat", SINES, 1e-7, 20, 3),
    "heat-ms": Case("Heat2D-MS", "heat", MULTISCALE, 1e-6, 30, 3),
    "heat-lt": Case("Heat2D-LT", "heat-long-time", {}, 1e-2, 1800, 1),
    "burgers": Case("Burgers", "burgers", {}, 1e-6, 60, 3),
    "allen-cahn": Case("Allen-Cahn", "allen-cahn", {}, 1e-5, 120, 3),
    "wave": Case("wave", "wave", {}, 1e-8, 10, 3),
    "helmholtz": Case("Helmholtz", "helmholtz", {}, 1e-5, 120, 3),
    "advection": Case("advection", "advection", {}, 1e-5, 120, 3),
    "kdv": Case("Korteweg-de Vries", "korteweg-de-vries", {}, 1e-5, 120, 3),
    "schroedinger": Case("Schroedinger", "schroedinger", {}, 1e-4, 300, 1),
    "gray-scott": Case("Gray-Scott", "gray-scott", {}, 2e-2, 1800, 1),
    "kuramoto": Case("Kuramoto-Sivashinsky", "kuramoto-sivashinsky", {}, 1e-4, 300, 1),
    "cavity": Case("cavity, nu = 0.01", "cavity", {"nu": 0.01}, 1e-3, 300, 3),
    "cavity-thin": Case("cavity, nu = 0.001", "cavity", {"nu": 0.001}, 1e-2, 900, 1),
}


def measure(name: str) -> None:
    """Solve a case from as many seeds as it has runs, score the solutions, write results/pde_NAME.json."""
    from pinnscene.problem import problems
    from pinnscene.report import report

    case = CASES[name]
    problems["heat"]().solve()  # the first solve of a process also loads libraries
    problem = problems[case.problem](**case.options)
    solutions = [problem.solve(seed=seed) for seed in range(case.runs)]
    peak = peak_mebibytes()
    worst = max(solutions, key=lambda s: s.metrics["rel_l2"])
    result = report(worst)
    reference, classical = result["reference"], result["conventional"] or {}
    row = {
        "problem": case.title,
        "features": features(problem),
        "windows": len(problem.cuts()) or 1,
        "rel_l2 asked": case.error,
        "rel_l2 (worst of the runs)": worst.metrics["rel_l2"],
        "seconds asked": float(case.seconds),
        "seconds of solving (median)": statistics.median(s.seconds for s in solutions),
        "runs": case.runs,
        "held-out residual": max(s.heldout for s in solutions),
        "parameters": worst.parameters,
        "peak MiB": peak,
        "reference": f"{reference['kind']}: {reference['note']}",
        "error of the reference": reference["error"],
        "points of the metric": reference["points"],
        "conventional method": classical.get("method"),
        "its rel_l2": classical.get("rel_l2"),
        "its seconds": classical.get("seconds"),
        "status": "; ".join(filter(None, [result["status"], result["advice"], *worst.warnings])),
    }  # fmt: skip
    each = {key: value for key, value in worst.metrics.items() if key.startswith("rel_l2_")}
    record(f"pde_{name}", [row | each], name)


def features(problem: Any) -> str:
    """What the last layer stands on by default, in a few words."""
    spec = problem.field(problem.plan().split(",")[0])
    knobs = spec.knobs
    if spec.backbone == "tensor":
        return f"{knobs['basis']} {knobs['modes']}"
    return f"{spec.backbone}, {knobs['width']} random"


def peak_mebibytes() -> float:
    """The largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def beside(row: dict[str, Any]) -> str:
    """What the conventional solver reaches."""
    if row["conventional method"] is None:
        return "none"
    return f"{row['conventional method']}: {cell(row['its rel_l2'])}; {cell(row['its seconds'])}"


# Columns of the table, from the row of a result file.
COLUMNS = {
    "problem": lambda r: r["problem"],
    "features; windows": lambda r: f"{r['features']}; {r['windows']}",
    "rel_l2": lambda r: cell(r["rel_l2 (worst of the runs)"]),
    "asked": lambda r: f"{r['rel_l2 asked']:.0e}",
    "seconds": lambda r: cell(r["seconds of solving (median)"]),
    "asked ": lambda r: f"{r['seconds asked']:g}",
    "held-out residual": lambda r: f"{r['held-out residual']:.1e}",
    "parameters": lambda r: f"{r['parameters']:,}",
    "peak MiB": lambda r: f"{r['peak MiB']:.0f}",
    "error of the reference": lambda r: (
        f"{r['error of the reference']:.0e}" if r["error of the reference"] else "exact"
    ),
    "conventional: rel_l2; seconds": beside,
}


def table() -> None:
    """Print the results that there are as Markdown, in the order of the cases."""
    files = {name: RESULTS / f"pde_{name}.json" for name in CASES}
    rows = [json.loads(path.read_text())["rows"][0] for path in files.values() if path.exists()]
    print("| " + " | ".join(name.strip() for name in COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for row in rows:
        print("| " + " | ".join(made(row) for made in COLUMNS.values()) + " |")
    missing = [name for name, path in files.items() if not path.exists()]
    if missing:
        print("not measured yet:", ", ".join(missing), file=sys.stderr)


def main(names: list[str]) -> int:
    """Measure the named cases, or all; returns how many failed."""
    if names == ["table"]:
        table()
        return 0
    unknown = [name for name in names if name not in CASES]
    if unknown:
        print(f"unknown case {', '.join(unknown)}: expected {', '.join(CASES)}, or table", file=sys.stderr)
        return 2
    return apart(measure, names or CASES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
