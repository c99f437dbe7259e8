"""A diffusivity that is found: its splines, the solve that rows come from, and what is found from them."""

import numpy as np
import pytest
import torch
from scipy.sparse import diags, kron
from scipy.sparse.linalg import expm_multiply

from pinnscene import Box, PinnsceneError
from pinnscene.batch import Points
from pinnscene.coefficientfields import PositiveSpline
from pinnscene.problems.diffusivity import Diffusivity
from pinnscene.problems.variablediffusion import VariableDiffusion
from pinnscene.seeds import generator

SQUARE = Box(x=(0.0, 2.0), y=(0.0, 3.0))


@pytest.fixture
def spline():
    """A field of 5 and 6 splines that is not constant."""
    made = PositiveSpline(("x", "y"), (0.0, 0.0), (2.0, 3.0), (5, 6), 2.0)
    with torch.no_grad():
        made.theta += 0.3 * torch.randn(30, generator=generator(1), dtype=torch.float64)
    return made


def shifted(p, axis, h):
    coords = p.coords.clone()
    coords[:, p.axes.index(axis)] += h
    return Points(coords, p.axes)


def test_a_spline_begins_as_its_constant_and_has_no_roughness_then():
    made = PositiveSpline(("x", "y"), (0.0, 0.0), (2.0, 3.0), (5, 6), 2.0)
    p = SQUARE.interior(20)(generator(0))
    assert torch.allclose(made.at(p), torch.full((20, 1), 2.0, dtype=torch.float64))
    assert float((made.roughness() @ made.theta).detach().abs().max()) < 1e-10


def test_derivatives_of_a_spline_along_axes_and_to_its_parameters(spline):
    p, h = SQUARE.interior(20)(generator(0)), 1e-5
    with torch.no_grad():
        for axis in ("x", "y"):
            differences = (spline.at(shifted(p, axis, h)) - spline.at(shifted(p, axis, -h))) / (2 * h)
            assert torch.allclose(spline.at(p, axis), differences, atol=1e-7)
        assert float(spline.at(p, "t").abs().max()) == 0
        for along in ("", "x", "y"):
            slopes = spline.slopes(p, along)
            for k in (0, 13, 29):
                spline.theta[k] += h
                above = spline.at(p, along)
                spline.theta[k] -= 2 * h
                below = spline.at(p, along)
                spline.theta[k] += h
                assert torch.allclose(slopes[:, k : k + 1], (above - below) / (2 * h), atol=1e-7)


def test_roughness_is_the_thin_plate_energy():
    """Of s = x^2 + x y in coordinates from -1 to 1 the mean of s_xx^2 + 2 s_xy^2 + s_yy^2 is 4 + 2."""
    made = PositiveSpline(("x", "y"), (-1.0, -1.0), (1.0, 1.0), (5, 5))
    p = made.lattice(20)
    s = p["x"] ** 2 + p["x"] * p["y"]
    theta = torch.linalg.lstsq(made.features(p, [0, 0]), s).solution[:, 0]
    assert float((made.roughness() @ theta).square().sum()) == pytest.approx(6.0, rel=1e-6)


def differences(n, d, u0, side, t):
    """The values at the inner nodes after t, by fluxes between n cells of each axis, exact in time."""
    h = side / n
    x = h * np.arange(1, n)

    def along(values):
        """The matrix of (d u')' along the first axis for faces' values [n, n - 1]."""
        parts = []
        for j in range(n - 1):
            face = values[:, j] / h**2
            parts.append(diags([face[1:-1], -(face[1:] + face[:-1]), face[1:-1]], [-1, 0, 1]))
        return parts

    at = lambda a, b: (
        d(Points(torch.as_tensor(np.stack([a.ravel(), b.ravel()], 1)), ("x", "y"))).numpy().reshape(a.shape)
    )
    faces = h * (np.arange(n) + 0.5)
    rows = along(at(*np.meshgrid(faces, x, indexing="ij")))  # for each y
    columns = along(at(*np.meshgrid(x, faces, indexing="ij")).T)  # for each x
    unit = lambda j: diags([np.eye(n - 1)[j]], [0])
    matrix = sum(kron(r, unit(j)) for j, r in enumerate(rows)) + sum(kron(unit(j), c) for j, c in enumerate(columns))
    start = at(*np.meshgrid(x, x, indexing="ij")) * 0 + u0(*np.meshgrid(x, x, indexing="ij"))
    return expm_multiply(t * matrix.tocsc(), start.ravel()).reshape(n - 1, n - 1)


def test_the_solve_that_rows_come_from_against_finite_differences():
    problem = Diffusivity()
    made = VariableDiffusion(24, 10.0, 5.0, problem.true, problem.u0)
    wave = lambda x, y: 100 * np.sin(np.pi * x / 10) * np.sin(np.pi * y / 10)
    coarse, fine = (
        differences(n, problem.true, wave, 10.0, 5.0)[n // 10 - 1 :: n // 10, n // 10 - 1 :: n // 10] for n in (20, 40)
    )
    truth = (4 * fine - coarse) / 3  # Richardson
    x = np.arange(1.0, 10.0)
    p = np.stack([*map(np.ravel, np.meshgrid(x, x, indexing="ij")), np.full(81, 5.0)], 1)
    found = made(Points(torch.as_tensor(p), ("x", "y", "t"))).numpy().reshape(9, 9)
    assert np.abs(found - truth).max() < 0.03  # of 38; differences without Richardson are 0.2 off
    assert np.abs(found - wave(*np.meshgrid(x, x)) * np.exp(-2 * (np.pi / 10) ** 2 * 5)).max() > 1


def gentle(p):
    """A slope and a hill, which few splines and few polynomials resolve."""
    return 1.0 + 0.05 * p["x"] + 0.3 * torch.exp(-((p["x"] - 4) ** 2 + (p["y"] - 6) ** 2) / 18)


KNOBS = {"field": {"modes": "8,8,5"}}
FEW = {"truth": gentle, "rows": 2000, "splines": 6}


def test_d_is_found_from_noisy_rows_and_standard_errors_say_how_well():
    problem = Diffusivity(**FEW)
    solution = problem.solve(device="cpu", knobs=KNOBS)
    assert solution.metrics["rel_l2_d"] < 0.03
    p, told = problem.steep()
    error = (problem.found(solution.field, p) - problem.true(p)).abs()[:, 0]
    spread = solution.field.unknowns["d"].spread(p).detach()[:, 0]
    assert float((error < 2 * spread)[told].double().mean()) > 0.8
    assert float((error / spread)[told].square().mean().sqrt()) > 0.2


def test_more_noise_is_smoothed_more_and_less_is_followed_further():
    found = [Diffusivity(**FEW, noise=noise).solve(device="cpu", knobs=KNOBS) for noise in (0.001, 0.1)]
    errors = [solution.metrics["rel_l2_d"] for solution in found]
    assert errors[0] < 0.3 * errors[1]
    smoothing = [problem.problem.estimates(problem.field)["d"]["smoothing"] for problem in found]
    assert smoothing[1] > 10 * smoothing[0]


def test_rows_from_a_file_lead_to_the_same_place(tmp_path):
    made = Diffusivity(**FEW)
    data = made.measured.data
    table = torch.cat([data["t"], data["x"], data["y"], data.measured], 1).numpy()
    np.savetxt(tmp_path / "rows.csv", table, delimiter=",", header="t,x,y,u", comments="", fmt="%.17g")
    read = Diffusivity(data=str(tmp_path / "rows.csv"), splines=6)
    first, second = (problem.solve(device="cpu", knobs=KNOBS) for problem in (made, read))
    p = made.plate(9)
    assert torch.allclose(made.found(first.field, p), read.found(second.field, p), rtol=1e-6)
    assert list(second.metrics) == read.metric_names() == ["rel_l2", "max_abs"]
    assert read.reference_info().kind == "fitted"
    assert second.metrics["rel_l2"] == pytest.approx(0.01, rel=0.1)  # the noise


BAD = {
    "a column is missing": ("t,x,u\n1,1,1\n", {}, "expected a column for each of x, y, t"),
    "a row outside": (
        "t,x,y,u\n1,1,1,1\n1,11,1,1\n",
        {},
        "1 of 2 rows lie outside the domain, first row 2 with x = 11",
    ),
    "not a number": ("t,x,y,u\n1,1,1,nan\n", {}, "column u is not finite in row 1"),
    "metres and micrometres": ("t,x,y,u\n1,1e7,1,1\n", {}, "its values are 1e[+]06 times as large"),
    "a guess below zero": ("", {"guess": -1.0}, "guess > 0"),
    "few rows": ("", {"rows": 3}, "rows >= 10"),
    "noise": ("", {"noise": float("nan")}, "noise >= 0"),
    "truth": ("", {"truth": "hills"}, "truth expected bumps"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told(case, tmp_path, refused):
    import re

    rows, options, told = BAD[case]
    if rows:
        (tmp_path / "rows.csv").write_text(rows)
        options = {**options, "data": str(tmp_path / "rows.csv")}
    assert re.search(told, refused(Diffusivity, **options))


def test_windows_are_refused():
    with pytest.raises(PinnsceneError, match="in one window"):
        Diffusivity(windows=2).solve(device="cpu")
