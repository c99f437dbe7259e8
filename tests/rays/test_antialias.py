"""Encodings blurred over the cone of a pixel."""

import math

import pytest
import torch
from torch.nn import functional as F

from pinnscene.encodings import encodings
from pinnscene.fieldspec import FieldSpec
from pinnscene.problems.nerf_ray import NerfRay
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


@pytest.mark.parametrize("encoding", ["positional", "grid"])
def test_wide_pixels_of_a_blurred_field_are_nearer_to_the_mean_of_narrow_ones(around, encoding):
    """A fine pattern in fog: seen through pixels as wide as its waves, by one ray each."""
    problem = NerfRay(size=8, train=2)
    knobs = {"positional": {"frequencies": 7}, "grid": {"levels": 4, "coarsest": 4, "finest": 64, "features": 2}}
    common = {"width": 16, "depth": 1, "sampling": "even", "samples": 24, "seen": "none", "activation": "softplus"}
    found = {}
    for antialias in (False, True):
        spec = FieldSpec("mlp", encoding, knobs={**common, **knobs[encoding], "antialias": antialias}, kind="radiance")
        u = spec.build(problem, seed=1)
        if encoding == "grid":
            g = torch.Generator().manual_seed(0)
            for level in u.encoding.levels:
                table = torch.randn(level.table.shape, generator=g, dtype=torch.float64)
                level.table.data.copy_(table)
        rays = around(30, far=8.0)
        rays.radius.fill_(0.015)
        with torch.no_grad():
            found[antialias] = composite(u, rays).colour
            if not antialias:
                narrow = [composite(u, _moved(rays, k)).colour for k in range(32)]
                truth = torch.stack(narrow).mean(0)
    error = {name: float((colour - truth).square().mean()) for name, colour in found.items()}
    assert error[True] < 0.85 * error[False]


def _moved(rays, k):
    """The rays through another place of their pixels."""
    g = torch.Generator().manual_seed(k)
    aside = F.normalize(torch.linalg.cross(rays.directions, torch.tensor([[0.3, 0.5, 0.8]]).double()), dim=1)
    up = torch.linalg.cross(rays.directions, aside)
    a, b = (torch.rand(2, len(rays), 1, generator=g, dtype=torch.float64) * 2 - 1) * rays.radius
    directions = F.normalize(rays.directions + a * aside + b * up, dim=1)
    jitter = torch.rand(len(rays), 1, generator=g, dtype=torch.float64)
    return type(rays)(rays.origins, directions, rays.near, rays.far, jitter, rays.radius, rays.background)
