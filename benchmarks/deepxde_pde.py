"""DeepXDE and pinnscene on heat, Poisson, Burgers and Allen-Cahn: error against time, in one run.

DeepXDE's side has the settings of its own examples (``EXAMPLES``): points, network, Adam at 1e-3, then L-BFGS as it
comes. They run in single precision, as they are, and once more in double, which its documentation advises where L-BFGS
stops early. For Poisson its example is an L-shaped domain; here the same settings solve a square with a known solution.
Allen-Cahn is that of its example: diffusivity 0.001 and u = -1 on both walls, not pinnscene's periodic default.

In the clocks: DeepXDE's ``train``, with the tests that it prints by itself; pinnscene's solve from the built problem to
the trained field, features and points included. Outside both: imports and a first small solve, drawing DeepXDE's points
and its ``compile``, and every error, taken on the same regular grid with ends. While windows of time are still to be
solved, pinnscene's error holds the last state there is for all later times.

``python benchmarks/deepxde_pde.py burgers`` runs both sides of one problem anew and keeps the others in the file, each
with its date. ``--quick`` takes a twentieth of DeepXDE's steps and writes to a temporary folder: it checks this script.
``--single`` leaves the runs in double precision out, which take two thirds of the time.
"""

import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

os.environ.setdefault("DDE_BACKEND", "pytorch")

import numpy as np
import torch
from record import RESULTS, record
from scipy.integrate import solve_ivp
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.metrics import evaluate, rel_l2
from pinnscene.piecewise import Piecewise
from pinnscene.problem import Conventional, Problem, Reference
from pinnscene.problems.allen_cahn import AllenCahn
from pinnscene.problems.burgers import Burgers
from pinnscene.problems.evolution import Defaults
from pinnscene.problems.heat import Heat
from pinnscene.problems.methodoflines import Semidiscrete, chebyshev
from pinnscene.problems.poisson import Poisson
from pinnscene.problems.refinement import Refined
from pinnscene.solution import Log
from pinnscene.solve import Settings, configure, run_config
from pinnscene.state import State

RESULT = RESULTS / "deepxde_pde.json"
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "pde-error-time.png"
EVERY = 1.25  # ratio of the steps of Adam at which errors of DeepXDE are taken
LBFGS = 15_000  # DeepXDE's limit of iterations
PRECISIONS = {"DeepXDE": "float32", "DeepXDE in float64": "float64"}
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


class Curve:
    """Errors on the grid against the seconds of a clock that stops while they are taken."""

    def __init__(self, problem: Problem) -> None:
        self.p = problem.domain.grid()
        self.truth = problem.reference(self.p)
        self.seconds: list[float] = []
        self.rel_l2: list[float] = []

    def add(self, seconds: float, value: Tensor) -> None:
        if self.seconds and seconds <= self.seconds[-1]:  # the last state is handed over more than once
            self.seconds.pop()
            self.rel_l2.pop()
        self.seconds.append(seconds)
        self.rel_l2.append(rel_l2(value, self.truth))


def deepxde(name: str, precision: str, quick: bool) -> dict[str, Any]:
    """DeepXDE's example: its curve, with the seconds at which L-BFGS took over."""
    import deepxde as dde

    example = EXAMPLES[name]
    dde.config.set_default_float(precision)
    dde.config.set_random_seed(0)
    model = dde.Model(_data(dde, example), _network(dde, example))
    curve, clock = Curve(example.problem), Clock()

    def measure() -> None:
        clock.stop()
        value = model.predict(curve.p.coords.numpy().astype(precision))
        curve.add(clock.seconds, torch.as_tensor(value).double())
        clock.start()

    class Watch(dde.callbacks.Callback):
        """Measures at steps that grow by a ratio, and at each of L-BFGS's thousands."""

        due = 100.0

        def on_epoch_end(self) -> None:
            step = self.model.train_state.step
            if step >= self.due or self.model.opt_name == "L-BFGS":
                measure()
                self.due = step * EVERY

    shrink, ends = 20 if quick else 1, []
    dde.optimizers.set_LBFGS_options(maxiter=LBFGS // shrink)
    for optimiser, options, steps in (
        ("adam", {"lr": 1e-3}, {"iterations": example.adam // shrink}),
        ("L-BFGS", {}, {}),
    ):
        model.compile(optimiser, **options)
        clock.start()
        model.train(callbacks=[Watch()], **steps)
        measure()
        clock.stop()
        ends.append(curve.seconds[-1])
    return {"seconds": curve.seconds, "rel_l2": curve.rel_l2, "seconds of adam": ends[0]}


class Clock:
    """Seconds between starts and stops."""

    seconds, begun = 0.0, 0.0

    def start(self) -> None:
        self.begun = perf_counter()

    def stop(self) -> None:
        self.seconds += perf_counter() - self.begun


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


class Watcher:
    """A keeper of solves that keeps errors: it is handed the state at each log point, with the clock stopped."""

    def __init__(self, problem: Problem, curve: Curve) -> None:
        self.problem, self.curve = problem, curve

    def log(self, log: Log) -> None:
        """Nothing: only the state has the fields."""

    def due(self) -> bool:
        return True

    def save(self, state: State) -> None:
        ends, fields = self.problem.cuts(), state.fields
        if not ends:
            self.curve.add(state.seconds, evaluate(fields[0], self.curve.p))
            return
        p = self.curve.p
        coords, t = p.coords.clone(), p.axes.index("t")
        coords[:, t] = coords[:, t].clamp_max(ends[len(fields) - 1])
        known = Piecewise("t", list(zip(ends, fields, strict=False)))
        self.curve.add(state.seconds, evaluate(known, replace(p, coords=coords)))


def ours(name: str) -> dict[str, Any]:
    """The default plan: its curve; the clock and the final error are those of the solution."""
    problem = EXAMPLES[name].problem
    Heat().solve()  # the first solve of a process also loads libraries
    curve = Curve(problem)
    watcher: Any = Watcher(problem, curve)
    solution = run_config(problem, configure(problem, Settings()), run=watcher)
    curve.add(solution.seconds, evaluate(solution.field, curve.p))
    return {"seconds": curve.seconds, "rel_l2": curve.rel_l2, "parameters": solution.parameters}


def compare(name: str, curves: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each of the two, and how they compare: errors at their ends, times, times to the same error."""
    mine = curves["pinnscene"]
    rows = []
    for who, curve in curves.items():
        error, seconds = curve["rel_l2"][-1], curve["seconds"][-1]
        best = min(curve["rel_l2"])
        row = {"problem": name, "who": who, "rel_l2": error, "least rel_l2 on the way": best, "seconds": seconds}
        if who != "pinnscene":
            reached = next((s for s, e in zip(mine["seconds"], mine["rel_l2"], strict=True) if e <= best), None)
            row |= {
                "its least error / pinnscene's last": best / mine["rel_l2"][-1],
                "its seconds / pinnscene's": seconds / mine["seconds"][-1],
                "seconds until pinnscene had its least error": reached,
            }
        rows.append(row)
    return rows


def draw(curves: dict[str, dict[str, dict[str, Any]]], path: Path) -> None:
    """Error against time, one panel a problem."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = min(2, len(curves))
    figure, panels = plt.subplots(
        -(-len(curves) // columns), columns, figsize=(5 * columns, 3.6 * -(-len(curves) // columns)), squeeze=False
    )
    for panel, (name, both) in zip(panels.flat, curves.items(), strict=False):
        for who, curve in both.items():
            panel.loglog(curve["seconds"], curve["rel_l2"], label=who, marker="o", markersize=3, linewidth=1.2)
        panel.set(title=name, xlabel="seconds", ylabel="relative L2 error")
        panel.grid(alpha=0.3)
    panels.flat[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def apart(call: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Call in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def before() -> dict[str, Any]:
    """What the results file holds of earlier runs, by problem."""
    return json.loads(RESULT.read_text())["curves"] if RESULT.exists() else {}


def main(arguments: list[str]) -> int:
    """Both on the named problems, or on all; the file and the figure are written anew after each."""
    quick = "--quick" in arguments
    names = [a for a in arguments if a not in ("--quick", "--single")] or list(EXAMPLES)
    precisions = dict([*PRECISIONS.items()][:1]) if "--single" in arguments else PRECISIONS
    unknown = [name for name in names if name not in EXAMPLES]
    if unknown:
        print(f"unknown problem {', '.join(unknown)}: expected {', '.join(EXAMPLES)}", file=sys.stderr)
        return 2
    found = {} if quick else before()
    for name in names:
        runs = {"pinnscene": apart(ours, name)}
        for who, precision in precisions.items():
            runs[who] = apart(deepxde, name, precision, quick)
        found[name] = {"date": str(date.today()), "runs": runs}
        curves = {known: found[known] for known in EXAMPLES if known in found}
        rows = [row for known, curve in curves.items() for row in compare(known, curve["runs"])]
        figure = Path(tempfile.gettempdir()) / FIGURE.name if quick else FIGURE
        if quick:
            print(*rows, figure, sep="\n")
        else:
            record(RESULT.stem, rows, curves=curves)
        draw({known: curve["runs"] for known, curve in curves.items()}, figure)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
