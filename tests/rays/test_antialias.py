"""Encodings blurred over the cone of a pixel."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pinnscene.encodings import encodings
from pinnscene.radiance import RadianceField
from pinnscene.rays.composite import composite


def point(count: int = 4) -> torch.Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5


WAVES = [("positional", {"frequencies": 5}), ("fourier", {"features": 12, "sigma": 1.5})]


@pytest.mark.parametrize("name, knobs", WAVES)
@pytest.mark.parametrize("spread", [0.01, 0.1, 0.5])
def test_waves_are_their_means_over_a_gaussian(name, knobs, spread):
    encoding = encodings[name](3, **knobs).double()
    g = torch.Generator().manual_seed(1)
    encoding.reset(g)
    y = point()
    ball = spread * torch.randn(20_000, 1, 3, generator=g, dtype=torch.float64)
    ball = torch.cat([ball, -ball])
    mean = encoding((y + ball).flatten(0, 1)).view(len(ball), len(y), -1).mean(0)
    left = encoding.attenuation(torch.full((4, 1), spread, dtype=torch.float64))
    torch.testing.assert_close(encoding(y) * left, mean, rtol=0, atol=2e-2)


@pytest.mark.parametrize("name", ["grid", "hash"])
def test_levels_fade_from_fine_to_coarse(name):
    encoding = encodings[name](3, levels=4, coarsest=4, finest=64, features=2)
    left = encoding.attenuation(torch.tensor([[0.0], [0.02], [0.3], [100.0]]))
    assert left.shape == (4, encoding.outputs)
    torch.testing.assert_close(left[:, -3:], torch.ones(4, 3))  # the coordinates stay
    torch.testing.assert_close(left[0], torch.ones(encoding.outputs))
    levels = left[:, :-3].view(4, 4, 2)
    torch.testing.assert_close(levels[..., 0], levels[..., 1])
    assert bool((levels[1:, :-1] > levels[1:, 1:]).all()) and float(levels[3].max()) < 0.01
    expected = math.erf(1 / (4 * 0.3 * 2**0.5))  # a cell of the coarsest level is from -1/4 to 1/4 about its middle
    assert float(levels[2, 0, 0]) == pytest.approx(expected, rel=1e-5)


def test_an_encoding_that_cannot_tell_is_left_alone():
    assert encodings["none"](3).attenuation(torch.ones(2, 1)) is None


def test_spread_is_that_of_points_in_the_slice_of_a_cone(known):
    """Points spread evenly over a square slice, their mean variance over all axes."""
    u = known(lambda y: y[:, 0], (-2.0, -2.0, -2.0), (2.0, 2.0, 2.0))
    g = torch.Generator().manual_seed(0)
    slice_ = (torch.rand(400_000, 3, generator=g) * 2 - 1) * torch.tensor([0.05, 0.05, 0.2])
    expected = (slice_ / 2).var(0).mean().sqrt()
    column = torch.ones(1, 1, dtype=torch.float64)
    found = u.spread(torch.zeros(1, 3, dtype=torch.float64), 0.05 * column, 0.4 * column[:, 0])
    assert float(found) == pytest.approx(float(expected), rel=0.01)
    far = known(lambda y: y[:, 0], (-2.0,) * 3, (2.0,) * 3, unbounded=True)
    x = torch.tensor([[200.0, 0, 0]], dtype=torch.float64)
    assert float(far.spread(x, 0.05 * column, 0.4 * column[:, 0])) < 0.01 * float(found)


class Through(nn.Module):
    """A backbone that leaves features as they are."""

    biased = True

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, a):
        return a


class Shade(nn.Module):
    """Grey by the one feature."""

    def forward(self, features, d):
        return 0.5 + 0.2 * features[:, :1] + 0 * d


def pattern(name: str, antialias: bool) -> RadianceField:
    """Fog of one density, its shade a random sum of the finer outputs of an encoding."""
    knobs = {"positional": {"frequencies": 7}, "grid": {"levels": 3, "coarsest": 16, "finest": 64, "features": 2}}
    encoding = encodings[name](3, **knobs[name])
    axes, values, corner = ("x", "y", "z"), ("density", "r", "g", "b"), (1.0, 1.0, 1.0)
    parts = (axes, values, tuple(-c for c in corner), corner, encoding, Through(encoding.outputs))
    u = RadianceField(*parts, latent=1, sampling="even", samples=96, antialias=antialias).double()
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        u.head.weight[1] = torch.randn(encoding.outputs, generator=g, dtype=torch.float64) / encoding.outputs**0.5
        u.head.weight[:, slice(15) if name == "positional" else slice(-3, None)] = 0
        for table in encoding.parameters():
            table.copy_(torch.randn(table.shape, generator=g, dtype=torch.float64))
    u.colours = Shade()
    return u


@pytest.mark.parametrize("name", ["positional", "grid"])
def test_wide_pixels_of_a_blurred_field_are_the_mean_of_narrow_ones(around, name):
    """A fine pattern in fog, seen through pixels as wide as its waves by one ray each."""
    rays = around(16, far=8.0)
    rays.radius.fill_(0.015)
    with torch.no_grad():
        sharp, blurred = (composite(pattern(name, antialias), rays).colour for antialias in (False, True))
        truth = torch.stack([composite(pattern(name, False), _moved(rays, k)).colour for k in range(24)]).mean(0)
    wrong, right = ((colour - truth).square().mean() for colour in (sharp, blurred))
    assert float(right) < 0.5 * float(wrong)


def _moved(rays, k):
    """The rays through another place of their pixels."""
    g = torch.Generator().manual_seed(k)
    aside = F.normalize(torch.linalg.cross(rays.directions, torch.tensor([[0.3, 0.5, 0.8]]).double()), dim=1)
    up = torch.linalg.cross(rays.directions, aside)
    a, b = (torch.rand(2, len(rays), 1, generator=g, dtype=torch.float64) * 2 - 1) * rays.radius
    directions = F.normalize(rays.directions + a * aside + b * up, dim=1)
    jitter = torch.rand(len(rays), 1, generator=g, dtype=torch.float64)
    return type(rays)(rays.origins, directions, rays.near, rays.far, jitter, rays.radius, rays.background)
