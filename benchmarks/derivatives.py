"""Nested reverse autograd against forward jets: which engine is the default, where.

A training step (operator, loss, gradient) and an evaluation without gradients, for operators of the equations that
pinnscene solves, on narrow and wide networks.
"""

from functools import partial

import torch
from record import median_seconds, record

from pinnscene.domain import Box
from pinnscene.fieldspec import FieldSpec
from pinnscene.operators import operator
from pinnscene.problem import Problem

AXES = {"x": (0, 1), "y": (0, 1), "z": (0, 1), "t": (0, 1)}
OPERATORS = {
    "eikonal 3d: x, y, z": ("xyz", [{"x": 1.0}, {"y": 1.0}, {"z": 1.0}]),
    "heat 1+1d: t - xx": ("xt", [{"t": 1.0, "xx": -0.4}]),
    "heat 2+1d": ("xyt", [{"t": 1.0, "xx": -0.4, "yy": -0.4}]),
    "heat 3+1d": ("xyzt", [{"t": 1.0, "xx": -0.4, "yy": -0.4, "zz": -0.4}]),
    "Burgers: u, x, t, xx": ("xt", [{"": 1.0}, {"x": 1.0}, {"t": 1.0}, {"xx": 1.0}]),
}
NETWORKS = {
    "siren 64x3": ("siren", 64, 3, 4096),
    "siren 256x5": ("siren", 256, 5, 1024),
    "mlp 64x3": ("mlp", 64, 3, 4096),
}


def problem_on(axes: str) -> Problem:
    """A problem that is only a domain."""

    class Shell(Problem):
        values, domain = ("u",), Box(**{a: AXES[a] for a in axes})

        def constraints(self):
            return {}

    return Shell()


def main() -> None:
    """Time both engines for every operator and network."""
    rows = []
    for kind, (axes, terms) in OPERATORS.items():
        problem = problem_on(axes)
        for network, (backbone, width, depth, n) in NETWORKS.items():
            field = FieldSpec(backbone, knobs={"width": width, "depth": depth}).build(problem).float()
            p = problem.domain.interior(n)(torch.Generator().manual_seed(0))
            seconds = {}
            for engine in ("nested", "jets"):
                field.engine = engine
                seconds[engine] = _time(partial(_train, field, p, terms))
                with torch.no_grad():
                    seconds[f"{engine} eval"] = _time(partial(_evaluate, field, p, terms))
            rows.append({
                "operator": kind, "network": network, "points": n,
                "nested, ms a step": 1e3 * seconds["nested"], "jets, ms a step": 1e3 * seconds["jets"],
                "nested / jets, step": seconds["nested"] / seconds["jets"],
                "nested / jets, evaluation": seconds["nested eval"] / seconds["jets eval"],
            })  # fmt: skip
            print(rows[-1], flush=True)
    record("derivatives", rows)


def _train(field, p, terms) -> None:
    indices = [{_index(field, name): c for name, c in term.items()} for term in terms]
    answers = field.derivatives(p, indices)
    torch.stack([a.square().mean() for a in answers]).sum().backward()
    field.zero_grad()


def _evaluate(field, p, terms) -> None:
    for term in terms:
        operator(field, p, term)


def _index(field, name: str) -> tuple[int, ...]:
    return tuple(sorted(field.axes.index(letter) for letter in name))


def _time(run) -> float:
    run()
    return median_seconds(run, 7)[0]


if __name__ == "__main__":
    main()
