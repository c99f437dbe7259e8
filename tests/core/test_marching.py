"""Marching: windows of t on any problem, as accurate as one window, and what cannot be put in windows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi
from pathlib import Path

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, Fixed, Marching, PinnsceneError, Points, Problem, partials
from pinnscene.cli import main
from pinnscene.config import tuned
from pinnscene.marching import Carried, Kept
from pinnscene.metrics import evaluate, rel_l2
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

SMALL = {"field": {"width": 150}, "head": {"scale": 4.0}}


@dataclass(frozen=True)
class Decay(Problem):
    """u_t = u_xx / 10 on [0, 1] x [1, 2], zero walls, u = sin(pi x) at t = 1: a problem as users write them."""

    n: int = 300  # collocation points per step

    values, domain = ("u",), Box(x=(0, 1), t=(1, 2))

    def exact(self, p: Points) -> torch.Tensor:
        return torch.exp(-0.1 * pi**2 * (p["t"] - 1)) * torch.sin(pi * p["x"])

    def constraints(self) -> Mapping[str, Constraint]:
        def pde(u, p):
            u_t, u_xx = partials(u, p, "t", "xx")
            return u_t - 0.1 * u_xx

        return {
            "pde": Constraint(self.domain.interior(self.n), pde),
            "walls": Constraint(self.domain.face(self.n, "x"), lambda u, p: u(p), weight=100.0),
            "start": Constraint(
                self.domain.face(self.n, t=1.0), lambda u, p: u(p) - torch.sin(pi * p["x"]), weight=100.0
            ),
        }

    def reference(self, p: Points) -> torch.Tensor:
        return self.exact(p)


@dataclass(frozen=True)
class Held(Decay):
    """The same with a driven wall u(0, t) = (t - 1)^2, start and walls held: u = exact + what the wall drives."""

    def constraints(self) -> Mapping[str, Constraint]:
        found = super().constraints()
        source = lambda p: 2 * (p["t"] - 1) * (1 - p["x"])

        def pde(u, p):
            return found["pde"].residual(u, p) - source(p)

        return {"pde": Constraint(self.domain.interior(self.n), pde)}

    def exact(self, p: Points) -> torch.Tensor:
        return super().exact(p) + (p["t"] - 1) ** 2 * (1 - p["x"])

    def ansatz(self) -> Ansatz:
        lift = lambda p: torch.sin(pi * p["x"]) + (p["t"] - 1) ** 2 * (1 - p["x"])
        return Ansatz(lift, lambda p: (1 - torch.exp(1 - p["t"])) * p["x"] * (1 - p["x"]))


@dataclass(frozen=True)
class String(Problem):
    """u_tt = u_xx on [0, 1]^2, zero walls, u = sin(pi x) and u_t = pi sin(2 pi x) at first."""

    values, domain = ("u",), Box(x=(0, 1), t=(0, 1))

    def reference(self, p: Points) -> torch.Tensor:
        x, t = p["x"], p["t"]
        return torch.sin(pi * x) * torch.cos(pi * t) + torch.sin(2 * pi * x) * torch.sin(2 * pi * t) / 2

    def constraints(self) -> Mapping[str, Constraint]:
        face = self.domain.face(200, t=0.0)
        pde = lambda u, p: torch.sub(*partials(u, p, "tt", "xx"))
        velocity = lambda u, p: partials(u, p, "t") - pi * torch.sin(2 * pi * p["x"])
        return {
            "pde": Constraint(self.domain.interior(600), pde),
            "walls": Constraint(self.domain.face(200, "x"), lambda u, p: u(p), weight=100.0),
            "start": Constraint(face, lambda u, p: u(p) - torch.sin(pi * p["x"]), weight=100.0),
            "velocity": Constraint(face, velocity, weight=100.0),
        }


@dataclass(frozen=True)
class HeldString(String):
    """The same with start, velocity and walls held."""

    def constraints(self) -> Mapping[str, Constraint]:
        return {"pde": super().constraints()["pde"]}

    def ansatz(self) -> Ansatz:
        lift = lambda p: torch.sin(pi * p["x"]) + pi * p["t"] * torch.sin(2 * pi * p["x"])
        return Ansatz(lift, lambda p: p["t"] ** 2 * p["x"] * (1 - p["x"]))


def known(problem: Problem) -> FunctionField:
    return FunctionField(problem.reference, problem.domain.axes)


@pytest.mark.parametrize("make", [Decay, Held, String, HeldString])
@pytest.mark.parametrize("windows", [1, 3])
def test_windows_are_as_accurate_as_all_at_once(make: type[Problem], windows: int) -> None:
    solution = make().solve(windows=windows, knobs=SMALL)
    # 150 features reach 1e-7 and better; a window that starts from anything but the last one is off by far more
    assert solution.metrics["rel_l2"] < 1e-5
    assert type(solution.problem) is make


def test_windows_of_any_length() -> None:
    solution = Marching(Decay(), (1.05, 1.2, 2.0)).solve(knobs=SMALL)
    assert solution.metrics["rel_l2"] < 1e-6
    assert solution.field.ends.tolist() == [1.05, 1.2, 2.0]


@pytest.mark.parametrize("make", [Decay, Held, String, HeldString])
def test_the_exact_solution_fits_every_window(make: type[Problem]) -> None:
    """All residuals vanish at it, and an ansatz equals it at the window's first time, with its velocity if held."""
    problem = make()
    exact, march = known(problem), Marching.even(problem, 4)
    for k in range(4):
        stage = march.stage(k, exact if k else None)
        begin, end = stage.domain.bounds["t"]
        for name, constraint in stage.constraints().items():
            p = constraint.draw(name, generator(0, name))
            assert float(p["t"].min()) >= begin and float(p["t"].max()) <= end
            assert float(constraint.residual(exact, p).detach().abs().max()) < 1e-9, (k, name)
        shape = stage.ansatz()
        if shape is None:
            continue
        p = problem.domain.face(50, t=begin)(generator(0, "face"))
        lift = shape.lift if isinstance(shape.lift, Carried) else FunctionField(shape.lift, p.axes)
        assert torch.allclose(lift(p), exact(p), atol=1e-12)
        factor = FunctionField(shape.factor, p.axes)
        if begin > problem.domain.bounds["t"][0] and make is HeldString:
            assert torch.allclose(partials(lift, p, "t"), partials(exact, p, "t"), atol=1e-12)
            assert float(partials(factor, p, "t").detach().abs().max()) < 1e-9
        walls = problem.domain.face(50, "x")(generator(0, "walls"))
        inside = walls[walls["t"][:, 0] > begin]
        assert torch.allclose(lift(inside), exact(inside), atol=1e-12)


def test_stored_points_go_to_their_windows() -> None:
    places = torch.tensor([[0.2, 1.1], [0.5, 1.5], [0.7, 1.6], [0.1, 1.9]], dtype=torch.float64)
    points = Points(places, ("x", "t"))

    @dataclass(frozen=True)
    class Measured(Decay):
        def constraints(self) -> Mapping[str, Constraint]:
            data = {"data": Constraint(Fixed(lambda g: points), lambda u, p: u(p) - self.exact(p))}
            late = {"late": Constraint(lambda g: points[2:], lambda u, p: u(p) - self.exact(p))}
            return {**super().constraints(), **data, **late}

    march = Marching.even(Measured(), 2)
    first, second = march.stage(0, None).constraints(), march.stage(1, known(Measured())).constraints()
    draw: Callable[[Constraint], list] = lambda c: c.draw("data", generator(0, "x"))["t"][:, 0].tolist()
    assert draw(first["data"]) == [1.1, 1.5] and draw(second["data"]) == [1.6, 1.9]
    assert "late" not in first and isinstance(second["late"].sampler, Kept)


def test_random_points_of_a_sampler_of_ones_own_are_squeezed() -> None:
    @dataclass(frozen=True)
    class Own(Decay):
        def constraints(self) -> Mapping[str, Constraint]:
            draw = lambda g: Points(1 + torch.rand(40, 2, generator=g, dtype=torch.float64), ("x", "t"))
            return {**super().constraints(), "own": Constraint(draw, lambda u, p: u(p))}

    found = Marching.even(Own(), 4).stage(2, known(Own())).constraints()["own"]
    times = found.draw("own", generator(0, "x"))["t"]
    assert len(times) == 40 and 1.5 <= float(times.min()) < 1.55 and 1.7 < float(times.max()) <= 1.75


def test_knobs_reach_every_window() -> None:
    for k, before in ((0, None), (1, known(Decay()))):
        stage = Marching.even(Decay(), 2).stage(k, before)
        found = tuned(stage, {"pde": {"n": "17"}, "start": {"n": "19", "weight": "3"}})
        assert len(found["pde"].draw("pde", generator(0, "x"))) == 17
        assert len(found["start"].draw("start", generator(0, "x"))) == 19 and found["start"].weight == 3


@pytest.mark.parametrize("windows", [0, -2, True])
def test_a_window_count_that_cannot_be(windows: int) -> None:
    with pytest.raises(PinnsceneError, match="windows expected a whole number of at least 1"):
        Decay().solve(windows=windows)


@pytest.mark.parametrize("ends", [(), (1.5,), (1.5, 1.4, 2.0), (0.5, 2.0), (float("nan"), 2.0), (1.5, 3.0)])
def test_ends_that_do_not_fit(ends: tuple[float, ...]) -> None:
    with pytest.raises(PinnsceneError, match="windows expected ends that rise from 1"):
        Marching(Decay(), ends)


def test_what_cannot_go_in_windows() -> None:
    @dataclass(frozen=True)
    class Mixed(Decay):
        def constraints(self) -> Mapping[str, Constraint]:
            return {"rim": Constraint(self.domain.face(60, "x", t=1.0), lambda u, p: u(p) - self.exact(p))}

    with pytest.raises(PinnsceneError, match="'rim' is partly at the first time"):
        Marching.even(Mixed(), 2).stage(1, known(Decay())).constraints()

    @dataclass(frozen=True)
    class Steady(Problem):
        values, domain = ("u",), Box(x=(0, 1), y=(0, 1))

        def constraints(self) -> Mapping[str, Constraint]:
            return {"walls": Constraint(self.domain.face(60, "x"), lambda u, p: u(p))}

    with pytest.raises(PinnsceneError, match="windows are of t"):
        Steady().solve(windows=2)


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """A custom problem in windows, kept, moved, evaluated again."""
    monkeypatch.chdir(tmp_path)
    source = Path(__file__).parents[2] / "docs" / "examples" / "my_heat.py"
    (tmp_path / "my_heat.py").write_text(source.read_text())
    fast = ["--set", "field.width=100", "--set", "head.scale=4", "--quiet"]

    def call(*arguments: str) -> int:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        return int(stop.value.code or 0)

    assert call("solve", "my_heat.py:Heat1D", "--windows", "2", "--out", "run", *fast) == 0
    (tmp_path / "run").rename(tmp_path / "moved")
    from pinnscene.cli.opening import open_run

    opened = open_run("moved", None, None, "my_heat.py:Heat1D", "eval")
    u, p = opened.field("cpu"), opened.problem.domain.grid(2000)
    exact = torch.exp(-0.1 * pi**2 * p["t"]) * torch.sin(pi * p["x"])
    assert u.ends.tolist() == [0.5, 1.0] and rel_l2(evaluate(u, p), exact) < 1e-6
    assert call("solve", "my_heat.py:Heat1D", "--windows", "0", *fast) == 2
    assert "windows expected a whole number of at least 1, got 0" in capsys.readouterr().err
