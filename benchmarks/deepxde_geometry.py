"""DeepXDE and pinnscene on regions: Poisson on the L-shape and Laplace around four holes, error against
time, in one run.

DeepXDE's side has the settings of its own example for the L-shape: 1200 points inside, 120 on the boundary, four layers
of 50 tanh units, 50,000 steps of Adam at 1e-3, then L-BFGS as it comes. Around the holes, for which it has no example,
there are as many points inside and 300 on the boundary, since that is two and a half times as long for its area, and
20,000 steps of Adam, as many as PINNacle takes, from which the problem is.

What the clocks count is told in ``sidebyside``. ``python benchmarks/deepxde_geometry.py l-shape`` runs both sides of
one problem anew and keeps the other in the file; ``--quick`` takes a twentieth of DeepXDE's steps and writes to a
temporary folder; ``--single`` leaves the runs in double precision out.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sidebyside import LBFGS, Curve, side_by_side, solved, train

from pinnscene.problem import Problem
from pinnscene.problems.laplaceholes import LaplaceHoles
from pinnscene.problems.lshape import LShape

INSIDE = 1200
LAYERS = [2, 50, 50, 50, 50, 1]
HOLES = [(x, y) for x in (0.3, -0.3) for y in (0.3, -0.3)]


class Example(NamedTuple):
    """A problem of ours, its source, its domain by DeepXDE's geometry, points on the boundary, values there, Adam."""

    problem: Problem
    source: float
    region: Callable[[Any], Any]
    edge: int
    wall: Callable[[Any], Any]
    adam: int


def l_shape(geometry: Any) -> Any:
    """By two rectangles: points of DeepXDE's polygons are of double precision, which its single one does not take."""
    return geometry.Rectangle([-1, -1], [1, 1]) - geometry.Rectangle([0, -1], [1, 0])


def four_holes(geometry: Any) -> Any:
    """Its boundaries of differences take half of their points from each of the two: so holes are joined first."""
    one, two, three, four = (geometry.Disk(centre, 0.1) for centre in HOLES)
    return geometry.Rectangle([-0.5, -0.5], [0.5, 0.5]) - ((one | two) | (three | four))


def outer(x: Any) -> Any:
    """1 on the square, 0 on the holes."""
    return np.isclose(np.abs(x).max(1, keepdims=True), 0.5).astype(x.dtype)


EXAMPLES = {
    "l-shape": Example(LShape(), 1.0, l_shape, 120, lambda x: 0, 50_000),
    "four-holes": Example(LaplaceHoles(), 0.0, four_holes, 300, outer, 20_000),
}


def deepxde(name: str, precision: str, quick: bool) -> dict[str, Any]:
    """DeepXDE's settings: its curve."""
    import deepxde as dde

    example = EXAMPLES[name]
    dde.config.set_default_float(precision)
    dde.config.set_random_seed(0)
    region = example.region(dde.geometry)
    pde = lambda x, y: -dde.grad.hessian(y, x, i=0, j=0) - dde.grad.hessian(y, x, i=1, j=1) - example.source
    edge = dde.icbc.DirichletBC(region, example.wall, lambda _, on: on)
    data = dde.data.PDE(region, pde, edge, num_domain=INSIDE, num_boundary=example.edge, num_test=1500)
    model = dde.Model(data, dde.nn.FNN(LAYERS, "tanh", "Glorot uniform"))
    shrink = 20 if quick else 1
    return train(dde, model, Curve(example.problem), precision, example.adam // shrink, LBFGS // shrink)


def ours(name: str) -> dict[str, Any]:
    """Our default plan: its curve."""
    return solved(EXAMPLES[name].problem)


if __name__ == "__main__":
    sys.exit(side_by_side(sys.argv[1:], list(EXAMPLES), ours, deepxde, "deepxde_geometry", "geometry-error-time.png"))
