"""DeepXDE and pinnscene on heat, Poisson, Burgers and Allen-Cahn: error against time, in one run.

DeepXDE's side has the settings of its own examples (``EXAMPLES``): points, network, Adam at 1e-3, then L-BFGS as it
comes. They run in single precision, as they are, and once more in double, which its documentation advises where L-BFGS
stops early. For Poisson its example is an L-shaped domain; here the same settings solve a square with a known solution.
Allen-Cahn is that of its example: diffusivity 0.001 and u = -1 on both walls, not pinnscene's periodic default.

What the clocks count is told in ``sidebyside``. While windows of time are still to be solved, pinnscene's error holds
the last state there is for all later times.

``python benchmarks/deepxde_pde.py burgers`` runs both sides of one problem anew and keeps the others in the file, each
with its date. ``--quick`` takes a twentieth of DeepXDE's steps and writes to a temporary folder: it checks this script.
``--single`` leaves the runs in double precision out, which take two thirds of the time.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.integrate import solve_ivp
from sidebyside import LBFGS, Curve, side_by_side, solved, train
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problem import Conventional, Problem, Reference
from pinnscene.problems.allen_cahn import AllenCahn
from pinnscene.problems.burgers import Burgers
from pinnscene.problems.evolution import Defaults
from pinnscene.problems.heat import Heat
from pinnscene.problems.methodoflines import Semidiscrete, chebyshev
from pinnscene.problems.poisson import Poisson
from pinnscene.problems.refinement import Refined

INTERVALS, TOLERANCES = (256, 384), (1e-8, 1e-10)  # of the coarse and the fine reference of Allen-Cahn


@dataclass(frozen=True)
class WalledAllenCahn(AllenCahn):
    """Allen-Cahn as in DeepXDE's example: d = 0.001, u = -1 on both walls.

    Reference: Chebyshev collocation in space, SciPy's Radau in time, converged by refinement.
    """

    epsilon: float = 1e-3  # diffusivity, length^2 / time

    walls: ClassVar[str] = "dirichlet:-1"

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=20, basis="spline,chebyshev", modes="67,8")

    def reference(self, p: Points) -> Tensor:
        return _walled(replace(self, windows=0))(p)

    def reference_info(self) -> Reference:
        return _walled(replace(self, windows=0)).info()

    def conventional(self) -> Conventional:
        return _walled(replace(self, windows=0)).conventional()


class Reaction(Semidiscrete):
    """Allen-Cahn between walls by the method of lines."""

    def __init__(self, problem: WalledAllenCahn, n: int, rtol: float) -> None:
        began = perf_counter()
        walls = problem.conditions["x"]
        line = chebyshev(n, problem.lower, problem.upper, walls)
        super().__init__(("x",), [line], [walls])
        diffusion, bent, rate = problem.epsilon * line.second, problem.epsilon * self.bent(), problem.r
        self.history = solve_ivp(
            lambda _, u: diffusion @ u + bent + rate * (u - u**3),
            (problem.begin, problem.end),
            self.sample(problem.u0, problem.begin),
            method="Radau",
            jac=lambda _, u: diffusion + np.diag(rate * (1 - 3 * u**2)),
            rtol=rtol,
            atol=1e-2 * rtol,
            dense_output=True,
        ).sol
        self.seconds = perf_counter() - began

    def state(self, t: float) -> np.ndarray:
        return self.history(t)


@lru_cache(maxsize=1)
def _walled(problem: WalledAllenCahn) -> Refined:
    names = tuple(f"{n} collocation intervals, Radau to {tol:g}" for n, tol in zip(INTERVALS, TOLERANCES, strict=True))
    return Refined(problem.domain, names, lambda level: Reaction(problem, INTERVALS[level], TOLERANCES[level]))


class Example(NamedTuple):
    """A problem of ours with DeepXDE's settings for it.

    Attributes:
        problem: ours.
        residual: DeepXDE's residual from its ``grad`` module, points and values.
        points: inside, on the walls, at the start (0 without time).
        layers: of the tanh network between its inputs and its output; with its initialiser.
        adam: steps.
        start: the state at t = 0, from x.
        hard: the network's output to a field that holds all conditions; None where they are losses.
    """

    problem: Problem
    residual: Callable[[Any, Any, Any], Any]
    points: tuple[int, int, int]
    layers: tuple[int, ...]
    initialiser: str
    adam: int
    start: Callable[[Any], Any] | None = None
    hard: Callable[[Any, Any], Any] | None = None


def heat(grad: Any, x: Any, y: Any) -> Any:
    return grad.jacobian(y, x, i=0, j=1) - 0.4 * grad.hessian(y, x, i=0, j=0)


def poisson(grad: Any, x: Any, y: Any) -> Any:
    source = 2 * np.pi**2 * torch.sin(np.pi * x[:, :1]) * torch.sin(np.pi * x[:, 1:])
    return -grad.hessian(y, x, i=0, j=0) - grad.hessian(y, x, i=1, j=1) - source


def burgers(grad: Any, x: Any, y: Any) -> Any:
    carried = y * grad.jacobian(y, x, i=0, j=0)
    return grad.jacobian(y, x, i=0, j=1) + carried - 0.01 / np.pi * grad.hessian(y, x, i=0, j=0)


def allen_cahn(grad: Any, x: Any, y: Any) -> Any:
    return grad.jacobian(y, x, i=0, j=1) - 0.001 * grad.hessian(y, x, i=0, j=0) - 5 * (y - y**3)


def held(x: Tensor, y: Tensor) -> Tensor:
    place, time = x[:, :1], x[:, 1:]
    return place**2 * torch.cos(np.pi * place) + time * (1 - place**2) * y


TANH, NORMAL = (20, 20, 20), "Glorot normal"
EXAMPLES = {
    "heat": Example(Heat(), heat, (2540, 80, 160), TANH, NORMAL, 20_000, lambda x: np.sin(np.pi * x)),
    "poisson": Example(Poisson(), poisson, (1200, 120, 0), (50, 50, 50, 50), "Glorot uniform", 50_000),
    "burgers": Example(Burgers(end=0.99), burgers, (2540, 80, 160), TANH, NORMAL, 15_000, lambda x: -np.sin(np.pi * x)),
    "allen-cahn": Example(WalledAllenCahn(), allen_cahn, (8000, 400, 800), TANH, NORMAL, 40_000, hard=held),
}


def deepxde(name: str, precision: str, quick: bool) -> dict[str, Any]:
    """DeepXDE's example: its curve."""
    import deepxde as dde

    example = EXAMPLES[name]
    dde.config.set_default_float(precision)
    dde.config.set_random_seed(0)
    model = dde.Model(_data(dde, example), _network(dde, example))
    shrink = 20 if quick else 1
    return train(dde, model, Curve(example.problem), precision, example.adam // shrink, LBFGS // shrink)


def _data(dde: Any, example: Example) -> Any:
    """Points and conditions."""
    inside, walls, start = example.points
    box = example.problem.domain.bounds
    residual = lambda x, y: example.residual(dde.grad, x, y)
    zero, anywhere = lambda x: 0, lambda _, on: on
    if not start:
        (left, right), (low, high) = box.values()
        square = dde.geometry.Rectangle([left, low], [right, high])
        edge = dde.icbc.DirichletBC(square, zero, anywhere)
        return dde.data.PDE(square, residual, edge, num_domain=inside, num_boundary=walls, num_test=1500)
    region = dde.geometry.GeometryXTime(dde.geometry.Interval(*box["x"]), dde.geometry.TimeDomain(*box["t"]))
    conditions = []
    if example.start is not None:
        u0 = example.start
        conditions = [
            dde.icbc.DirichletBC(region, zero, anywhere),
            dde.icbc.IC(region, lambda x: u0(x[:, :1]), anywhere),
        ]
    return dde.data.TimePDE(
        region, residual, conditions, num_domain=inside, num_boundary=walls, num_initial=start
    )  # fmt: skip


def _network(dde: Any, example: Example) -> Any:
    network = dde.nn.FNN([2, *example.layers, 1], "tanh", example.initialiser)
    if example.hard is not None:
        network.apply_output_transform(example.hard)
    return network


def ours(name: str) -> dict[str, Any]:
    """Our default plan: its curve."""
    return solved(EXAMPLES[name].problem)


if __name__ == "__main__":
    sys.exit(side_by_side(sys.argv[1:], list(EXAMPLES), ours, deepxde, "deepxde_pde", "pde-error-time.png"))
