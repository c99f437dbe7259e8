"""What the tests of the core share."""

from math import pi

import pytest
import torch

from pinnscene import Box, Constraint, FieldSpec, partials
from pinnscene.plan import make_plan
from pinnscene.trainer import train


@pytest.fixture
def solve():
    """Solve a problem with one solver and its knobs on a small field."""

    def run(problem, solver, width=40, depth=1, seed=0, backbone="siren", encoding=None, field=None, **knobs):
        spec = FieldSpec(backbone, encoding, knobs={"width": width, "depth": depth, **(field or {})})
        return train(problem, spec, make_plan(solver, {solver: knobs}), seed=seed, device="cpu")

    return run


@pytest.fixture
def poisson(toy):
    """U'' = -pi^2 sin(pi x) on [0, 1], u = 0 at both ends: u = sin(pi x)."""
    line = Box(x=(0.0, 1.0))

    def pde(u, p):
        return partials(u, p, "xx") + pi**2 * torch.sin(pi * p["x"])

    def make(**more):
        walls = Constraint(line.face(20, "x"), lambda u, p: u(p), weight=100.0)
        return toy(line, {"pde": Constraint(line.interior(200, "sobol"), pde), "walls": walls}, **more)

    return make
