"""Two materials: closed forms at several contrasts, finite elements that fit, the limit of one material."""

from typing import Any

import pytest
import torch

from pinnscene import gradient
from pinnscene.errors import PinnsceneError
from pinnscene.options import build_problem
from pinnscene.problems import planefem
from pinnscene.problems.interfacefem import InterfaceFem
from pinnscene.problems.poissoninterface import PoissonInterface
from pinnscene.problems.poissonregion import PoissonRegion
from pinnscene.seeds import generator

CONTRASTS = [(1e-3, 1.0), (1.0, 1.0), (1e3, 1.0), (1e6, 1.0), (1.0, 1e3), (1.0, 1e6)]


def errors(problem: PoissonInterface, width: int = 150, **settings: Any) -> list[float]:
    """Errors of u and of a grad u, each as a share of the largest on both sides, from a solve of few features."""
    knobs = {"field": {"width": width}, "head": {"scale": 3.0}}
    u = problem.solve(backbone="siren", knobs=knobs, **settings).field
    assert problem.solution is not None
    off: dict[str, list[float]] = {"u": [], "flux": []}
    sizes: dict[str, list[float]] = {"u": [], "flux": []}
    for region in (problem.inner, problem.outer):
        p = region.interior(1000)(generator(3, "errors"))
        pairs = {
            "u": (u(p), problem.solution(p)),
            "flux": (problem.a(p) * gradient(u, p), problem.a(p) * gradient(problem.solution, p)),
        }
        for name, (value, truth) in pairs.items():
            off[name].append(float((value - truth).detach().abs().max()))
            sizes[name].append(float(truth.detach().abs().max()))
    return [max(off[name]) / max(sizes[name]) for name in off]


@pytest.mark.parametrize("exact", ["radial", "jumps"])
@pytest.mark.parametrize(("a_in", "a_out"), CONTRASTS)
def test_both_sides_are_as_their_closed_forms_at_any_contrast(exact: Any, a_in: float, a_out: float) -> None:
    # of the larger a the flux is that of differences as small as 1 / a, which rounding limits
    assert max(errors(PoissonInterface(exact=exact, a_in=a_in, a_out=a_out, n=700))) < max(1e-7, 1e-11 * a_out / a_in)


@pytest.mark.parametrize(
    "options",
    [
        {"inner": "ellipse(0.1,0,0.6,0.3)", "walls": "robin:2:0,x0=dirichlet"},
        {"inner": "polygon(-0.5,-0.4,0.5,-0.4,0,0.5)", "walls": "neumann"},
        {"inner": "flower(0,0,0.5,0.2,5)", "domain": "disc", "a_in": 0.02},
        {"inner": "disc(-0.4,0,0.2) | disc(0.4,0,0.2)"},
        {"inner": "ball(0,0,0,0.5)", "domain": "ball", "exact": "radial"},
    ],
    ids=lambda o: o["inner"],
)
def test_interfaces_of_any_form(options: dict[str, Any]) -> None:
    assert max(errors(PoissonInterface(**{"exact": "jumps", "n": 1500, **options}), 300)) < 1e-4


def test_errors_fall_with_the_number_of_features() -> None:
    worst = [max(errors(PoissonInterface(exact="jumps", n=800), width)) for width in (30, 60, 120)]
    assert worst[1] < worst[0] / 20 and worst[2] < worst[1] / 20


def test_both_coefficients_times_a_number_change_nothing() -> None:
    """Also the data by as much: the equation is the same."""
    knobs = {"field": {"width": 60}, "head": {"scale": 3.0}}
    known = {"exact": "none", "walls": "dirichlet:1", "jump": 0.2}
    one = PoissonInterface(a_in=5.0, a_out=1.0, source=1.0, flux=0.3, n=400, **known)
    other = PoissonInterface(a_in=35.0, a_out=7.0, source=7.0, flux=2.1, n=400, **known)
    p = one.domain.interior(300)(generator(0, "p"))
    first, second = (problem.solve(backbone="siren", knobs=knobs).field(p).detach() for problem in (one, other))
    assert torch.allclose(first, second, rtol=0, atol=1e-9 * float(first.abs().max()))


def test_one_material_without_jumps_is_poisson_on_the_region() -> None:
    knobs = {"field": {"width": 300}, "head": {"scale": 8.0}}
    options = {"domain": "disc", "exact": "none", "source": 1.0, "walls": "robin:1:2"}
    two = PoissonInterface(a_in=1.0, a_out=1.0, n=1500, **options).solve(knobs=knobs).field
    one = PoissonRegion(n=1000, **options)
    u, p = one.solve(knobs=knobs).field, one.domain.interior(500)(generator(0, "p"))
    assert float((two(p) - u(p)).detach().abs().max()) < 1e-7 * float(u(p).detach().abs().max())


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planefem, "HALVINGS", 0)


def distance(problem: PoissonInterface, level: int, truth: Any) -> float:
    p = problem.domain.interior(1000)(generator(0, "p"))
    return float((InterfaceFem(problem, level)(p) - truth(p)).norm() / truth(p).norm())  # type: ignore[arg-type]


def test_finite_elements_converge_to_a_closed_form_with_jumps(coarse: None) -> None:
    """U = 1 + r^2 / 20 inside, r^2 / 2 around on the unit disc: f = -2 with a = 10 and 1, all jumps constant."""
    options = {"domain": "disc", "exact": "none", "a_in": 10.0, "a_out": 1.0, "source": -2.0}
    jumps = {"jump": 0.125 - 1 - 0.0125, "flux": 0.0}
    square = lambda p: p.coords.square().sum(1, keepdim=True)
    truth = lambda p: torch.where(square(p) < 0.25, 1 + square(p) / 20, square(p) / 2)
    problem = PoissonInterface(walls="dirichlet:0.5", **jumps, **options)  # type: ignore[arg-type]
    far, near = (distance(problem, level, truth) for level in (0, 1))
    assert far < 1e-5 and near < far / 5
    walls = PoissonInterface(walls="robin:2:1", **jumps, **options)  # type: ignore[arg-type]
    assert distance(walls, 0, truth) < 1e-5  # du/dn = 1 = 2 (1 - u)


def test_finite_elements_know_the_jump_of_the_flux(coarse: None) -> None:
    """U = 0.5 - log 2 inside, 0.5 + log r around: no source, a du/dn jumps by a_out / r = 2."""
    truth = lambda p: 0.5 + p.coords.norm(dim=1, keepdim=True).clamp_min(0.5).log()
    problem = PoissonInterface(
        domain="disc", exact="none", a_in=7.0, a_out=1.0, flux=2.0, walls="dirichlet:0.5", inner="disc(0,0,0.5)"
    )
    assert distance(problem, 0, truth) < 1e-4


def test_the_field_agrees_with_finite_elements(coarse: None) -> None:
    options = {"exact": "none", "a_in": 50.0, "source": 1.0, "jump": 0.1, "flux": 0.5, "walls": "dirichlet:0"}
    problem = PoissonInterface(inner="ellipse(0,0,0.5,0.4)", n=1500, **options)  # type: ignore[arg-type]
    u = problem.solve(knobs={"field": {"width": 250}, "head": {"scale": 8.0}}).field
    assert distance(problem, 1, lambda p: u(p).detach()) < 1e-3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"inner": "disc(0.8,0,0.5)"}, "leaves, or touches the boundary of, the domain"),
        ({"inner": "disc(0.5,0,0.5)"}, "leaves, or touches"),
        ({"inner": "disc(5,0,0.5)"}, "does not meet the domain"),
        ({"inner": "disc(0,0,5)"}, "leaves"),
        ({"domain": "annulus(0,0,0.2,1)"}, "leaves"),
        ({"exact": "none", "source": 1.0, "walls": "neumann"}, "hold one part"),
        ({"inner": "ball(0,0,0,0.5)"}, "the same two or three axes, got x,y and x,y,z"),
        ({"domain": "interval", "inner": "interval(0.2,0.4)"}, "the same two or three axes"),
        ({"inner": "dics"}, "did you mean disc"),
        ({"inner": "flower(0,0,0.5,3)"}, "a depth from 0 to 0.5"),
        ({"a_in": 0.0}, "expected a_in > 0"),
        ({"a_out": -1.0}, "expected a_out > 0"),
        ({"a_out": float("nan")}, "expected a_out > 0"),
        ({"jump": 1.0}, "set exact=none"),
        ({"walls": "dirichlet:3"}, "set exact=none"),
        ({"exact": "none", "flux": float("inf")}, "a finite flux"),
        ({"exact": "radail"}, "radial.*jumps.*none"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(PinnsceneError, match=said) as caught:
        build_problem(PoissonInterface, options)
    assert "\n" not in str(caught.value)


def test_a_solution_of_ones_own_needs_two_columns() -> None:
    problem = PoissonInterface(exact=lambda p: p["x"])
    with pytest.raises(PinnsceneError, match="two columns"):
        problem.reference(problem.domain.interior(5)(generator(0)))
