"""Unknown coefficients: slopes of residuals to them, estimates and standard errors against SciPy's curve fits."""

import numpy as np
import pytest
import torch
from scipy.optimize import curve_fit

from pinnscene import Box, Constraint, FieldSpec, PinnsceneError, operator
from pinnscene.coefficients import Constant
from pinnscene.inverse import Inverse
from pinnscene.problems.burgers import Burgers
from pinnscene.problems.heat import Heat
from pinnscene.problems.poisson import Poisson
from pinnscene.seeds import generator
from pinnscene.solvers.linearise import linearise
from pinnscene.solvers.stacked import unknown_slopes

BOX = Box(x=(0.0, 1.0), t=(0.0, 1.0))


def decay(at, alpha):
    x, t = at
    return np.exp(-alpha * np.pi**2 * t) * np.sin(np.pi * x)


def measured(seed=0, n=200, alpha=0.25, noise=0.05):
    draw = np.random.default_rng(seed)
    x, t = draw.random(n), draw.random(n)
    return {"x": x, "t": t, "u": decay((x, t), alpha) + noise * draw.normal(size=n)}


def fitted(data, **more):
    at = np.stack([data["x"], data["t"]])
    value, covariance = curve_fit(decay, at, data["u"], p0=[0.3], **more)
    return float(value[0]), float(covariance[0, 0] ** 0.5)


def found(problem, name="alpha", **settings):
    solution = problem.solve(device="cpu", **settings)
    fact = problem.estimates(solution.field)[name]
    return fact["value"], fact["standard_error"]


def test_slopes_to_unknowns_are_those_of_differences(toy):
    """Coefficients inside an operator, beside it, squared, and with a logarithm."""

    def residual(u, p):
        a, b = u.param("a", p), u.param("b", p)
        return operator(u, p, {"t": 1.0, "xx": -a}) * b + a**2 * u(p) - b * p["x"]

    coefficients = {"a": Constant(0.7, positive=True), "b": Constant(-0.4)}
    problem = toy(BOX, {"pde": Constraint(BOX.interior(20), residual)}, coefficients=coefficients)
    field = FieldSpec("tensor", knobs={"modes": "4"}).build(problem)
    with torch.no_grad():
        field.head.weight.copy_(torch.linspace(-1, 1, 16)[None])
    batch = BOX.interior(20)(generator(0))

    def at():
        return problem.given["pde"].blocks("pde", field, batch)[0].residual.detach()

    slopes = unknown_slopes(field, linearise(field, lambda u: problem.given["pde"].blocks("pde", u, batch))[0])
    for k, coefficient in enumerate(field.unknowns.values()):
        h = 1e-6
        with torch.no_grad():
            coefficient.theta += h
            above = at()
            coefficient.theta -= 2 * h
            below = at()
            coefficient.theta += h
        assert torch.allclose(slopes[:, :, k], (above - below) / (2 * h), atol=1e-7)


def test_estimate_and_standard_error_are_those_of_a_fit_of_the_closed_form():
    data = measured()
    value, spread = found(Inverse(Heat(), {"alpha": 0.4}, data))
    expected, error = fitted(data)
    # the equation is a side condition of weight 1e6: the fits agree to a small part of a standard error
    assert abs(value - expected) < 0.01 * error
    assert abs(spread - error) < 0.01 * error


@pytest.mark.parametrize("start", [0.02, 4.0])
def test_a_start_far_away_leads_to_the_same_place_and_stays_positive(start):
    data = measured(1)
    assert abs(found(Inverse(Heat(), {"alpha": start}, data))[0] - fitted(data)[0]) < 0.01 * fitted(data)[1]


def test_standard_errors_are_calibrated():
    """Of 20 estimates as many lie within two of their standard errors as should: 19.1 are expected, 15 are rare."""
    scores = []
    for seed in range(20):
        problem = Inverse(Heat(), {"alpha": 0.3}, measured(seed + 100, n=60, noise=0.1))
        value, spread = found(problem, knobs={"field": {"modes": "2,10"}})
        scores.append((value - 0.25) / spread)
    assert sum(abs(score) < 2 for score in scores) >= 16
    assert 0.6 < np.std(scores) < 1.5  # one give or take 0.16


def test_rows_count_by_their_noise():
    data, draw = measured(3, noise=0.0), np.random.default_rng(3)
    noise = np.where(np.arange(200) < 100, 0.01, 0.3)
    data = {**data, "u": data["u"] + noise * draw.normal(size=200), "noise": noise}
    value, spread = found(Inverse(Heat(), {"alpha": 0.4}, data))
    expected, error = fitted(data, sigma=noise)
    assert abs(value - expected) < 0.01 * error
    assert abs(spread - error) < 0.01 * error
    assert error < 0.5 * fitted(data)[1]


def test_two_unknowns_at_once():
    """Diffusivity and a source, the field from the reference of the problem with both."""
    walls = "neumann"  # between zero walls a source makes layers in the corners
    truth = Heat(alpha=0.25, source=1.5, walls=walls)
    p = BOX.interior(400)(generator(5))
    noise = 1e-3 * torch.randn(400, generator=generator(6), dtype=torch.float64)
    data = {"x": p["x"][:, 0], "t": p["t"][:, 0], "u": truth.reference(p)[:, 0] + noise}
    problem = Inverse(Heat(source=1.0, walls=walls), {"alpha": 0.4, "source": 1.0}, data)
    solution = problem.solve(device="cpu", knobs={"field": {"modes": "24,20"}})
    for name, true in (("alpha", 0.25), ("source", 1.5)):
        fact = problem.estimates(solution.field)[name]
        assert abs(fact["value"] - true) < 3 * fact["standard_error"]
        assert fact["standard_error"] < 0.01 * true


def test_a_nonlinear_equation():
    p = Burgers(nu=0.2).domain.interior(300)(generator(1))
    noise = 1e-3 * torch.randn(300, generator=generator(2), dtype=torch.float64)
    data = {"x": p["x"][:, 0], "t": p["t"][:, 0], "u": Burgers(nu=0.2).reference(p)[:, 0] + noise}
    value, spread = found(Inverse(Burgers(), {"nu": 0.1}, data), "nu", knobs={"field": {"modes": "36,20"}})
    assert abs(value - 0.2) < 3 * spread
    assert spread < 0.002


def test_features_that_do_not_resolve_the_equation_are_told():
    problem = Inverse(Heat(), {"alpha": 0.4}, measured())
    poor = problem.solve(device="cpu", knobs={"field": {"modes": "2,3"}})
    assert any("do not resolve the equation" in remark for remark in problem.remarks(poor.field))
    assert not problem.remarks(problem.solve(device="cpu").field)


def test_without_noise_it_is_exact():
    data = measured(noise=0.0)
    assert abs(found(Inverse(Heat(), {"alpha": 0.4}, data))[0] - 0.25) < 1e-7


def test_an_equation_without_time():
    x = np.linspace(0.05, 0.95, 40)
    problem = Inverse(Poisson(dims=1, exact="none"), {"source": 0.5}, {"x": x, "u": 2.0 * x * (1 - x) / 2})
    assert abs(found(problem, "source")[0] - 2.0) < 1e-7


def test_measurements_that_say_nothing_are_told():
    """Where u vanishes by the walls, no alpha changes it."""
    wall = {"x": np.zeros(20), "t": np.linspace(0, 1, 20), "u": np.zeros(20)}
    with pytest.raises(PinnsceneError, match="do not determine alpha: the Gauss-Newton matrix is singular"):
        Inverse(Heat(), {"alpha": 0.4}, wall).solve(device="cpu")


def test_adam_finds_unknowns_too_but_no_standard_error():
    problem = Inverse(Heat(), {"alpha": 0.3}, measured())
    solution = problem.solve(device="cpu", solver="adam", steps=3, knobs={"field": {"modes": "3"}})
    fact = problem.estimates(solution.field)["alpha"]
    assert fact["value"] != 0.3 and fact["standard_error"] is None


BAD = {
    "an option that is not in the equation": (lambda: Inverse(Heat(), {"begin": 0.0}, measured()), "no equation of"),
    "no number": (lambda: Inverse(Heat(), {"walls": 0.0}, measured()), "walls is no number"),
    "no option": (
        lambda: Inverse(Heat(), {"alhpa": 0.1}, measured()),
        "unknown numeric option 'alhpa'; did you mean alpha",
    ),
    "an option that is also in the data": (
        lambda: Inverse(Heat(exact="sines"), {"alpha": 0.1}, measured()),
        "also changes",
    ),
    "no unknown": (lambda: Inverse(Heat(), {}, measured()), "at least one unknown"),
    "a start out of bounds": (lambda: Inverse(Heat(), {"alpha": -1.0}, measured()), "alpha > 0"),
    "no data": (lambda: Inverse(Heat(), {"alpha": 0.1}), "--data FILE with the columns x, t, u"),
    "rows outside": (lambda: Inverse(Heat(end=0.5), {"alpha": 0.1}, measured()), "of 200 rows lie outside the domain"),
    "no column": (
        lambda: Inverse(Heat(), {"alpha": 0.1}, {"x": [0.1], "u": [0.1]}),
        "expected a column for each of x, t",
    ),
    "no number in a row": (
        lambda: Inverse(Heat(), {"alpha": 0.1}, {"x": [0.1], "t": [0.1], "u": [float("nan")]}),
        "column u is not finite in row 1",
    ),
    "other units": (
        lambda: Inverse(Heat(), {"alpha": 0.1}, {"x": [0.1], "t": [2e6], "u": [0.1]}),
        "its values are 2e[+]06 times as large: are the units those of the domain",
    ),
    "noise that is none": (
        lambda: Inverse(Heat(), {"alpha": 0.1}, {"x": [0.1], "t": [0.1], "u": [0.1], "noise": [0.0]}),
        "noise expected positive standard deviations, got 0 in row 1",
    ),
    "windows": (lambda: Inverse(Heat(), {"alpha": 0.1}, measured()).solve(windows=2), "in one window"),
    "a solver that holds them": (lambda: Inverse(Heat(), {"alpha": 0.1}, measured()).solve(solver="head"), "or varpro"),
    "a solver without them": (lambda: Heat().solve(solver="varpro"), "no unknown coefficients"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_a_line(case):
    make, told = BAD[case]
    with pytest.raises(PinnsceneError, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_data_that_cover_next_to_nothing_are_warned_of():
    data = measured() | {"t": 1e-6 * measured()["t"]}
    assert any("covers 1e-06 of the domain's t" in note for note in Inverse(Heat(), {"alpha": 0.4}, data).notes())
    assert not Inverse(Heat(), {"alpha": 0.4}, measured()).notes()


def test_as_many_unknowns_as_rows_are_refused():
    row = {"x": [0.5], "t": [0.5], "u": [0.3]}
    with pytest.raises(PinnsceneError, match="1 measured for 1 unknown: expected more"):
        Inverse(Heat(), {"alpha": 0.4}, row)
