"""Evolution equations: references against independent ones and against the residuals, options, walls, windows."""

from collections.abc import Sequence
from dataclasses import replace
from math import pi
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from pinnscene import PinnsceneError, Points
from pinnscene.batch import coordinates
from pinnscene.derivatives import Operator
from pinnscene.marching import staged
from pinnscene.options import build_problem
from pinnscene.problems.advection import Advection
from pinnscene.problems.allen_cahn import AllenCahn
from pinnscene.problems.burgers import Burgers
from pinnscene.problems.evolution import Evolution
from pinnscene.problems.heat import Heat
from pinnscene.problems.korteweg_de_vries import KortewegDeVries
from pinnscene.problems.kuramoto_sivashinsky import KuramotoSivashinsky
from pinnscene.problems.methodoflines import Line, cardinal, chebyshev
from pinnscene.problems.schroedinger import Schroedinger
from pinnscene.problems.spectralreference import Resolution, SpectralSolution
from pinnscene.problems.walls import parse_walls
from pinnscene.problems.wave import Wave
from pinnscene.seeds import generator
from pinnscene.solve import Settings, configure
from pinnscene.views import Differentiable

SPECTRAL = {
    KortewegDeVries(end=0.5): Resolution(405, 4000, 200),
    KuramotoSivashinsky(end=0.2): Resolution(243, 1000, 100),
    AllenCahn(epsilon=1e-3): Resolution(729, 100, 50, 4),
    Schroedinger(lower=-20.0, upper=20.0, end=0.5): Resolution(625, 2000, 200),
}


class OfWaves(Differentiable):
    """A spectral solution as a field: exact in x, central differences of order six in t."""

    def __init__(self, problem: Evolution, at: Resolution) -> None:
        self.problem, self.axes, self.values = problem, problem.domain.axes, problem.values
        self.solved = SpectralSolution(problem, problem.semilinear(), at).solved

    def param(self, name: str, p: Points | Tensor) -> float:
        return self.problem.params()[name]

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        x, t = coordinates(p, 2).numpy().T
        return [
            sum((c * self._partial(x, t, index.count(0), index.count(1)) for index, c in op.items()), torch.zeros(1))
            for op in operators
        ]

    def _partial(self, x: np.ndarray, t: np.ndarray, in_x: int, in_t: int) -> Tensor:
        if in_t:
            h = 2e-4
            weights = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
            sums = [w * (self._partial(x, t + j * h, in_x, 0) - self._partial(x, t - j * h, in_x, 0)) / h
                    for j, w in weights.items()]  # fmt: skip
            return torch.stack(sums).sum(0)
        k, n = self.solved.waves, self.solved.n
        share = np.where((k != 0) & self.solved.real, 2.0, 1.0) / n
        terms = self.solved.modes(t) * share * (1j * k) ** in_x * np.exp(1j * np.outer(x - self.solved.lower, k))
        value = terms.sum(1)
        return torch.as_tensor(np.stack([value.real] if self.solved.real else [value.real, value.imag], 1))


@pytest.mark.parametrize("problem", SPECTRAL, ids=lambda p: type(p).__name__)
def test_what_modes_are_solved_for_is_the_residual(problem: Evolution) -> None:
    """The spectral solution makes the residual vanish, beside the size of u_t."""
    u = OfWaves(problem, SPECTRAL[problem])
    low, high = problem.domain.bounds["t"]
    p = problem.domain.interior(60)(generator(0, "points"))
    inner = Points(torch.cat([p["x"], low + 0.3 * (high - low) + 0.6 * (p["t"] - low)], 1), p.axes)
    (u_t,) = u.derivatives(inner, [{(1,): 1.0}])
    assert float(problem.pde(u, inner).abs().max()) < 1e-6 * float(u_t.abs().max())


def interpolated(line: Line, states: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values [len(x), times] of unknowns [unknowns, times] at places, between homogeneous walls."""
    return cardinal(line.nodes, x) @ (line.extend @ states)


def at_times(problem: Evolution, x: np.ndarray, times: Sequence[float]) -> np.ndarray:
    return np.stack([reference(problem, x, t) for t in times], 1)


def reference(problem: Evolution, x: np.ndarray, t: float) -> np.ndarray:
    p = Points(torch.as_tensor(np.stack([x, np.full_like(x, t)], 1)), problem.domain.axes)
    return problem.reference(p)[:, 0].numpy()


def test_burgers_against_an_independent_solve() -> None:
    """Chebyshev points of the right half, where u is odd, and BDF: the layer at x = 0 is where they are densest."""
    problem = Burgers()
    line = chebyshev(160, 0.0, 1.0, parse_walls("dirichlet", ("x",))["x"])
    first = differentiation(line)
    flow = lambda t, u: problem.nu * (line.second @ u) - u * (first @ u)
    jacobian = lambda t, u: problem.nu * line.second - np.diag(first @ u) - u[:, None] * first
    times = (0.2, 0.5, 1.0)
    found = solve_ivp(
        flow, (0, 1), -np.sin(pi * line.unknown), "BDF", jac=jacobian, t_eval=times, rtol=1e-11, atol=1e-12
    )
    x = np.concatenate([np.linspace(0, 1, 101), np.geomspace(1e-5, 1e-1, 60)])
    assert np.abs(interpolated(line, found.y, x) - at_times(problem, x, times)).max() < 2e-8
    assert problem.reference_info().error < 1e-12


def differentiation(line: Line) -> np.ndarray:
    """The first derivative of the unknowns of a Chebyshev line, exact for the polynomial through all nodes."""
    x = line.nodes
    n = len(x) - 1
    c = np.where((np.arange(n + 1) == 0) | (np.arange(n + 1) == n), 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    d = np.outer(c, 1 / c) / (x[:, None] - x[None, :] + np.eye(n + 1))
    d -= np.diag(d.sum(1))
    return (d @ line.extend)[1:-1]


def test_burgers_of_any_start_and_viscosity() -> None:
    """The closed form is a mean of u0, so it keeps its bounds, and the residual vanishes: see the contract tests."""
    for nu in (1e-6, 1e-3, 10.0):
        u = reference(Burgers(nu=nu), np.linspace(-1, 1, 401), 0.7)
        assert np.isfinite(u).all() and np.abs(u).max() <= 1
        assert np.allclose(u, -u[::-1], atol=1e-10)
    with pytest.raises(PinnsceneError, match="zero on the walls"):
        Burgers(start=lambda p: torch.cos(p["x"])).reference_info()
    with pytest.raises(PinnsceneError, match="smooth"):
        Burgers(start=lambda p: p["x"].sign() * (1 - p["x"].abs())).reference_info()


def test_allen_cahn_against_an_independent_solve() -> None:
    """Chebyshev points of the right half, where u is even about both ends: the kink is where they are densest.

    Later on the walls between the phases are too thin for them; what is smooth is no matter for the modes.
    """
    problem = AllenCahn()
    line = chebyshev(150, 0.0, 1.0, parse_walls("neumann", ("x",))["x"])
    flow = lambda t, u: problem.epsilon * (line.second @ u) + problem.r * (u - u**3)
    jacobian = lambda t, u: problem.epsilon * line.second + np.diag(problem.r * (1 - 3 * u**2))
    times, x = (0.01, 0.1, 0.5), np.concatenate([np.linspace(0, 1, 101), 1 - np.geomspace(1e-4, 1e-1, 40)])
    start = line.unknown**2 * np.cos(pi * line.unknown)
    found = solve_ivp(flow, (0, 0.5), start, "BDF", jac=jacobian, t_eval=times, rtol=1e-10, atol=1e-11)
    truth = at_times(problem, x, times)
    errors = np.linalg.norm(interpolated(line, found.y, x) - truth, axis=0) / np.linalg.norm(truth, axis=0)
    assert errors.max() < 1e-6, errors
    assert problem.reference_info().error < 1e-6


def test_kuramoto_sivashinsky_against_an_independent_solve() -> None:
    problem = KuramotoSivashinsky(end=0.25)
    n = 95
    x, k = -1 + 2 * np.arange(n) / n, pi * np.fft.fftfreq(n, 1 / n)
    matrix = lambda symbol: np.fft.ifft(symbol[:, None] * np.fft.fft(np.eye(n), axis=0), axis=0).real
    first, stiff = matrix(1j * k), matrix(problem.b * k**2 - problem.c * k**4)
    flow = lambda t, u: stiff @ u - problem.a * u * (first @ u)
    jacobian = lambda t, u: stiff - problem.a * (np.diag(first @ u) + u[:, None] * first)
    found = solve_ivp(flow, (0, 0.25), -np.sin(pi * x), "BDF", jac=jacobian, t_eval=[0.25], rtol=1e-10, atol=1e-11)
    assert np.abs(found.y[:, 0] - reference(problem, x, 0.25)).max() < 1e-6


@pytest.mark.parametrize(
    ("walls", "expected"),
    [("dirichlet", "dirichlet"), ("neumann", "neumann"), ("periodic", "periodic"), ("x0=neumann,x1=dirichlet", "free")],
)
def test_waves_between_walls(walls: str, expected: str) -> None:
    """The closed form against an independent solver, with a bump that meets each wall."""
    bump = lambda p: torch.exp(-(((p["x"] - 0.4) / 0.08) ** 2))
    wave = Wave(walls=walls, start=bump, end=0.9)
    assert wave.structure() == {"x": expected, "t": "free"}
    p = wave.domain.interior(400)(generator(0, "points"))
    # 64 intervals hold the bump to 1e-6
    assert float((wave.conventional().at(p) - wave.reference(p)).abs().max()) < 1e-5


def test_the_default_wave_is_the_known_one() -> None:
    x = np.linspace(0, 1, 33)
    known = np.sin(pi * x) * np.cos(2 * pi * 0.3) + np.sin(4 * pi * x) * np.cos(8 * pi * 0.3) / 2
    assert np.allclose(reference(Wave(), x, 0.3), known, atol=1e-14)
    assert np.allclose(reference(Advection(), x, 0.3), np.sin(x - 15), atol=1e-13)


def test_soft_conditions_have_names() -> None:
    soft = {"pde", "start", "velocity", "wall_x0", "wall_x1"}
    assert set(Wave().constraints()) == set(Wave(hard=False).constraints()) == soft
    assert set(Wave(hard=True).constraints()) == {"pde"} and Wave(hard=True).held == ("x",)
    assert set(Wave(walls="neumann", hard=True).constraints()) == {"pde", "wall_x0", "wall_x1"}
    assert set(KortewegDeVries(hard=False).constraints()) == {"pde", "start", "periodic_x"}
    assert set(Heat(walls="neumann").structure().values()) == {"neumann", "free"}


@pytest.mark.parametrize(("make", "columns"), [(Advection, 1), (AllenCahn, 2), (KortewegDeVries, 3),
                                               (KuramotoSivashinsky, 4), (Schroedinger, 4)])  # fmt: skip
def test_a_seam_joins_as_many_derivatives_as_the_equation_needs(make: type[Evolution], columns: int) -> None:
    problem = make(n=20)
    seam = problem.constraints()["periodic_x"]
    u = Waves(problem)
    p = seam.draw("periodic_x", generator(0, "seam"))
    assert seam.residual(u, p).shape == (len(p), columns)


class Waves(Differentiable):
    """exp(x): each of its derivatives differs between the ends."""

    def __init__(self, problem: Evolution) -> None:
        self.axes, self.values = problem.domain.axes, problem.values

    def param(self, name: str, p: Points | Tensor) -> float:
        raise KeyError(name)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return [torch.exp(coordinates(p, 2)[:, :1]).expand(-1, len(self.values)) for _ in operators]


@pytest.mark.parametrize(
    ("problem", "most"),
    [(Advection(c=1.0, n=600, windows=1, hard=True), 1e-5), (Wave(n=600, windows=3, hard=True), 1e-5),
     (Wave(n=600, windows=3), 1e-4), (Burgers(nu=0.5, n=800, windows=2, hard=True), 5e-4)],
    ids=str,
)  # fmt: skip
def test_small_solves_on_random_features(problem: Evolution, most: float) -> None:
    assert problem.solve(backbone="siren", knobs={"field": {"width": 250}}).metrics["rel_l2"] < most


@pytest.mark.parametrize(
    ("problem", "modes", "most"),
    [(Advection(c=1.0), "3,12", 1e-10), (Wave(), "24,32", 1e-8), (Burgers(nu=0.5, windows=2), "16,12", 1e-4),
     (AllenCahn(epsilon=1e-2, r=1.0, start=lambda p: torch.cos(pi * p["x"]), windows=2), "30,8", 1e-4)],
    ids=str,
)  # fmt: skip
def test_small_solves_on_products(problem: Evolution, modes: str, most: float) -> None:
    assert problem.solve(knobs={"field": {"modes": modes}}).metrics["rel_l2"] < most


def test_a_start_of_ones_own_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import torch\n\ndef start(p):\n    return torch.cos(2 * p['x'])\n")
    problem = build_problem(Advection, {"start": f"{tmp_path}/mine.py:start", "c": "2"})
    x = np.linspace(0, 6, 20)
    assert np.allclose(reference(problem, x, 0.5), np.cos(2 * (x - 1)), atol=1e-13)


@pytest.mark.parametrize(
    ("make", "options"),
    [(Advection, {"c": "nan"}), (Wave, {"c": "0"}), (Wave, {"walls": "robin:1:0"}), (Wave, {"walls": "dirichlet:1"}),
     (Burgers, {"nu": "-1"}), (AllenCahn, {"epsilon": "0"}), (KuramotoSivashinsky, {"c": "-0.1"}),
     (Schroedinger, {"start": "tanh"}), (KortewegDeVries, {"end": "0"}), (KortewegDeVries, {"n": "-3"}),
     (Advection, {"windows": "-1"}), (Advection, {"growth": "0.5"}), (Burgers, {"lower": "2"})],
)  # fmt: skip
def test_options_out_of_range(make: type[Evolution], options: dict) -> None:
    with pytest.raises(PinnsceneError):
        build_problem(make, options)


@pytest.mark.parametrize(
    ("settings", "held"), [({}, False), ({"backbone": "siren"}, True), ({"backbone": "mlp"}, True)]
)
def test_the_ansatz_holds_the_start_unless_features_are_products_of_bases(settings, held):
    problem = Burgers()
    config = configure(problem, Settings(**settings))
    whole = staged(problem, config.field, None)
    assert (whole.ansatz() is not None) == held == ("start" not in whole.constraints())
    for chosen in (False, True):  # a choice stays
        told = replace(problem, hard=chosen)
        assert (staged(told, config.field, 3).stage(0, None).ansatz() is not None) == chosen
