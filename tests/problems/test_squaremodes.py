"""Gray-Scott and the long heat: residuals, references against the equations and against SciPy, windows, bad options."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import cos, pi
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from pinnscene.batch import Points
from pinnscene.metrics import rel_l2
from pinnscene.problem import Problem
from pinnscene.problems.etdrk4 import march
from pinnscene.problems.grayscott import GrayScott
from pinnscene.problems.heatlongtime import HeatLongTime
from pinnscene.problems.squaremodes import SquareEquation, SquareModes
from pinnscene.seeds import generator
from pinnscene.views import Frozen, FunctionField

# Short and smooth enough for few modes, with every term of the equations at work; no other test has these options.
REACTION = GrayScott(du=4e-3, dv=2e-3, end=3.0)
DRIVEN = HeatLongTime(alpha=0.01, end=1.5)


def modes(problem: Any, n: int, step: float, every: float) -> SquareModes:
    """A solve of a problem at a resolution of one's own."""
    return SquareModes(problem._reference.solve(0).equation, n, step, every)


@pytest.fixture
def coarse(quick_references: None) -> None:
    """References of low resolution."""


def test_the_integrator_is_of_fourth_order() -> None:
    """W' = -10 w + sin(w) + cos(t) and a slower one, against SciPy."""
    linear, rest = np.array([-10.0, -0.5]), lambda w, t: np.sin(w) + cos(t)
    truth = solve_ivp(lambda t, w: linear * w + rest(w, t), (0, 2), [1.0, 2.0], rtol=1e-12, atol=1e-13, method="DOP853")
    ends = [[*march(linear, rest, np.array([1.0, 2.0]), (0, 2), steps)][-1][0] for steps in (32, 64, 128)]
    errors = [float(np.abs(end - truth.y[:, -1]).max()) for end in ends]
    assert all(a / b > 11 for a, b in pairwise(errors)) and errors[-1] < 1e-6, errors


def test_without_reaction_each_mode_decays_by_itself() -> None:
    start = lambda p: torch.cat([torch.cos(pi * p["x"]) * torch.cos(2 * pi * p["y"]), 0.5 + 0 * p["x"]], 1)
    none = lambda values, x, y, t: 0 * values
    found = SquareModes(
        SquareEquation("cosine", 0.0, 1.0, (1.0, 3.0), (0.1, 0.2), (0.3, 0.4), none, start), 16, 0.5, 0.1
    )
    p = Points(torch.rand(200, 3, generator=generator(0, "p"), dtype=torch.float64) + torch.tensor([0, 0, 1.5]), "xyt")
    since = p.coords[:, 2:] - 1
    p = Points(p.coords, ("x", "y", "t"))
    decay = torch.cat([torch.exp(-(0.1 * 5 * pi**2 + 0.3) * since), torch.exp(-0.4 * since)], 1)
    assert rel_l2(found(p), start(p) * decay) < 1e-6  # kept in float32


@pytest.mark.parametrize("problem", [REACTION, DRIVEN], ids=["gray-scott", "heat-long-time"])
def test_the_reference_satisfies_the_equation(coarse: None, problem: Any, differences: Any) -> None:
    """The residual that solvers see, with the reference's derivatives by central differences."""
    found = modes(problem, 96, 0.01, 0.01)
    u = differences(found, problem, 0.003)
    inside = problem.domain.interior(60)(generator(0, "points")).coords
    middle, half = (inside.amin(0) + inside.amax(0)) / 2, 0.9
    p = Points(middle + half * (inside - middle), problem.domain.axes)
    residual = problem.constraints()["pde"].residual(u, p)
    rate = u.derivatives(p, [{(2,): 1.0}])[0]
    assert float(residual.norm() / rate.norm()) < 2e-3
    start = problem.domain.face(100, t=0.0)(generator(0, "start"))
    begun = problem.u0(start)
    assert rel_l2(found(start), begun) < 1e-5


@pytest.mark.parametrize("problem", [REACTION, DRIVEN], ids=["gray-scott", "heat-long-time"])
def test_the_reference_converges_in_modes_and_in_time(coarse: None, problem: Any) -> None:
    p = problem.domain.interior(300)(generator(0, "points"))
    best = modes(problem, 64, 0.02, 0.04)(p)
    for resolutions in ([(12, 0.02), (24, 0.02), (36, 0.02)], [(64, 0.4), (64, 0.1), (64, 0.05)]):
        errors = [rel_l2(modes(problem, n, step, 0.04 if step < 0.04 else step)(p), best) for n, step in resolutions]
        # to what states that are kept in float32 can show
        assert all(b < a / 5 or b < 1e-7 for a, b in pairwise(errors)), errors


def by_differences(problem: Any, n: int) -> np.ndarray:
    """The values [k, n, n] at the end in the middles of n x n cells, by SciPy in time: walls by mirrored values."""
    (low, high), end = problem.domain.bounds["x"], problem.end
    x = low + (high - low) * (np.arange(n) + 0.5) / n
    coords = np.stack([*(m.ravel() for m in np.meshgrid(x, x, indexing="ij")), np.zeros(n * n)], 1)
    p = Points(torch.as_tensor(coords), problem.domain.axes)
    reaction = isinstance(problem, GrayScott)
    start = problem.u0(p).numpy().T.reshape(-1, n, n)
    h, mirror = (high - low) / n, 1.0 if reaction else -1.0

    def lap(u: np.ndarray) -> np.ndarray:
        wide = np.pad(u, 1, mode="edge")
        wide[[0, -1]] *= mirror
        wide[:, [0, -1]] *= mirror
        return (wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2] - 4 * u) / h**2

    def slope(t: float, flat: np.ndarray) -> np.ndarray:
        values = flat.reshape(start.shape)
        if not reaction:
            drive = 5 * (1 + 2 * np.sin(pi * t / 4)) * np.sin(4 * pi * x[:, None]) * np.sin(2 * pi * x[None])
            return (problem.alpha * lap(values[0]) + drive * np.sin(values[0] ** 2)).ravel()
        u, v = values
        lost = u * v * v
        gained = problem.feed * (1 - u) - lost, lost - problem.decay * v
        return np.stack([problem.du * lap(u) + gained[0], problem.dv * lap(v) + gained[1]]).ravel()

    done = solve_ivp(slope, (0, end), start.ravel(), rtol=1e-7, atol=1e-9, method="RK45", t_eval=[end])
    return done.y[:, -1].reshape(start.shape)


@pytest.mark.parametrize("problem", [REACTION, DRIVEN], ids=["gray-scott", "heat-long-time"])
def test_the_reference_against_finite_differences(coarse: None, problem: Any) -> None:
    """Second order in space towards the reference, SciPy's Runge-Kutta in time."""
    errors = []
    for n in (24, 48, 96):
        low, high = problem.domain.bounds["x"]
        x = low + (high - low) * (np.arange(n) + 0.5) / n
        coords = np.stack([*(m.ravel() for m in np.meshgrid(x, x, indexing="ij")), np.full(n * n, problem.end)], 1)
        truth = problem.reference(Points(torch.as_tensor(coords), problem.domain.axes))
        values = torch.as_tensor(by_differences(problem, n).reshape(len(problem.values), -1).T)
        errors.append(rel_l2(values, truth))
    assert errors[0] > 2.5 * errors[1] > 7 * errors[2] and errors[2] < 0.03, errors


def test_uniform_states_react_and_plain_modes_diffuse() -> None:
    problem = GrayScott(feed=0.05, decay=0.2)
    residual, p = problem.constraints()["pde"].residual, problem.domain.interior(50)(generator(0, "points"))
    field = lambda f: FunctionField(f, problem.domain.axes, problem.values, problem.params())
    uniform = residual(field(lambda p: torch.cat([0.4 + 0 * p["x"], 0.3 + 0 * p["x"]], 1)), p)
    taken = 0.4 * 0.3**2
    expected = torch.tensor([taken - 0.05 * 0.6, 0.2 * 0.3 - taken], dtype=torch.float64)
    assert torch.allclose(uniform, expected.expand_as(uniform), atol=1e-14)

    def fading(p: Points) -> torch.Tensor:
        mode = torch.cos(pi * p["x"]) * torch.cos(2 * pi * p["y"])
        return torch.cat([1 - mode * torch.exp(-(5 * pi**2 * problem.du + 0.05) * p["t"]), 0 * p["x"]], 1)

    assert float(residual(field(fading), p).detach().abs().max()) < 1e-13


@pytest.mark.parametrize("make", [GrayScott, HeatLongTime])
def test_windows_start_where_the_last_one_ended(make: Callable[..., Problem]) -> None:
    problem = make(end=4.0, windows=4, hard=True)
    assert problem.cuts() == (1.0, 2.0, 3.0, 4.0) and make(windows=1).cuts() == ()
    before = FunctionField(lambda p: p["t"] + torch.zeros(1, len(problem.values)), problem.domain.axes, problem.values)
    stage = problem.stage(2, before)
    assert isinstance(stage.start, Frozen) and stage.domain.bounds["t"] == (2.0, 3.0) and stage.cuts() == ()
    p = stage.domain.face(20, t=2.0)(generator(0, "start"))
    assert torch.equal(stage.ansatz().lift(p), torch.full((20, len(problem.values)), 2.0, dtype=torch.float64))
    assert not stage.ansatz().factor(p).any()


@pytest.mark.parametrize(
    ("problem", "modes", "most"),
    [(replace(REACTION, end=1.0), "24,24,5", 2e-3), (replace(DRIVEN, end=0.2), "20,20,5", 1e-2)],
    ids=["gray-scott", "heat-long-time"],
)
def test_small_solves(coarse: None, problem: Any, modes: str, most: float) -> None:
    """The features of the defaults, fewer of them, in windows; a start that holds still is at 2e-2 and above."""
    knobs = {"field": {"modes": modes}, "head": {"form": "krylov"}}
    assert replace(problem, windows=2).solve(knobs=knobs).metrics["rel_l2"] < most


def test_structure_and_what_the_ansatz_holds() -> None:
    assert GrayScott().structure() == {"x": "neumann", "y": "neumann", "t": "free"}
    assert HeatLongTime().structure() == {"x": "dirichlet", "y": "dirichlet", "t": "free"}
    assert list(HeatLongTime(hard=True).constraints()) == ["pde"]
    assert "start" in HeatLongTime().constraints() and HeatLongTime().ansatz() is None  # features from a basis
    other = HeatLongTime(hard=True, start=lambda p: torch.cos(pi * p["x"]) * torch.sin(pi * p["y"]))
    assert [name for name in other.constraints() if name != "pde"] == ["wall_x0", "wall_x1"]


@pytest.mark.parametrize(
    ("make", "options", "says"),
    [
        (GrayScott, {"du": -1.0}, "du >= 0"),
        (GrayScott, {"feed": float("nan")}, "feed >= 0"),
        (GrayScott, {"windows": -1}, "n and windows expected at least 0"),
        (GrayScott, {"end": 0.0}, "lower first"),
        (GrayScott, {"start": "rings"}, "spots"),
        (HeatLongTime, {"alpha": 0.0}, "alpha > 0"),
        (HeatLongTime, {"n": -1}, "n and windows expected at least 0"),
        (HeatLongTime, {"begin": 200.0}, "lower first"),
        (HeatLongTime, {"start": "step"}, "sines"),
    ],
)
def test_options_that_make_no_sense(refused: Callable[..., str], make: Any, options: dict, says: str) -> None:
    assert says in refused(make, **options)
