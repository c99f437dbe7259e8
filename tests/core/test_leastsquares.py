"""Least squares against NumPy's, in the three cases that matter: full rank, open directions, bad scaling."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscene.solvers.leastsquares import least_squares


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def numpy(a, y):
    return torch.as_tensor(np.linalg.lstsq(a.numpy(), y.numpy(), rcond=None)[0])


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.integers(1, 40), st.floats(1.5, 12), st.floats(-8, 8), st.integers(0, 1000))
def test_well_conditioned_systems_equal_numpy(m, ratio, power, seed):
    """A Gaussian matrix with 1.5 m + 5 rows or more has a condition number of tens: 1e-12 is rounding times that,
    at every scale of the matrix; ratios beyond 4 reduce the rows first.
    """
    n = int(ratio * m) + 5
    a, y = normal(n, m, seed=seed) * 10**power, normal(n, seed=seed + 1)
    assert torch.allclose(least_squares(a, y), numpy(a, y), rtol=1e-11, atol=1e-12 * 10**-power)


@pytest.mark.parametrize("n", [60, 300])
def test_open_directions_get_the_least_residual_and_a_bounded_norm(n):
    """Rank 10 of 30: the residual is the least there is, up to the rounding of a w itself. Damping mu filters a
    singular value s of a by s / (s^2 + mu^2) <= 1 / (2 mu), so no direction, rounding's own ones included, can carry
    more than that.
    """
    a = normal(n, 10) @ normal(10, 30, seed=1)
    y = normal(n, seed=2)
    w, best = least_squares(a, y), numpy(a, y)
    rounding = torch.finfo(a.dtype).eps * a.norm() * w.norm()  # of the product a w itself
    assert (a @ w - y).norm() <= (a @ best - y).norm() + rounding
    assert w.norm() <= 1.01 * y.norm() / (2 * 1e-14 * a.norm())


@pytest.mark.parametrize("n", [60, 300])
def test_open_directions_of_a_consistent_system_stay_small(n):
    """As above with a y that the columns reach: the free part is rounding over rounding."""
    a = normal(n, 10) @ normal(10, 30, seed=1)
    y = a @ normal(30, seed=2)
    w = least_squares(a, y)
    assert (a @ w - y).norm() <= 1e-12 * y.norm()
    assert w.norm() <= 30 * numpy(a, y).norm()


def test_more_unknowns_than_rows():
    a, y = normal(8, 20), normal(8, seed=1)
    w = least_squares(a, y)
    assert (a @ w - y).norm() <= 1e-12 * y.norm()
    assert w.norm() <= 30 * numpy(a, y).norm()


def test_columns_of_zero_get_no_weight():
    """A feature that is nowhere seen stays out."""
    a = normal(50, 6)
    a[:, 2] = 0
    w = least_squares(a, normal(50, seed=1))
    assert w[2] == 0
    assert torch.isfinite(w).all()


def test_a_matrix_of_zeros_gives_zero():
    w = least_squares(torch.zeros(9, 3, dtype=torch.float64), torch.ones(9, dtype=torch.float64))
    assert torch.equal(w, torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("rows", [100, 400])
def test_a_vandermonde_system_is_solved_to_rounding(rows):
    """Degree 39 in [0, 1]: condition 1e30, where normal equations stop at 1e-8. y = exp(-3 x) lies in the span to
    rounding, so the residual must come down to 1e-13 of y.
    """
    x = torch.linspace(0, 1, rows, dtype=torch.float64)
    a, y = x[:, None] ** torch.arange(40), torch.exp(-3 * x)
    assert (a @ least_squares(a, y) - y).norm() <= 1e-13 * y.norm()


def test_damping_is_ridge_regression():
    """||a w - y||^2 + (d ||a||_F)^2 ||w||^2 by its normal equations, well conditioned here."""
    a, y, d = normal(40, 5), normal(40, seed=1), 0.1
    lam = (d * a.norm()) ** 2
    expected = torch.linalg.solve(a.T @ a + lam * torch.eye(5, dtype=torch.float64), a.T @ y)
    assert torch.allclose(least_squares(a, y, d), expected, rtol=1e-12)


@pytest.mark.parametrize("n", [50, 500])
def test_the_same_system_gives_the_same_bits(n):
    a, y = normal(n, 30) @ normal(30, 30, seed=1), normal(n, seed=2)
    kept = a.clone(), y.clone()
    assert torch.equal(least_squares(a, y), least_squares(a.clone(), y.clone()))
    assert torch.equal(a, kept[0])
    assert torch.equal(y, kept[1])
