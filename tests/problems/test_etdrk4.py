"""Exponential Runge-Kutta steps: order four, solitons, breathers, invariants, values between nodes and steps."""

from itertools import pairwise
from math import log2, pi

import numpy as np
import pytest

from pinnscene.errors import PinnsceneError
from pinnscene.problems.periodicmodes import PeriodicModes, Semilinear, Steps

DELTA = 0.022
KDV = Semilinear(lambda k: 1j * DELTA**2 * k**3, lambda k: -0.5j * k, np.square)
NLS = Semilinear(lambda k: -0.5j * k**2, np.ones_like, lambda h: 1j * np.abs(h) ** 2 * h)


def nodes(n: int, low: float, high: float) -> np.ndarray:
    return low + (high - low) * np.arange(n) / n


def soliton(x: np.ndarray, t: np.ndarray | float, c: float = 0.5) -> np.ndarray:
    """3 c sech^2(sqrt(c) (x - c t) / (2 delta)), once around [-1, 1]; its tail there is 1e-13."""
    y = np.remainder(x - c * t + 1, 2) - 1
    return 3 * c / np.cosh(np.sqrt(c) * y / (2 * DELTA)) ** 2


def breather(x: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """What 2 sech(x) becomes on the whole line (Satsuma and Yajima 1974)."""
    top = np.cosh(3 * x) + 3 * np.exp(4j * t) * np.cosh(x)
    return 4 * top * np.exp(0.5j * t) / (np.cosh(4 * x) + 4 * np.cosh(2 * x) + 3 * np.cos(4 * t))


def error(value: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def test_order_four_on_a_soliton() -> None:
    x = nodes(243, -1, 1)
    errors = []
    for count in (100, 200, 400):
        solved = PeriodicModes(KDV, soliton(x, 0.0), 243, (-1, 1), 0.0, [Steps(0.2, count, count // 20)])
        errors.append(error(solved(x, np.full(243, 0.2)), soliton(x, 0.2)))
    orders = [log2(a / b) for a, b in pairwise(errors)]
    assert all(3.8 < order < 4.4 for order in orders), (errors, orders)


def test_a_soliton_anywhere() -> None:
    """Between nodes and between the states that were kept."""
    rng = np.random.default_rng(0)
    x, t = rng.uniform(-1, 1, 500), rng.uniform(0, 0.5, 500)
    solved = PeriodicModes(KDV, soliton(nodes(405, -1, 1), 0.0), 405, (-1, 1), 0.0, [Steps(0.5, 4000, 8)])
    assert error(solved(x, t), soliton(x, t)) < 1e-8
    assert np.array_equal(solved(x[::-1], t[::-1]), solved(x, t)[::-1])


def test_a_complex_breather_in_stretches() -> None:
    rng = np.random.default_rng(0)
    x, t = rng.uniform(-8, 8, 500), rng.uniform(0, pi / 2, 500)
    steps = [Steps(0.3, 1000, 20), Steps(pi / 2, 3000, 20)]
    solved = PeriodicModes(NLS, 2 / np.cosh(nodes(625, -20, 20)) + 0j, 625, (-20, 20), 0.0, steps)
    assert error(solved(x, t), breather(x, t)) < 1e-7


def test_a_lattice_and_scattered_points_agree() -> None:
    """A few places are looked up, many are computed."""
    solved = PeriodicModes(KDV, np.cos(pi * nodes(81, -1, 1)), 81, (-1, 1), 0.0, [Steps(0.1, 200)])
    x, t = (a.ravel() for a in np.meshgrid(np.linspace(-1, 1, 9), np.linspace(0, 0.1, 5)))
    far = np.random.default_rng(0).uniform(-1, 1, 2**21 // 41)
    together = solved(np.concatenate([x, far]), np.concatenate([t, np.full(len(far), 0.05)]))
    assert np.allclose(solved(x, t), together[: len(x)], atol=1e-13)


def test_invariants() -> None:
    """Mass and momentum of Korteweg-de Vries, mass of Schroedinger."""
    kdv = PeriodicModes(KDV, np.cos(pi * nodes(405, -1, 1)) + 0.3, 405, (-1, 1), 0.0, [Steps(1.0, 4000, 10)])
    states = kdv.modes(np.linspace(0, 1, 23)) / 405
    assert np.ptp(states[:, 0].real) < 1e-13
    momentum = np.abs(states[:, 0]) ** 2 + 2 * (np.abs(states[:, 1:]) ** 2).sum(1)
    assert np.ptp(momentum) < 1e-8 * momentum[0]
    nls = PeriodicModes(NLS, 2 / np.cosh(nodes(405, -5, 5)) + 0j, 405, (-5, 5), 0.0, [Steps(pi / 2, 4000, 20)])
    mass = (np.abs(nls.modes(np.linspace(0, pi / 2, 23))) ** 2).sum(1)
    assert np.ptp(mass) < 1e-8 * mass[0]


def test_the_waves_of_a_kink_are_those_of_its_series() -> None:
    """abs(x) on [-1, 1] has the coefficients -2 / (pi k)^2 for odd k; its samples at few nodes have others."""
    heat = Semilinear(lambda k: -0.01 * k**2, np.zeros_like, np.zeros_like)
    solved = PeriodicModes(heat, np.abs(nodes(81 * 16, -1, 1)), 81, (-1, 1), 0.0, [Steps(1.0, 8)])
    k = np.arange(1, 40, 2)
    first = solved.modes(np.zeros(1))[0, k] / 81 * (-1.0) ** k  # the nodes begin at -1
    assert np.abs(first + 2 / (pi * k) ** 2).max() < 1e-6


@pytest.mark.parametrize(("modes", "count", "keep"), [(80, 100, 1), (81, 4, 1), (81, 100, 3), (99, 100, 1)])
def test_what_it_cannot_do(modes: int, count: int, keep: int) -> None:
    with pytest.raises(PinnsceneError):
        PeriodicModes(KDV, np.cos(pi * nodes(81, -1, 1)), modes, (-1, 1), 0.0, [Steps(1.0, count, keep)])


def test_an_overflow_is_told() -> None:
    growing = Semilinear(np.zeros_like, np.ones_like, lambda u: u**3)
    with pytest.raises(PinnsceneError, match="overflows"):
        PeriodicModes(growing, 50 * np.cos(pi * nodes(27, -1, 1)), 27, (-1, 1), 0.0, [Steps(1.0, 20)])
