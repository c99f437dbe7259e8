"""Volume rendering: closed forms, quadrature, and numbers that stay finite."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from pinnscene.rays.samples import Samples, stretches
from pinnscene.rays.volume import weigh


def evenly(count: int, length: float = 1.0) -> Samples:
    return stretches(torch.linspace(0, length, count + 1, dtype=torch.float64)[None])


def light(sigma, colour, count: int) -> float:
    """The light of a ray through [0, 1] by the rule, with ``count`` stretches looked at in their middles."""
    samples = evenly(count)
    weights, _ = weigh(samples, sigma(samples.middle) * samples.length)
    return float((weights * colour(samples.middle)).sum())


def truth(sigma, colour) -> float:
    """The same by adaptive quadrature of the integrals themselves."""
    number = lambda f, t: float(f(torch.tensor(t, dtype=torch.float64)))
    depth = lambda t: quad(lambda s: number(sigma, s), 0, t, epsabs=1e-13, limit=200)[0]
    seen = lambda t: math.exp(-depth(t)) * number(sigma, t) * number(colour, t)
    return quad(seen, 0, 1, epsabs=1e-12, limit=200)[0]


@pytest.mark.parametrize("density", [1e-8, 0.3, 2.0, 50.0, 1e6])
@pytest.mark.parametrize("count", [1, 7, 64])
def test_a_slab_of_constant_density_is_exact(density, count):
    """However it is divided: 1 - exp(-density length) of the light is the slab's."""
    samples = evenly(count, 1.5)
    weights, through = weigh(samples, density * samples.length)
    assert float(weights.sum()) == pytest.approx(-math.expm1(-1.5 * density), rel=1e-12)
    assert float(through) == pytest.approx(math.exp(-1.5 * density), rel=1e-12)


def test_each_weight_in_a_slab():
    samples = evenly(5)
    weights, _ = weigh(samples, 3 * samples.length)
    expected = torch.exp(-3 * samples.start) - torch.exp(-3 * samples.end)
    torch.testing.assert_close(weights, expected, rtol=1e-13, atol=0)


MEDIA = {
    "linear": (lambda t: 4 * t, lambda t: 1 - t**2),
    "gaussian": (lambda t: 6 * torch.exp(-(((t - 0.4) / 0.15) ** 2)), lambda t: 0.5 + 0.5 * torch.sin(5 * t)),
}


@pytest.mark.parametrize("medium", MEDIA)
def test_converges_to_the_integral_at_second_order(medium):
    """The middle of each stretch stands for it: halving the stretches takes three quarters of the error away."""
    expected = truth(*MEDIA[medium])
    errors = [abs(light(*MEDIA[medium], count) - expected) for count in (32, 64, 128, 256)]
    orders = np.log2(errors[:-1]) - np.log2(errors[1:])
    np.testing.assert_allclose(orders, 2, atol=0.1)
    assert errors[-1] < 2e-5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_for_any_density(dtype):
    """From 0 to 1e6, stretches without length included; and no weight is less than 0."""
    density = torch.tensor([0.0, 1e-30, 1e-8, 1.0, 40.0, 1e3, 1e6, 1e6, 0.0, 1.0] * 2, dtype=dtype, requires_grad=True)
    length = torch.full((20,), 0.1, dtype=dtype)
    length[[2, 6, 9]] = 0.0
    ray = torch.tensor([0] * 10 + [1] * 10)
    samples = Samples(ray, torch.zeros(20, dtype=dtype), length, 2)
    weights, through = weigh(samples, density * length)
    colours = torch.linspace(0, 1, 20, dtype=dtype)
    ((weights * colours).sum() + through.sum() + (weights**2).sum()).backward()
    assert bool(torch.isfinite(density.grad).all()) and bool(torch.isfinite(weights).all())
    assert float(weights.detach().min()) >= 0
    assert float(density.grad[0]) != 0  # an empty place can become full


def test_gradients_agree_with_differences():
    samples = Samples(torch.tensor([0, 0, 0, 2, 2]), torch.zeros(5), torch.ones(5), 3)
    tau = torch.tensor([0.2, 0.0, 1.3, 3.0, 0.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda tau: tuple(weigh(samples, tau)), tau)
    assert torch.autograd.gradgradcheck(lambda tau: tuple(weigh(samples, tau)), tau)


def test_weights_and_what_comes_through_are_all_the_light():
    g = torch.Generator().manual_seed(0)
    ray = torch.randint(0, 20, (300,), generator=g).sort().values
    samples = Samples(ray, torch.zeros(300), torch.ones(300), 21)
    tau = torch.rand(300, generator=g, dtype=torch.float64) ** 6 * 100
    weights, through = weigh(samples, tau)
    torch.testing.assert_close(samples.total(weights[:, None]) + through, torch.ones_like(through), rtol=0, atol=1e-14)
    assert float(through[20]) == 1  # a ray without a stretch


def test_something_thin_before_something_thick_is_not_lost():
    """In float32, where a thousandth is lost beside 1e6."""
    samples = stretches(torch.arange(4.0)[None])
    weights, _ = weigh(samples, torch.tensor([1e-3, 1e6, 1.0]))
    torch.testing.assert_close(weights[1], torch.exp(torch.tensor(-1e-3)), rtol=1e-6, atol=0)


def test_packed_rays_are_as_each_alone():
    g = torch.Generator().manual_seed(1)
    tau = torch.rand(12, generator=g, dtype=torch.float64)
    ray = torch.tensor([0] * 5 + [1] * 1 + [3] * 6)
    weights, _ = weigh(Samples(ray, torch.zeros(12), torch.ones(12), 4), tau)
    for k in (0, 1, 3):
        own = tau[ray == k]
        before = torch.exp(-torch.cat([own.new_zeros(1), own.cumsum(0)[:-1]]))
        torch.testing.assert_close(weights[ray == k], before * (1 - torch.exp(-own)), rtol=1e-12, atol=1e-15)
