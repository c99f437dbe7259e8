"""Heat: accuracy against closed forms, the conventional solver against them too, walls, windows, functions."""

from math import exp, pi, sin

import pytest
import torch
from scipy.optimize import brentq

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.metrics import rel_l2
from pinnscene.problems.heat import Heat
from pinnscene.problems.walls import mode, parse_walls, wavenumber
from pinnscene.seeds import generator


def test_the_default_reaches_1e_10() -> None:
    """The claim of the README, with its factor of a thousand of room."""
    solution = Heat().solve()
    assert solution.status == "converged"
    assert solution.metrics["rel_l2"] < 1e-10
    # the held-out residual, which a user without a reference sees, tells the same story
    assert solution.heldout < 1e-10


def test_the_closed_form_is_the_known_one() -> None:
    p = Points(torch.tensor([[0.3, 0.7]], dtype=torch.float64), ("x", "t"))
    assert Heat().reference(p).item() == pytest.approx(exp(-0.4 * pi**2 * 0.7) * sin(0.3 * pi), rel=1e-14)


@pytest.mark.parametrize("walls", ["neumann", "periodic", "x0=neumann,x1=dirichlet"])
def test_other_walls(walls: str) -> None:
    solution = Heat(walls=walls, n=800).solve(knobs={"field": {"width": 250}})
    # a quarter of the default's features: 1e-5 is far above what they reach, far below what a wrong wall gives
    assert solution.metrics["rel_l2"] < 1e-5


def test_two_dimensions() -> None:
    solution = Heat(dims=2, n=1200).solve(knobs={"field": {"width": 500}})
    assert solution.metrics["rel_l2"] < 1e-5


def test_error_falls_with_the_number_of_features() -> None:
    """Spectral: each doubling gains far more than any fixed order would."""
    errors = [
        Heat(n=600).solve(knobs={"field": {"width": w}, "head": {"scale": 4.0}}).metrics["rel_l2"]
        for w in (25, 50, 100)
    ]
    assert errors[0] > 30 * errors[1] > 900 * errors[2]


def test_windows_and_growth() -> None:
    assert Heat(windows=4).cuts() == (0.25, 0.5, 0.75, 1.0)
    assert Heat(windows=3, growth=10.0).cuts() == pytest.approx((1 / 111, 11 / 111, 1.0))
    assert Heat().cuts() == () and len(Heat(start="bump").cuts()) > 1
    solution = Heat(windows=3, n=400).solve(knobs={"field": {"width": 150}})
    assert solution.metrics["rel_l2"] < 1e-6


def test_a_source_and_a_variable_alpha_against_the_method_of_lines() -> None:
    """Steady within rounding at the end: u'' = -1 gives u = x (1 - x) / (2 alpha)."""
    heat = Heat(alpha=2.0, source=1.0, end=4.0, n=600)
    p = heat.domain.lattice(41, 2)
    last = p["t"] == 4.0
    steady = p["x"] * (1 - p["x"]) / (2 * 2.0)
    assert float((heat.reference(p) - steady)[last].abs().max()) < 1e-8


def test_functions_as_options() -> None:
    alpha = lambda p: 0.2 + 0.1 * torch.sin(pi * p["x"])
    heat = Heat(alpha=alpha, start=lambda p: torch.sin(pi * p["x"]), windows=1, n=800)
    assert heat.reference_info().kind == "converged" and heat.reference_info().error < 1e-6
    assert heat.solve(device="cpu").metrics["rel_l2"] < 1e-4


def test_adam_trains_too() -> None:
    solution = Heat(n=256).solve(solver="adam", steps=400, knobs={"field": {"width": 32}, "adam": {"lr": 3e-3}})
    assert solution.metrics["rel_l2"] < 0.1  # a zero network, u = sin(pi x) at all times, is at 2.5


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("walls", ["dirichlet", "neumann", "periodic"])
def test_conventional_solver_against_the_closed_form(dims: int, walls: str) -> None:
    heat = Heat(dims=dims, walls=walls, alpha=0.1)
    p = heat.domain.interior(400)(generator(0, "points"))
    # BDF with a tolerance of 1e-8 a step, over hundreds of steps
    assert rel_l2(heat.conventional().at(p), heat.reference(p)) < 1e-6


def test_robin_walls_decay_as_the_transcendental_equation_says() -> None:
    """Symmetric Robin walls du/dn = -h u: the slowest mode has k tan(k / 2) = h, and decays with exp(-alpha k^2 t)."""
    h, alpha = 2.0, 0.4
    k = brentq(lambda k: k * sin(k / 2) - h * (1 - sin(k / 2) ** 2) ** 0.5, 0.1, pi - 0.1, xtol=1e-14)
    heat = Heat(walls=f"robin:{h}:0", alpha=alpha, start=lambda p: torch.cos(k * (p["x"] - 0.5)), windows=1)
    p = heat.domain.interior(300)(generator(0, "points"))
    exact = torch.exp(-alpha * k**2 * p["t"]) * torch.cos(k * (p["x"] - 0.5))
    assert rel_l2(heat.reference(p), exact) < 1e-7
    solution = heat.solve(device="cpu")
    assert solution.metrics["rel_l2"] < 1e-5


@pytest.mark.parametrize(
    ("low", "high", "condition"), [("dirichlet", "dirichlet", "sine"), ("neumann", "dirichlet", "cosine")]
)
def test_modes_satisfy_their_walls(low: str, high: str, condition: str) -> None:
    del condition
    (pair,) = parse_walls(f"x0={low},x1={high}", ("x",)).values()
    for m in (1, 2, 5):
        x = torch.tensor([[-1.0], [2.0]], dtype=torch.float64, requires_grad=True)
        value = mode(pair, m, x, -1.0, 3.0)
        (slope,) = torch.autograd.grad(value.sum(), x)
        for wall, v, s in zip(pair, value.detach(), slope, strict=True):
            assert abs(float(wall.a * v + wall.b * s)) < 1e-12 * (1 + wavenumber(pair, m, 3.0))


@pytest.mark.parametrize(
    "text", ["neuman", "robin", "robin:0:1", "robin:a:b", "dirichlet:1:2", "x0=periodic", "w=dirichlet", "periodic:3"]
)
def test_walls_that_cannot_be_read(text: str) -> None:
    with pytest.raises(PinnsceneError):
        parse_walls(text, ("x", "y"))


@pytest.mark.parametrize(
    "options",
    [{"dims": 0}, {"alpha": 0.0}, {"alpha": float("inf")}, {"mode": 0}, {"n": -1}, {"end": 0.0}, {"growth": 0.5},
     {"source": float("nan")}, {"start": "nothing"}, {"lower": 1.0}, {"dims": 6}, {"dims": 2, "ratios": (1.0,)},
     {"ratios": (-1.0,)}, {"dims": 2, "mode": (1, 2, 3)}, {"exact": "sines", "source": 1.0},
     {"exact": "sines", "walls": "dirichlet:1"}, {"exact": "sines", "start": "bump"}, {"exact": "nothing"},
     {"exact": "sines", "alpha": lambda p: p["x"]}],
)  # fmt: skip
def test_options_out_of_range(options: dict) -> None:
    with pytest.raises(PinnsceneError):
        Heat(**options)


def test_the_multiscale_example_by_its_own_formula() -> None:
    """PINNacle's Heat2D-MS: u = sin(20 pi x) sin(pi y) exp(-1.0016 t)."""
    heat = Heat(dims=2, alpha=1 / pi**2, ratios=(4e-6, 1.0), mode=(20, 1), end=5.0)
    p = heat.domain.interior(200)(generator(0, "points"))
    exact = torch.sin(20 * pi * p["x"]) * torch.sin(pi * p["y"]) * torch.exp(-1.0016 * p["t"])
    assert rel_l2(heat.reference(p), exact) < 1e-12
    assert rel_l2(heat.conventional().at(p), exact) < 1e-9
    assert heat.structure() == {"x": "dirichlet", "y": "dirichlet", "t": "free"}


def test_a_solution_gives_start_source_and_walls() -> None:
    """The benchmark of KFAC in four dimensions of space, u = exp(-t) sum_i sin(2 x_i), from its data alone."""
    heat = Heat(dims=4, alpha=0.25, exact="sines", n=1000)
    p = heat.domain.interior(200)(generator(0, "points"))
    exact = torch.exp(-p["t"]) * torch.sin(2 * p[:, :4]).sum(1, keepdim=True)
    assert rel_l2(heat.reference(p), exact) < 1e-14 and heat.structure()["w"] == "free"
    solution = heat.solve(knobs={"field": {"width": 400}, "head": {"scale": 2.0}})
    assert solution.metrics["rel_l2"] < 1e-2  # a fifth of the default's features; without walls it is above 1e-1


@pytest.mark.parametrize("walls", ["dirichlet", "x0=neumann,x1=robin:2:0"])
def test_a_solution_with_a_source_of_its_own(walls: str) -> None:
    """U = exp(t) x^2 has the source exp(t) (x^2 - 2 alpha)."""
    heat = Heat(exact=lambda p: torch.exp(p["t"]) * p["x"] ** 2, walls=walls, n=400)
    p = heat.domain.interior(100)(generator(0, "points"))
    assert rel_l2(heat.heating(p), torch.exp(p["t"]) * (p["x"] ** 2 - 0.8)) < 1e-12
    assert heat.solve(knobs={"field": {"width": 120}}).metrics["rel_l2"] < 1e-6
    windows = Heat(exact=heat.exact, walls=walls, n=400, windows=2)
    assert windows.solve(knobs={"field": {"width": 120}}).metrics["rel_l2"] < 1e-6


def test_exponentials_agree_with_steps_of_time() -> None:
    """The same equation with numbers and with functions: two conventional solvers."""
    options = {"walls": "x0=robin:2:1,x1=neumann:0.5", "start": "bump", "end": 0.5}
    exact, stepped = Heat(source=2.0, **options), Heat(source=lambda p: 2 + 0 * p["t"], **options)
    p = exact.domain.interior(200)(generator(0, "points"))
    assert "exponentials" in exact.reference_info().note and "BDF" in stepped.reference_info().note
    assert rel_l2(exact.reference(p), stepped.reference(p)) < 1e-7


def test_beyond_three_dimensions_only_closed_forms_are_known() -> None:
    assert Heat(dims=5).reference_info().kind == "exact"
    heat = Heat(dims=4, start="bump")
    assert heat.reference_info() is None and heat.conventional() is None and heat.metric_names() == []


def test_the_multiscale_example_on_products_of_sines() -> None:
    options = {"dims": 2, "alpha": 0.10132118364, "ratios": (4e-6, 1.0), "mode": (20, 1), "end": 5.0, "hard": False}
    knobs = {"field": {"basis": "sine,sine,chebyshev", "modes": "21,2,16"}}
    assert Heat(**options).solve(backbone="tensor", knobs=knobs).metrics["rel_l2"] < 1e-9


def test_a_sum_of_functions_of_few_axes_needs_pairs():
    """In 4 + 1 dimensions, with as many features: from 9e-5 to 5e-7."""
    heat = Heat(dims=4, alpha=0.25, exact="sines", n=1200)
    errors = {}
    for pairs in (0.0, 0.5):
        knobs = {"field": {"width": 500, "pairs": pairs}, "head": {"scale": 1.0}}
        errors[pairs] = heat.solve(knobs=knobs, device="cpu").metrics["rel_l2"]
    assert errors[0.5] < errors[0.0] / 30
