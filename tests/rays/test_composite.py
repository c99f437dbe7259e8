"""Rays through fields of a known density: colours, depths and normals."""

import math

import pytest
import torch

from pinnscene.errors import PinnsceneError
from pinnscene.rays import composite as module
from pinnscene.rays.composite import composite

WALL = 0.25  # where a wall begins, on the way along x


def wall(y):
    return 1e4 * (y[:, 0] > WALL)


def ball(y):
    """Fog that is thicker towards the middle."""
    return 3000 * torch.exp(-12 * y.square().sum(1))


def along_x(beams, count=5, **more):
    start = torch.tensor([-3.0, 0, 0]) + torch.linspace(-0.5, 0.5, count)[:, None] * torch.tensor([0, 1.0, 0.5])
    return beams(start, [[1.0, 0, 0]] * count, **more)


@pytest.mark.parametrize("sampling", ["even", "occupancy"])
@pytest.mark.parametrize("density", [0.0, 0.5, 30.0, 1e6])
def test_fog_of_one_density_is_exact(beams, known, sampling, density):
    """Through two half sides of it, behind it red."""
    u = known(lambda y: density + 0 * y[:, 0], sampling=sampling, samples=32)
    u.colours.forward = lambda features, d: 0 * d + 0.5
    seen = composite(u, along_x(beams, jitter=0.3, background=[1.0, 0.0, 0.0]))
    opacity = -math.expm1(-2 * density)
    torch.testing.assert_close(seen.opacity, torch.full_like(seen.opacity, opacity), rtol=1e-12, atol=1e-12)
    behind = torch.tensor([1.0, 0, 0], dtype=torch.float64)
    # colours of weights below a ten thousandth are left out
    torch.testing.assert_close(seen.colour, (0.5 * opacity + (1 - opacity) * behind).expand(5, 3), rtol=0, atol=4e-3)


def test_the_depth_of_a_wall_and_of_nothing(beams, known):
    u = known(wall, samples=400)
    seen = composite(u, along_x(beams))
    step = u.step
    torch.testing.assert_close(seen.depth, torch.full_like(seen.depth, 3 + WALL), rtol=0, atol=step)
    torch.testing.assert_close(seen.opacity, torch.ones_like(seen.opacity))
    nothing = composite(known(lambda y: 0 * y[:, 0]), along_x(beams, far=7.0))
    assert nothing.depth.tolist() == [[7.0]] * 5 and nothing.opacity.tolist() == [[0.0]] * 5


def test_a_box_with_unlike_sides_in_its_own_units(beams, known):
    """The wall is at a quarter of the box's half side, the density counted in the mean half side."""
    u = known(lambda y: 2.0 * (y[:, 0] > WALL), (-2.0, -0.5, -1.0), (4.0, 0.5, 1.0), samples=600)
    seen = composite(u, beams([[-5.0, 0.1, 0.2]], [[1.0, 0, 0]], far=20.0, jitter=0.5))
    front, length = 5 + 1 + 3 * WALL, 3 * (1 - WALL)
    rate = 2.0 / ((3 + 0.5 + 1) / 3)
    assert float(seen.opacity) == pytest.approx(-math.expm1(-rate * length), abs=3e-3)
    mean = front + 1 / rate - length * math.exp(-rate * length) / -math.expm1(-rate * length)
    assert float(seen.depth) == pytest.approx(mean, abs=0.02)


def test_normals_point_down_the_slope(around, known):
    u = known(ball, samples=300)
    rays = around(60)
    seen = composite(u, rays, normals=True)
    solid = (seen.opacity > 0.99)[:, 0]
    assert int(solid.sum()) > 20
    normal = torch.nn.functional.normalize(seen.normal[solid], dim=1)
    where = (rays.origins + seen.depth * rays.directions)[solid]
    outward = torch.nn.functional.normalize(where, dim=1)
    assert bool(((normal * outward).sum(1) > 0.97).all())
    assert bool(((normal * rays.directions[solid]).sum(1) < 0.1).all())


def test_ends_where_no_more_light_comes_through(around, known):
    """Without gradients the same colours to a thousandth, and far fewer looks."""
    looked = []

    def counted(y):
        looked.append(len(y))
        return ball(y)

    u, rays = known(counted, samples=300), around(200, background=1.0)
    whole = composite(u, rays)
    before = sum(looked)
    looked.clear()
    with torch.no_grad():
        ended = composite(u, rays)
    assert sum(looked) < 0.7 * before
    torch.testing.assert_close(ended.colour, whole.colour, rtol=0, atol=1e-3)
    torch.testing.assert_close(ended.opacity, whole.opacity, rtol=0, atol=1e-3)
    torch.testing.assert_close(ended.depth, whole.depth, rtol=0, atol=1e-3)


@pytest.mark.parametrize("sampling", ["occupancy", "even", "hierarchical"])
def test_rays_that_miss_see_the_background_and_have_gradients_of_zero(beams, known, sampling):
    u = known(ball, sampling=sampling, samples=16, fine=8)
    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)
    u.law = lambda y: scale * ball(y)
    if u.coarse is not None:
        u.coarse.emit, u.coarse.colours = u.emit, u.colours
    rays = beams([[0.0, 5.0, 0.0]] * 3, [[1.0, 0, 0]] * 3, background=[0.1, 0.5, 0.9])
    seen = composite(u, rays, normals=True)
    torch.testing.assert_close(seen.colour, rays.background)
    assert seen.colour.requires_grad and seen.depth.tolist() == [[10.0]] * 3
    assert float(seen.normal.detach().abs().max()) == 0
    seen.colour.sum().backward()
    assert float(scale.grad) == 0


def test_no_rays_at_all(beams, known):
    for normals in (True, False):
        seen = composite(known(ball), along_x(beams)[:0], normals=normals)
        assert seen.colour.shape == (0, 3) and seen.depth.shape == (0, 1)


def test_the_same_rays_are_seen_alike_alone_and_together(around, known):
    u, rays = known(ball), around(40)
    with torch.no_grad():
        together = composite(u, rays)
        again = composite(u, rays)
        alone = [composite(u, rays[k : k + 1]).colour for k in range(40)]
    assert torch.equal(together.colour, again.colour)
    torch.testing.assert_close(torch.cat(alone), together.colour, rtol=0, atol=1e-9)


def test_a_field_without_light_shows_the_background(around, known):
    rays = around(7, background=0.4)
    seen = composite(known(ball).lift(), rays, normals=True)
    torch.testing.assert_close(seen.colour, rays.background)


def test_the_fine_look_finds_what_the_coarse_one_hits(beams, known):
    """A thin shell: colours by few stretches, refined, are near those by many."""
    shell = lambda y: 200 * torch.exp(-((y.norm(dim=1) - 0.5) ** 2) / 2e-3)
    u, truth = known(shell, sampling="hierarchical", samples=24, fine=48), known(shell, sampling="even", samples=2000)
    u.coarse.emit, u.coarse.colours = u.emit, u.colours
    rays = along_x(beams, 9)
    seen, true = composite(u, rays), composite(truth, rays)
    assert seen.coarse is not None
    error, coarse = ((c - true.colour).abs().max() for c in (seen.colour, seen.coarse))
    assert float(error) < 0.01 and float(error) < 0.5 * float(coarse)


def test_a_step_that_no_memory_holds_is_told_before_it_is_taken(around, known, monkeypatch):
    u, rays = known(ball), around(50)
    monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setattr(module, "free_memory", lambda: 0.0)
    with pytest.raises(PinnsceneError, match=r"take fewer rays \(n\) or fewer field.samples"):
        composite(u, rays)
    with torch.no_grad():
        composite(u, rays)  # keeps nothing
