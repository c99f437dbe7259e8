"""Options with a range as axes: one solve for every value, against closed forms and solves of single values."""

from pathlib import Path

import pytest
import torch

from pinnscene import Box, Constraint, PinnsceneError, partials
from pinnscene.metrics import evaluate, rel_l2
from pinnscene.options import build_problem, plain_options
from pinnscene.parametrised import Parametrised
from pinnscene.problems.advection import Advection
from pinnscene.problems.burgers import Burgers
from pinnscene.problems.heat import Heat
from pinnscene.problems.helmholtz import Helmholtz
from pinnscene.problems.poisson import Poisson
from pinnscene.render.request import RenderRequest
from pinnscene.seeds import generator
from pinnscene.slicing import Extended, Slice
from pinnscene.views import FunctionField

SMALL = {"field": {"modes": "2,16,10"}}


@pytest.fixture(scope="module")
def heat():
    """Heat for every alpha in 0.1..1, solved once."""
    problem = Parametrised(Heat(), {"alpha": (0.1, 1.0)})
    return problem, problem.solve(device="cpu", knobs=SMALL)


def test_one_solve_answers_for_every_value(heat):
    problem, solution = heat
    assert problem.domain == Box(x=(0, 1), t=(0, 1), alpha=(0.1, 1.0))
    # 10 polynomials of alpha to 1e-5; the default takes 16 and reaches 1e-9
    assert 0 < solution.metrics["rel_l2"] < 1e-4
    for alpha in (0.1, 0.37, 1.0):
        member, u = problem.at(solution.field, {"alpha": alpha})
        p = member.domain.grid(2000)
        assert member.alpha == alpha
        assert rel_l2(evaluate(u, p), Heat(alpha=alpha).reference(p)) <= solution.metrics["rel_l2"] * 1.5


def test_metrics_are_the_worst_over_fifty_values(heat):
    problem, solution = heat
    assert problem.metric_points() == 50 * Heat().metric_points()
    each = [Heat(alpha=a).metrics(Slice(solution.field, {"alpha": a})) for a in torch.linspace(0.1, 1, 50).tolist()]
    assert solution.metrics["rel_l2"] == pytest.approx(max(m["rel_l2"] for m in each), rel=1e-6)


def test_the_reference_knows_the_value_of_each_point(heat):
    problem, _ = heat
    p = problem.domain.interior(20)(generator(3))
    exact = torch.exp(-p["alpha"] * torch.pi**2 * p["t"]) * torch.sin(torch.pi * p["x"])
    assert torch.allclose(problem.reference(p), exact, atol=1e-14)


def test_pictures_are_of_the_value_asked_for(heat, tmp_path):
    problem, solution = heat
    files = [tmp_path / f"{alpha}.png" for alpha in (0.2, 0.9)]
    for alpha, path in zip((0.2, 0.9), files, strict=True):
        problem.render(solution.field, RenderRequest(path, (300, 240), at={"alpha": alpha}))
    assert files[0].read_bytes() != files[1].read_bytes()
    assert [path.name for path in problem.figures(solution.field, tmp_path)] == [
        "alpha=0.1.png",
        "alpha=0.55.png",
        "alpha=1.png",
    ]


def test_two_parameters_at_once():
    """Poisson's source and none else; heat's alpha and source: both columns are read."""
    problem = Parametrised(Heat(walls="neumann", source=1.0), {"alpha": (0.2, 0.3), "source": (-1.0, 2.0)})
    knobs = {"field": {"basis": "cosine,chebyshev,chebyshev,chebyshev", "modes": "3,12,6,3"}}
    u = problem.solve(device="cpu", knobs=knobs).field
    p = problem.domain.interior(50)(generator(1))
    exact = torch.exp(-p["alpha"] * torch.pi**2 * p["t"]) * torch.cos(torch.pi * p["x"]) + p["source"] * p["t"]
    assert rel_l2(evaluate(u, p), exact) < 1e-5


@pytest.mark.parametrize(
    ("problem", "ranges", "modes", "error"),
    [
        (Poisson(dims=1, exact="none", source=1.0), {"source": (1.0, 3.0)}, "8,3", 1e-10),
        (Helmholtz(a=1), {"k": (0.2, 1.0)}, "16,16,8", 1e-7),
        (Advection(end=0.02), {"c": (10.0, 20.0)}, "24,10,8", 1e-5),
    ],
    ids=["poisson", "helmholtz", "advection"],
)
def test_other_equations(problem, ranges, modes, error):
    whole = Parametrised(problem, ranges)
    solution = whole.solve(device="cpu", knobs={"field": {"modes": modes}})
    assert solution.metrics["rel_l2"] < error


def test_windows_of_time_go_on_from_each_other():
    """A nonlinear equation in two windows, against the closed form at three values."""
    problem = Parametrised(Burgers(end=0.4, windows=2), {"nu": (0.2, 0.3)})
    u = problem.solve(device="cpu", knobs={"field": {"modes": "20,8,4"}}).field
    for nu in (0.2, 0.27, 0.3):
        member, slice_ = problem.at(u, {"nu": nu})
        p = member.domain.grid(500)
        assert rel_l2(evaluate(slice_, p), member.reference(p)) < 1e-4


def test_random_features_and_a_condition_at_one_point(toy):
    """The level of a Neumann problem is one point, which is drawn for many values of the parameter."""
    problem = Parametrised(
        Poisson(dims=1, exact="none", walls="x0=neumann:0,x1=neumann:-1", source=1.0), {"source": (0.9, 1.1)}
    )
    spread = problem.constraints()["level"].sampler(generator(0))
    assert len(spread) >= 64 and spread.axes == ("x", "source")
    assert float(spread["source"].min()) < 0.95 and float(spread["source"].max()) > 1.05


def test_options_are_text_and_back():
    made = build_problem(Heat, {"alpha": "0.1..1e0"})
    assert isinstance(made, Parametrised)
    options = plain_options(made)
    assert options["alpha"] == "0.1..1.0"
    assert build_problem(Heat, options) == made


def test_slices_and_extensions_are_fields():
    u = FunctionField(lambda p: p["x"] ** 2 * p["a"] ** 3 * p["t"], ("x", "a", "t"))
    p = Box(x=(0, 1), t=(0, 1)).interior(10)(generator(0))
    slope, second = partials(Slice(u, {"a": 2.0}), p, "t", "xx")
    assert torch.allclose(slope, 8 * p["x"] ** 2)
    assert torch.allclose(second, 16 * p["t"])
    wide = Extended(FunctionField(lambda p: p["x"] ** 2 * p["t"], ("x", "t")), ("x", "t", "a"))
    q = Box(x=(0, 1), t=(0, 1), a=(0, 1)).interior(10)(generator(0))
    value, along, mixed = partials(wide, q, "", "a", "xt")
    assert torch.allclose(value, q["x"] ** 2 * q["t"])
    assert float(along.abs().max()) == 0
    assert torch.allclose(mixed, 2 * q["x"])


BAD = {
    "the wrong way round": ({"alpha": "1..0.1"}, "a range from a lower to a higher number"),
    "one end": ({"alpha": "0.1.."}, "a range from a lower to a higher number"),
    "an end that is refused": ({"alpha": "-1..1"}, "alpha > 0"),
    "not in the equation": ({"end": "1..2"}, "no equation of this problem depends on it"),
    "a whole number": ({"dims": "1..3"}, "dims is a whole number: it cannot be a range"),
    "also in the data": ({"alpha": "0.1..1", "exact": "sines"}, "also changes conditions or data"),
    "both": ({"alpha": "0.1..1", "source": "unknown"}, "not both at once"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_ranges_are_told_in_a_line(case):
    options, told = BAD[case]
    with pytest.raises(PinnsceneError, match=told) as caught:
        build_problem(Heat, options)
    assert "\n" not in str(caught.value)


def test_values_outside_a_range_are_told(heat):
    problem, solution = heat
    with pytest.raises(PinnsceneError, match=r"alpha=2 lies outside its range 0\.1\.\.1"):
        problem.check_render(RenderRequest(Path("a.png"), at={"alpha": 2.0}))
    with pytest.raises(PinnsceneError, match="unknown parameter 'beta'"):
        problem.at(solution.field, {"beta": 2.0})
    with pytest.raises(PinnsceneError, match="no option of this one has a range"):
        Heat().check_render(RenderRequest(Path("a.png"), at={"alpha": 2.0}))
    with pytest.raises(PinnsceneError, match="no parameter of this problem has a range"):
        Heat().at(solution.field, {"alpha": 2.0})


def test_a_constraint_that_draws_no_points_is_refused(toy):
    class Rows(torch.nn.Module):
        def __len__(self):
            return 3

    problem = toy(Box(x=(0.0, 1.0)), {"rays": Constraint(lambda g: Rows(), lambda u, p: u(p))})
    from pinnscene.parametrised import Along

    with pytest.raises(PinnsceneError, match="'rays' draws Rows, not points"):
        Along(problem, {"alpha": (0.0, 1.0)}).constraints()
