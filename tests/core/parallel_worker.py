"""One process of the parallel tests: solves small problems and writes the weights to a file.

python parallel_worker.py CASE OUT [RANK WORLD STORE]
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from pinnscene import Box, Constraint, FieldSpec, Problem, partials
from pinnscene.penalty import huber
from pinnscene.plan import make_plan
from pinnscene.trainer import train

LINE = Box(x=(0.0, 1.0))


@dataclass(frozen=True)
class Line(Problem):
    """Constraints on [0, 1] by case; ``odd`` point counts do not divide by the number of processes."""

    case: str

    values, domain = ("u",), LINE

    def constraints(self):
        odd = int("odd" in self.case)
        start = Constraint(LINE.face(2 + odd, x=0.0), lambda u, p: u(p) - 1, weight=10.0)
        if "newton" in self.case or "krylov" in self.case or "products" in self.case:
            ode = lambda u, p: partials(u, p, "x") + u(p) ** 2
            return {"ode": Constraint(LINE.interior(60 + odd), ode), "start": start}
        if "robust" in self.case:
            off = lambda p: torch.sin(3 * p["x"]) + 3 * (p["x"] > 0.9)
            return {"data": Constraint(LINE.interior(60 + odd), lambda u, p: u(p) - off(p), penalty=huber)}
        ode = lambda u, p: partials(u, p, "x") + torch.sin(p["x"])
        return {"ode": Constraint(LINE.interior(60 + odd), ode), "start": start}


PHASES = {
    "adam": (
        "adam",
        {"steps": 3, "every": 1, "dtype": "float64", "warmup": 0, "lr": 1e-2, "clip": 1.0, "average": 0.5},
    ),
    "lbfgs": ("lbfgs", {"steps": 4, "every": 1}),
    "head": ("head", {"scale": 4.0}),
    "newton": ("head", {"scale": 4.0}),
    "all": ("gauss-newton", {"steps": 6, "every": 1}),
    "broyden": ("ssbroyden", {"steps": 6, "every": 1}),
    "free": ("gauss-newton", {"steps": 3, "every": 1, "form": "free", "tolerance": 1e-9}),
    "robust": ("head", {"scale": 4.0, "steps": 20}),
    "products": ("head", {}),
    "krylov": ("head", {"form": "krylov", "inner": 1e-8}),
}


def solve(case):
    """The weights, and what was logged last, of a case such as "adam-odd"."""
    solver, knobs = PHASES[case.partition("-")[0]]
    products = solver == "head" and "scale" not in knobs
    siren = FieldSpec("siren", knobs={"width": 5, "depth": 1, "first": 3.0})
    spec = FieldSpec("tensor", knobs={"modes": "9"}) if products else siren
    solution = train(Line(case), spec, make_plan(solver, {solver: knobs}), device="cpu")
    found = {k: t.detach().clone() for k, t in solution.field.state_dict().items()}
    numbers = [solution.loss, solution.heldout, float(solution.steps)]
    return found | {"numbers": torch.tensor(numbers, dtype=torch.float64)}


def main():
    cases, out, *rest = sys.argv[1:]
    torch.set_num_threads(1)
    rank = 0
    if rest:
        rank, world, store = int(rest[0]), int(rest[1]), rest[2]
        torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    for case in cases.split(","):
        save_file(solve(case), Path(out) / f"{case}-{rank}.safetensors")
    if rest:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
