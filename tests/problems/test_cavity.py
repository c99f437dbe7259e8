"""The cavity: its residual on a closed flow, its reference against finite differences, and what is compared."""

from collections.abc import Callable
from math import pi, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import diags_array, eye_array, kron
from scipy.sparse.linalg import spsolve
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.metrics import rel_l2
from pinnscene.problems import cavity
from pinnscene.problems.cavity import Cavity
from pinnscene.problems.streamfunction import Streamfunction
from pinnscene.seeds import generator
from pinnscene.views import FunctionField


def lid(x: np.ndarray) -> np.ndarray:
    return 4 * x * (1 - x)


def solve(nu: float, n: int) -> Streamfunction:
    return Streamfunction(nu, lid, lambda x: 4 - 8 * x, n)


def points(count: int = 400) -> Points:
    return Cavity().domain.interior(count)(generator(0, "points"))


def test_the_residual_vanishes_on_kovasznays_flow() -> None:
    """Kovasznay, Proc. Camb. Phil. Soc. 44 (1948): a closed solution of the steady equations."""
    nu = 0.025
    c = 1 / (2 * nu) - sqrt(1 / (4 * nu**2) + 4 * pi**2)

    def flow(p: Points) -> Tensor:
        e = torch.exp(c * p["x"])
        u = 1 - e * torch.cos(2 * pi * p["y"])
        v = c / (2 * pi) * e * torch.sin(2 * pi * p["y"])
        return torch.cat([u, v, (1 - e**2) / 2], 1)

    problem = Cavity(nu=nu)
    exact = FunctionField(flow, ("x", "y"), ("u", "v", "p"), problem.params())
    found = problem.constraints()["pde"].residual(exact, points())
    assert found.keys() == {"momentum", "continuity"}
    for residual in found.values():
        assert float(residual.detach().abs().max()) < 1e-11


def test_walls_and_level() -> None:
    """A field that satisfies them all: the lid's profile at the top, at rest elsewhere, no pressure in the corner."""
    still = FunctionField(
        lambda p: torch.cat([4 * p["x"] * (1 - p["x"]) * p["y"] ** 8, 0 * p["x"], p["x"] + p["y"]], 1),
        ("x", "y"),
        ("u", "v", "p"),
        Cavity().params(),
    )
    for name, constraint in Cavity().constraints().items():
        if name != "pde":
            batch = constraint.draw(name, generator(0, name))
            assert float(constraint.residual(still, batch).abs().max()) < 1e-14, name
    ones = lambda p: torch.ones(len(p), 3, dtype=torch.float64)
    moving = FunctionField(ones, ("x", "y"), ("u", "v", "p"), Cavity().params())
    for name in ("wall_x0", "wall_x1", "wall_y0", "wall_y1", "level"):
        constraint = Cavity().constraints()[name]
        assert float(constraint.residual(moving, constraint.draw(name, generator(0, name))).abs().max()) >= 1.0


def by_differences(nu: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The velocity in the inner nodes of a uniform grid: streamfunction and vorticity by central differences.

    The vorticity on the walls is Thom's, -2 psi_1 / h^2 - 2 U / h; the advecting velocity is iterated.
    """
    h, m = 1 / n, n - 1
    one, line = eye_array(m), lambda low, mid, up: diags_array([low, mid, up], offsets=[-1, 0, 1], shape=(m, m))
    second, first = line(1.0, -2.0, 1.0) / h**2, line(-1.0, 0.0, 1.0) / (2 * h)
    lap = kron(second, one) + kron(one, second)
    dx, dy = kron(first, one), kron(one, first)
    ends = np.zeros((2, m))
    ends[0, 0] = ends[1, -1] = 1
    edge = lambda k: diags_array(ends[k])
    # the value on each wall that a difference reaches for, as a matrix on the inner psi and a constant
    thom = -2 / h**2
    speed = np.zeros((m, m))
    speed[:, -1] = -2 / h * lid(np.arange(1, n) * h)
    sides = [(kron(edge(k), one), 0) for k in (0, 1)] + [(kron(one, edge(k)), 1) for k in (0, 1)]
    psi = np.zeros(m * m)
    for _ in range(6):
        u, v = dy @ psi, -(dx @ psi)
        carry = diags_array(u) @ dx + diags_array(v) @ dy - nu * lap
        to_psi, known = 0, np.zeros(m * m)
        for k, (side, axis) in enumerate(sides):
            wind = (u, v)[axis] * (1 if k % 2 else -1) / (2 * h)
            factor = diags_array(wind - nu / h**2) @ side
            to_psi = to_psi + thom * factor
            if k == 3:
                known += factor @ speed.ravel()
        # the vorticity inside is -lap psi: what carries it and what comes from the walls cancel
        psi = spsolve((to_psi - carry @ lap).tocsc(), -known)
    return (dy @ psi).reshape(m, m), -(dx @ psi).reshape(m, m)


def test_the_reference_against_finite_differences() -> None:
    """The inner velocity away from the lid, where the differences are of second order."""
    reference, errors = solve(0.05, 24), []
    for n in (12, 24, 48):
        u, v = by_differences(0.05, n)
        x = np.arange(1, n) / n
        mesh = np.stack([m.ravel() for m in np.meshgrid(x, x, indexing="ij")], 1)
        low = mesh[:, 1] < 0.8
        mine = reference(Points(torch.as_tensor(mesh[low]), ("x", "y")))
        errors.append(rel_l2(torch.as_tensor(np.stack([u.ravel(), v.ravel()], 1)[low]), mine))
    assert errors[2] < 1e-2 and errors[0] > 3 * errors[1] > 9 * errors[2]


def test_the_reference_converges_with_the_third_order_and_has_no_divergence() -> None:
    p, best = points(), solve(0.02, 48)
    errors = [rel_l2(solve(0.02, n)(p), best(p)) for n in (8, 16, 32)]
    assert errors[0] > 5 * errors[1] > 25 * errors[2] and errors[2] < 2e-4
    h = 1e-5
    shifted = lambda axis, s: best(Points(p.coords + s * torch.eye(2, dtype=torch.float64)[axis], p.axes))[:, axis]
    divergence = sum((shifted(axis, h) - shifted(axis, -h)) / (2 * h) for axis in (0, 1))
    assert float(divergence.abs().max()) < 1e-5


def test_the_reference_moves_with_the_lid_and_rests_on_the_walls() -> None:
    x = torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]
    flow, one = solve(0.02, 24), torch.ones_like(x)
    on_lid = flow(Points(torch.cat([x, one], 1), ("x", "y")))
    assert torch.allclose(on_lid, torch.cat([4 * x * (1 - x), 0 * x], 1), atol=1e-12)
    for wall in (torch.cat([x, 0 * x], 1), torch.cat([0 * x, x], 1), torch.cat([one, x], 1)):
        # the last interval below the lid gives way to it
        assert float(flow(Points(wall[:-2], ("x", "y"))).abs().max()) < 1e-3


def test_only_the_velocity_is_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cavity, "RESOLUTIONS", (8, 12))
    problem = Cavity(nu=0.3)
    exact = FunctionField(
        lambda p: torch.cat([problem.reference(p), 7 + 0 * p["x"]], 1), problem.domain.axes, problem.values
    )
    assert problem.metric_names() == ["rel_l2", "max_abs", "rel_l2_u", "rel_l2_v"]
    assert set(problem.metrics(exact).values()) == {0.0}
    drawn = problem.figures(exact, tmp_path)
    assert [path.name for path in drawn] == ["flow.png", "u.png", "v.png", "p.png"]


def test_a_small_solve(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thick flow: few polynomials hold all but the corners."""
    monkeypatch.setattr(cavity, "RESOLUTIONS", (16, 24))
    assert Cavity(nu=0.2).solve(knobs={"field": {"modes": "14"}}).metrics["rel_l2"] < 1e-2


def test_options_that_make_no_sense(refused: Callable[..., str]) -> None:
    assert "nu > 0" in refused(Cavity, nu=0.0)
    assert "a lid that moves" in refused(Cavity, lid=0.0)
    assert "n >= 0" in refused(Cavity, n=-1)
    assert "no steady flow" in refused(solve, nu=1e-9, n=4)
