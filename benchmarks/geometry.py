"""Equations on regions by their default plans: errors and times beside what was asked for.

``python benchmarks/geometry.py`` runs every case, ``python benchmarks/geometry.py l-shape ball`` some; each one in a
process of its own, on one thread, and each writes results/geometry_CASE.json. ``table`` prints those files.

In the clock: what a solve does from the built problem to the trained field, features and points included. Not in it:
imports (a small solve comes first), reading a mesh, references, metrics. Beside the wall time stands the processor
time: on a busy machine they differ, and the second one is what the solve takes. Meshes are given by ``--mesh FILE``.
"""

import json
import statistics
import sys
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

from cases import apart
from record import RESULTS, cell, record


class Case(NamedTuple):
    """A problem by name with its options; the error and the seconds asked for; how often it is run; its reference.

    ``finer``: how often edges of the finite elements are halved once more than by default.
    """

    title: str
    problem: str
    options: dict[str, Any]
    error: float
    seconds: float
    runs: int
    finer: int = 0


# a quarter of an infinite plate with a hole that is pulled, the displacement of the closed form on its outer edges
KIRSCH = {
    "domain": "box(0,1,0,1) - disc(0,0,0.4)",
    "exact": "kirsch",
    "plane": "stress",
    "walls": "clamped,x0=roller,y0=roller,circle=free",
}
ELLIPSE = {"inner": "ellipse(0.1,0,0.6,0.3)", "exact": "none", "source": 1.0, "jump": 0.1, "flux": 0.5}
CASES = {
    "ball": Case("heat in the 5-ball", "heat-ball", {}, 1e-7, 20, 3),
    "four-holes": Case("Laplace around four holes", "laplace-holes", {}, 1e-4, 60, 3, 1),
    "boltzmann": Case("Poisson-Boltzmann", "poisson-boltzmann", {}, 1e-4, 60, 3, 1),
    "l-shape": Case("Poisson on the L-shape", "l-shape", {}, 1e-3, 60, 3, 1),
    "seventeen-holes": Case("Heat2D-CG", "heat-holes", {}, 5e-3, 300, 3),
    "obstacle": Case("Flow around a disc", "navier-stokes", {}, 1e-3, 120, 1),
    "interface": Case("two materials, a = 1000 and 1", "poisson-interface", {}, 1e-8, 60, 3),
    "interface-ellipse": Case("two materials, jumps on an ellipse", "poisson-interface", ELLIPSE, 1e-5, 60, 1),
    "elasticity": Case("elasticity, manufactured, plate with a hole", "elasticity", {}, 1e-5, 120, 3),
    "kirsch": Case("elasticity, Kirsch's plate under tension", "elasticity", KIRSCH, 1e-5, 120, 1),
    "mesh": Case("Laplace in a mesh", "poisson-region", {"exact": "harmonic"}, 1e-6, 60, 1),
}


def measure(name: str, mesh: str) -> None:
    """Solve a case from as many seeds as it has runs, score the solutions, write results/geometry_NAME.json."""
    import torch

    from pinnscene.problem import problems
    from pinnscene.problems import planefem
    from pinnscene.report import report

    torch.set_num_threads(1)
    case = CASES[name]
    planefem.HALVINGS += case.finer
    problems["heat"]().solve()  # the first solve of a process also loads libraries
    problem = problems[case.problem](**case.options, **({"domain": mesh} if name == "mesh" else {}))
    _ = problem.domain.share if hasattr(problem.domain, "share") else None
    solutions, spent = [], []
    for seed in range(case.runs):
        began = process_time()
        solutions.append(problem.solve(seed=seed))
        spent.append(process_time() - began)
    worst = max(solutions, key=lambda s: s.metrics["rel_l2"])
    result = report(worst)
    reference = result["reference"]
    row = {
        "problem": case.title if name != "mesh" else f"{case.title}, {Path(mesh).name}",
        "rel_l2 asked": case.error,
        "rel_l2 (worst of the runs)": worst.metrics["rel_l2"],
        "seconds asked": float(case.seconds),
        "seconds of solving (median)": statistics.median(s.seconds for s in solutions),
        "processor seconds, metric included (median)": statistics.median(spent),
        "runs": case.runs,
        "other metrics": {k: v for k, v in worst.metrics.items() if k != "rel_l2"},
        "remarks": problem.remarks(worst.field),
        "held-out residual": max(s.heldout for s in solutions),
        "parameters": worst.parameters,
        "features": "; ".join(problem.notes()),
        "reference": f"{reference['kind']}: {reference['note']}",
        "error of the reference": reference["error"],
        "points of the metric": reference["points"],
        "status": "; ".join(filter(None, [result["status"], result["advice"], *worst.warnings])),
    }
    record(f"geometry_{name}", [row], name if name != "mesh" else f"mesh --mesh {Path(mesh).name}")


def table() -> None:
    """Print the results that there are as Markdown, in the order of the cases."""
    reached, seconds = "rel_l2 (worst of the runs)", "seconds of solving (median)"
    columns = ("problem", reached, "rel_l2 asked", seconds, "seconds asked", "error of the reference")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for name in CASES:
        path = RESULTS / f"geometry_{name}.json"
        if path.exists():
            row = json.loads(path.read_text())["rows"][0]
            print("| " + " | ".join(cell(row[c]) for c in columns) + " |")


def main(arguments: list[str]) -> int:
    """Measure the named cases, or all; returns how many failed."""
    if arguments == ["table"]:
        table()
        return 0
    mesh = ""
    if "--mesh" in arguments:
        at = arguments.index("--mesh")
        mesh, arguments = arguments[at + 1], arguments[:at] + arguments[at + 2 :]
    names = arguments or [name for name in CASES if mesh or name != "mesh"]
    if any(name not in CASES for name in names) or ("mesh" in names and not mesh):
        print(f"expected {', '.join(CASES)}, or table; mesh needs --mesh FILE", file=sys.stderr)
        return 2
    return apart(measure, names, mesh)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
