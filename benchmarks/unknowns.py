"""Unknown coefficients and ranges: estimates with their standard errors, and every value at once.

``python benchmarks/unknowns.py`` runs every case, ``python benchmarks/unknowns.py alpha`` some; each one in a process
of its own with one thread, and each writes results/unknowns_CASE.json.

In the clock: what a solve does from the built problem to the trained field. Not in it: imports (a small solve comes
first), the rows that are made, references, metrics.
"""

import statistics
import sys
from collections.abc import Callable
from typing import Any

from cases import apart
from record import record

SEEDS = 20  # sets of rows that alpha is found from
PLATES = 3  # sets of rows that D is found from
TRUE = 0.25  # alpha that rows are made with; solves begin at 0.4


def rows_of_heat(seed: int, count: int = 1000, noise: float = 0.1) -> dict[str, Any]:
    """Random places and values of the closed form, with normal noise as a share of the root mean square of u."""
    import numpy as np

    draw = np.random.default_rng(seed)
    x, t = draw.random(count), draw.random(count)
    u = np.exp(-TRUE * np.pi**2 * t) * np.sin(np.pi * x)
    return {"x": x, "t": t, "u": u + noise * np.sqrt((u**2).mean()) * draw.normal(size=count)}


def alpha() -> dict[str, Any]:
    """Heat's alpha from 1000 rows with 10 % noise, over 20 sets of rows."""
    from pinnscene.inverse import Inverse
    from pinnscene.problems.heat import Heat

    facts, seconds = [], []
    for seed in range(SEEDS):
        problem = Inverse(Heat(), {"alpha": 0.4}, rows_of_heat(seed))
        solution = problem.solve(device="cpu")
        facts.append(problem.estimates(solution.field)["alpha"])
        seconds.append(solution.seconds)
    errors = [abs(fact["value"] - TRUE) for fact in facts]
    scores = [error / fact["standard_error"] for error, fact in zip(errors, facts, strict=True)]
    return {
        "problem": "inverse alpha, 1000 rows, 10 % noise",
        "error asked": 0.01,
        "relative error (median)": statistics.median(errors) / TRUE,
        "relative error (worst)": max(errors) / TRUE,
        "relative standard error (median)": statistics.median(fact["standard_error"] for fact in facts) / TRUE,
        "within two standard errors": f"{sum(score < 2 for score in scores)} of {SEEDS}",
        "within 1 %": f"{sum(error < 0.01 * TRUE for error in errors)} of {SEEDS}",
        "seconds asked": 60.0,
        "seconds of solving (median)": statistics.median(seconds),
        "runs": SEEDS,
    }


def plate() -> dict[str, Any]:
    """D(x, y) from 20,000 rows with 1 % noise, over 3 sets of rows."""
    from pinnscene.problems.diffusivity import SMALL, Diffusivity

    errors, covered, seconds = [], [], []
    for draw in range(PLATES):
        problem = Diffusivity(draw=draw)
        _ = problem.measured
        solution = problem.solve(device="cpu")
        errors.append(solution.metrics["rel_l2_d"])
        seconds.append(solution.seconds)
        p, told = problem.steep()
        spread = solution.field.unknowns["d"].spread(p).detach()
        missed = (problem.found(solution.field, p) - problem.true(p)).abs()
        covered.append(float((missed < 2 * spread)[told].double().mean()))
    reference = problem.reference_info()
    return {
        "problem": "inverse D(x, y), 20,000 rows, 1 % noise",
        "error asked": 0.03,
        "rel_l2 of D (worst)": max(errors),
        "where": f"slope of u above {SMALL:g} of its largest, {float(told.double().mean()):.0%} of the plate",
        "within two standard errors (least)": min(covered),
        "seconds asked": 300.0,
        "seconds of solving (median)": statistics.median(seconds),
        "runs": PLATES,
        "rows made by": reference.note,
        "error of the reference": reference.error,
    }


def ranges() -> dict[str, Any]:
    """Heat for every alpha in 0.1..1, the worst of 50 values."""
    from pinnscene.parametrised import Parametrised
    from pinnscene.problems.heat import Heat

    solutions = [Parametrised(Heat(), {"alpha": (0.1, 1.0)}).solve(device="cpu", seed=seed) for seed in range(3)]
    return {
        "problem": "heat for every alpha in 0.1..1",
        "error asked": 1e-6,
        "rel_l2 (worst of 50 values)": max(s.metrics["rel_l2"] for s in solutions),
        "seconds asked": 60.0,
        "seconds of solving (median)": statistics.median(s.seconds for s in solutions),
        "parameters": solutions[0].parameters,
        "runs": 3,
        "reference": "exact",
    }


HOLE = "box(-1,1,-1,1) - disc(0,0,radius=0.2..0.5)"
ELLIPSE = "ellipse(0,0,1,b=0.5..1)"


def _poisson(**given: Any) -> Any:
    from pinnscene.problems.poissonregion import PoissonRegion

    return PoissonRegion(**given)


def region(title: str, problem: Any, domain: str) -> dict[str, Any]:
    """One problem for every value of a range in its domain."""
    from pinnscene.family import Family

    family = Family(problem, {"domain": domain})
    solution, info = family.solve(device="cpu"), family.reference_info()
    ((name, _),) = family.ranges.items()
    errors = {}
    for values in family.scored:
        member, held = family.at(solution.field, values)
        errors[values[name]] = member.metrics(held)["rel_l2"]
    return {
        "problem": title,
        f"rel_l2 (worst of {len(errors)} values)": max(errors.values()),
        "rel_l2 by value": ", ".join(f"{value:.3g}: {error:.1e}" for value, error in errors.items()),
        "held-out residual": solution.heldout,
        "seconds of solving": solution.seconds,
        "parameters": solution.parameters,
        "reference": f"{info.kind}: {info.note}",
        "error of the reference": info.error,
        "runs": 1,
    }


def hole() -> dict[str, Any]:
    """Poisson around a hole of every radius, its data made from a smooth solution."""
    return region("Poisson around a hole, radius 0.2..0.5, made from exp(-r^2)", _poisson(), HOLE)


def ellipse() -> dict[str, Any]:
    """Poisson in an ellipse of every height."""
    posed = _poisson(exact="none", source=1.0, walls="dirichlet:0")
    return region("-lap(u) = 1 in an ellipse, half axis 0.5..1", posed, ELLIPSE)


def held_hole() -> dict[str, Any]:
    """Poisson around a hole of every radius that holds u at zero."""
    posed = _poisson(exact="none", source=1.0, walls="dirichlet:0")
    return region("-lap(u) = 1 around a hole, radius 0.2..0.5, u = 0 on it", posed, HOLE)


CASES: dict[str, Callable[[], dict[str, Any]]] = {"alpha": alpha, "plate": plate, "ranges": ranges}
CASES |= {"hole": hole, "ellipse": ellipse, "held-hole": held_hole}


def measure(name: str) -> None:
    """Run a case in this process with one thread, write results/unknowns_NAME.json."""
    import torch

    from pinnscene.problem import problems

    torch.set_num_threads(1)
    problems["heat"]().solve(device="cpu")  # the first solve of a process also loads libraries
    record(f"unknowns_{name}", [CASES[name]()], name)


def main(names: list[str]) -> int:
    """Measure the named cases, or all; returns how many failed."""
    missing = [name for name in names if name not in CASES]
    if missing:
        print(f"unknown case {', '.join(missing)}: expected {', '.join(CASES)}", file=sys.stderr)
        return 2
    return apart(measure, names or CASES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
