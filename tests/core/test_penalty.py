"""Penalties: slope and curvature belong to the value, and the parabolas of robust ones lie above them."""

import pytest
import torch

from pinnscene.penalty import Absolute, Huber, absolute, huber, softplus, square

ALL = [square, absolute, huber, softplus, Huber(0.3), Absolute(1e-3)]
R = torch.cat([torch.linspace(-4, 4, 161, dtype=torch.float64) + 0.003, torch.tensor([-40.0, 40.0]).double()])[:, None]
H = 1e-4


def name(penalty):
    return repr(penalty)


@pytest.mark.parametrize("penalty", ALL, ids=name)
def test_slope_is_the_derivative_of_the_value(penalty):
    """Central differences err by h^2 f''' / 6 = 1e-9 and by rounding, 40^2 * 1e-16 / h = 2e-9; the kinks of |r| and of
    Huber's curvature lie further than a step from every r.
    """
    found = (penalty.value(R + H) - penalty.value(R - H)) / (2 * H)
    assert torch.allclose(penalty.slope(R), found, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("penalty", [square, softplus], ids=name)
def test_curvature_is_the_second_derivative_of_the_smooth_ones(penalty):
    """But for softplus' floor of 1e-6 in its tails."""
    found = (penalty.slope(R + H) - penalty.slope(R - H)) / (2 * H)
    assert torch.allclose(penalty.curvature(R), found, rtol=1e-7, atol=2e-6)


@pytest.mark.parametrize("penalty", ALL, ids=name)
def test_curvature_is_positive_everywhere(penalty):
    r = torch.tensor([[-1e3], [-1.0], [0.0], [1e-12], [1.0], [1e3]], dtype=torch.float64)
    assert (penalty.curvature(r) > 0).all()
    assert torch.isfinite(penalty.curvature(r)).all()
    assert torch.isfinite(penalty.value(r)).all()


@pytest.mark.parametrize("penalty", [square, absolute, huber, Huber(0.3), Absolute(1e-3)], ids=name)
def test_the_parabola_at_r_majorises(penalty):
    """p(s) <= p(r) + p'(r) (s - r) + c(r) (s - r)^2 / 2 for all s: what makes reweighting decrease the loss."""
    r, s = R, R.T.flip(1)
    bound = penalty.value(r) + penalty.slope(r) * (s - r) + penalty.curvature(r) * (s - r) ** 2 / 2
    assert (penalty.value(s) <= bound + 1e-12 * (1 + bound.abs())).all()


def test_huber_joins_square_and_line():
    """Equal value and slope on both sides of delta, and the square within."""
    p, d = Huber(0.7), torch.tensor([[0.7]], dtype=torch.float64)
    inside, outside = d * (1 - 1e-9), d * (1 + 1e-9)
    assert torch.allclose(p.value(inside), p.value(outside), rtol=1e-8)
    assert torch.allclose(p.slope(inside), p.slope(outside), rtol=1e-8)
    assert torch.equal(p.value(d / 2), square.value(d / 2))


def test_softplus_is_binary_cross_entropy():
    """softplus((1 - 2 inside) logit), against torch's own; 1e-14: rounding."""
    logit, inside = R, (R.abs() > 1).double()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logit, inside, reduction="none")
    assert torch.allclose(softplus.value((1 - 2 * inside) * logit), expected, rtol=1e-12, atol=1e-14)
