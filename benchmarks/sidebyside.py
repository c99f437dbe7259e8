"""DeepXDE and pinnscene side by side: errors against clocks that stop while they are taken.

In the clocks: DeepXDE's ``train``, with the tests that it prints by itself; pinnscene's solve from the built problem to
the trained field, features and points included. Outside both: imports and a first small solve, drawing DeepXDE's points
and its ``compile``, and every error, taken on the same grid.
"""

import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("DDE_BACKEND", "pytorch")

import torch
from record import RESULTS, record
from torch import Tensor

from pinnscene.metrics import evaluate, rel_l2
from pinnscene.piecewise import Piecewise
from pinnscene.problem import Problem
from pinnscene.problems.heat import Heat
from pinnscene.solution import Log
from pinnscene.solve import Settings, configure, run_config
from pinnscene.state import State

EVERY = 1.25  # ratio of the steps of Adam at which errors of DeepXDE are taken
LBFGS = 15_000  # DeepXDE's limit of iterations
PRECISIONS = {"DeepXDE": "float32", "DeepXDE in float64": "float64"}
IMAGES = Path(__file__).parents[1] / "docs" / "images"


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


class Clock:
    """Seconds between starts and stops."""

    seconds, begun = 0.0, 0.0

    def start(self) -> None:
        self.begun = perf_counter()

    def stop(self) -> None:
        self.seconds += perf_counter() - self.begun


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


def train(dde: Any, model: Any, curve: Curve, precision: str, adam: int, lbfgs: int = LBFGS) -> dict[str, Any]:
    """DeepXDE's Adam at 1e-3, then its L-BFGS: the curve, with the seconds at which L-BFGS took over."""
    clock = Clock()

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

    ends = []
    dde.optimizers.set_LBFGS_options(maxiter=lbfgs)
    for optimiser, options, steps in (("adam", {"lr": 1e-3}, {"iterations": adam}), ("L-BFGS", {}, {})):
        model.compile(optimiser, **options)
        clock.start()
        model.train(callbacks=[Watch()], **steps)
        measure()
        clock.stop()
        ends.append(curve.seconds[-1])
    return {"seconds": curve.seconds, "rel_l2": curve.rel_l2, "seconds of adam": ends[0]}


def solved(problem: Problem) -> dict[str, Any]:
    """The default plan: its curve; the clock and the final error are those of the solution."""
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


def side_by_side(
    arguments: list[str],
    problems: Sequence[str],
    ours: Callable[..., dict[str, Any]],
    deepxde: Callable[..., dict[str, Any]],
    result: str,
    figure: str,
) -> int:
    """Both on the named problems, or on all; the file and the figure are written anew after each.

    Args:
        arguments: names, ``--quick``, ``--single``.
        problems: their names.
        ours: name -> its curve.
        deepxde: (name, precision, quick) -> its curve.
        result: name of the file of results.
        figure: name of the picture in docs/images.
    """
    quick = "--quick" in arguments
    names = [a for a in arguments if a not in ("--quick", "--single")] or list(problems)
    precisions = dict([*PRECISIONS.items()][:1]) if "--single" in arguments else PRECISIONS
    unknown = [name for name in names if name not in problems]
    if unknown:
        print(f"unknown problem {', '.join(unknown)}: expected {', '.join(problems)}", file=sys.stderr)
        return 2
    known = RESULTS / f"{result}.json"
    found = json.loads(known.read_text())["curves"] if known.exists() and not quick else {}
    for name in names:
        runs = {"pinnscene": apart(ours, name)}
        for who, precision in precisions.items():
            runs[who] = apart(deepxde, name, precision, quick)
        found[name] = {"date": str(date.today()), "runs": runs}
        curves = {known: found[known] for known in problems if known in found}
        rows = [row for known, curve in curves.items() for row in compare(known, curve["runs"])]
        path = Path(tempfile.gettempdir()) / figure if quick else IMAGES / figure
        if quick:
            print(*rows, path, sep="\n")
        else:
            record(result, rows, curves=curves)
        draw({known: curve["runs"] for known, curve in curves.items()}, path)
    return 0
