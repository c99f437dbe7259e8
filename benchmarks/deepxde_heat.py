"""DeepXDE on its own heat example, and pinnscene on the same problem, in one run.

DeepXDE's side has the settings of its example: 2540 points inside, 80 on the walls, 160 at the start, a tanh network
of three layers of 20, 20,000 steps of Adam at 1e-3, then L-BFGS. Errors are relative L2 on the same 201 x 201 grid.
"""

import os
from time import perf_counter

os.environ.setdefault("DDE_BACKEND", "pytorch")

import deepxde as dde
import numpy as np
import torch
from record import record

from pinnscene.metrics import rel_l2
from pinnscene.problems.heat import Heat

ALPHA = 0.4


def deepxde() -> tuple[list[dict[str, object]], float]:
    """Rows after Adam and after L-BFGS, and the best final error."""
    geometry = dde.geometry.GeometryXTime(dde.geometry.Interval(0, 1), dde.geometry.TimeDomain(0, 1))

    def pde(x, y):
        return dde.grad.jacobian(y, x, i=0, j=1) - ALPHA * dde.grad.hessian(y, x, i=0, j=0)

    walls = dde.icbc.DirichletBC(geometry, lambda x: 0, lambda _, on: on)
    start = dde.icbc.IC(geometry, lambda x: np.sin(np.pi * x[:, :1]), lambda _, on: on)
    data = dde.data.TimePDE(geometry, pde, [walls, start], num_domain=2540, num_boundary=80, num_initial=160,
                            num_test=2540)  # fmt: skip
    model = dde.Model(data, dde.nn.FNN([2] + [20] * 3 + [1], "tanh", "Glorot normal"))
    rows, began = [], perf_counter()
    for name, arguments, steps in (("adam", {"lr": 1e-3}, {"iterations": 20000}), ("L-BFGS", {}, {})):
        model.compile("L-BFGS" if name == "L-BFGS" else "adam", **arguments)
        model.train(display_every=5000, **steps)
        seconds = perf_counter() - began
        rows.append({"solver": f"DeepXDE, {name}", "rel_l2": error(model), "seconds": seconds})
        print(rows[-1], flush=True)
    return rows, min(row["rel_l2"] for row in rows)


def error(model: "dde.Model") -> float:
    """Relative L2 on the grid of pinnscene's metric."""
    heat = Heat()
    p = heat.domain.grid()
    value = torch.as_tensor(model.predict(p.coords.numpy().astype(np.float32))).double()
    return rel_l2(value, heat.reference(p))


def main() -> None:
    """Both, then the ratios."""
    Heat().solve()  # the first solve of a process also loads libraries
    solutions = [Heat().solve(seed=seed) for seed in range(5)]
    seconds = sorted(s.seconds for s in solutions)[2]
    mine = max(s.metrics["rel_l2"] for s in solutions)
    adam = Heat().solve(solver="adam")
    rows, final = deepxde()
    rows += [
        {"solver": "pinnscene, head (median of 5)", "rel_l2": mine, "seconds": seconds},
        {"solver": "pinnscene, adam with SIREN", "rel_l2": adam.metrics["rel_l2"], "seconds": adam.seconds},
        {"solver": "ratio, DeepXDE / head", "rel_l2": final / mine, "seconds": rows[-1]["seconds"] / seconds},
    ]
    record("deepxde_heat", rows)


if __name__ == "__main__":
    main()
