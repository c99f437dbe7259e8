"""Families of shapes: what is drawn of their members, points, clouds and splits."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pinnscene.objective import Objective
from pinnscene.problems.familyfitting import Clouds, given_cloud, observations, together
from pinnscene.problems.familymethods import METHODS
from pinnscene.problems.familysampling import HALF, CloudPoints, CloudSampler, Pool, draw_pool
from pinnscene.problems.familyshapes import Family, Member, split
from pinnscene.seeds import generator

FAR = np.array([100.0, 0.0, -50.0])  # where the bodies stand
pytestmark = pytest.mark.usefixtures("few_of_everything")


def test_the_pool_holds_true_distances_in_the_cube(member_of: Callable[..., Member]) -> None:
    member = member_of()
    method = METHODS["decoder"](Family((member,), ()), 4, 64, 0.0, 128, 1)
    pool = draw_pool((member,), method.known, 400, 100, 0)
    # the sphere of radius 0.7 has a cube of side 1.4; its mesh is off by some 1e-3
    torch.testing.assert_close(pool.target, pool.xyz.norm(dim=2, keepdim=True) - 0.5, atol=4e-3, rtol=0)
    torch.testing.assert_close(pool.surface.norm(dim=2), torch.full((1, 100), 0.5), atol=4e-3, rtol=0)
    assert pool.xyz.abs().max() <= HALF
    assert (pool.target.abs() < 0.05).float().mean() > 0.4
    assert (pool.target.abs() > 0.1).float().mean() > 0.1


def test_the_seed_of_a_solve_decides_the_pool(member_of: Callable[..., Member]) -> None:
    method = METHODS["decoder"](Family((member_of(), member_of(box=True)), ()), 4, 64, 0.0, 128, 2)
    places = [
        Objective(method.constraints(), seed, torch.device("cpu"), torch.float32).constraints["shapes"].sampler
        for seed in (0, 1, 0)
    ]
    first, second, again = (set(map(tuple, sampler(generator(3)).xyz.tolist())) for sampler in places)
    assert not first & second
    assert first == again


def test_clouds_and_points_are_mirrored_and_stretched_alike(member_of: Callable[..., Member]) -> None:
    """Of a box the bounding box of the cloud tells what is inside, before and after."""
    member = member_of(box=True)
    method = METHODS["encoder"](Family((member,), ()), 4, 500, 0.0, 400, 1)
    pool = draw_pool((member,), method.known, 3000, 3000, 0)
    sampler = CloudSampler(lambda seed: pool, 400, 1, points=500, turn=0.0)
    sizes = []
    for step in range(4):
        batch = sampler(generator(0, step))
        assert isinstance(batch, CloudPoints)
        half = batch.clouds[0].amax(0)
        torch.testing.assert_close(half, -batch.clouds[0].amin(0), atol=1e-5, rtol=0)
        assert abs(float(half.max()) - 0.5) < 1e-5
        inside = (batch.xyz.abs() < half).all(1, keepdim=True)
        assert (inside == batch.target.bool()).float().mean() > 0.97
        assert 0.2 < batch.target.mean() < 0.8
        sizes.append(half / half.max())
    assert (torch.stack(sizes).std(0) > 0.01).any()  # stretched anew each time


def test_clouds_are_turned(member_of: Callable[..., Member]) -> None:
    """A turned box fills less of its bounding box, and what is inside stays so: the share of the volume."""
    member = member_of(box=True)
    q = torch.rand(4000, 3, generator=generator(0), dtype=torch.float64) - 0.5
    pool = Pool(*(t.float()[None] for t in (q, member.inside(q), member.surface(4000, generator(1))[0])))
    batch = CloudSampler(lambda seed: pool, 4000, 1, points=2000, stretch=1.0, turn=0.5)(generator(2))
    inside = batch.xyz[batch.target[:, 0] > 0]
    reach = batch.clouds[0].amax(0)
    assert (inside.abs() <= reach + 0.02).all()
    assert (batch.xyz.abs() < reach).all(1).float().mean() > 1.2 * batch.target.mean()
    # no point that is inside lies beyond the cloud, seen from the middle along any direction
    for direction in torch.randn(20, 3, generator=generator(3)):
        assert (inside @ direction).max() <= (batch.clouds[0] @ direction).max() + 0.03 * direction.norm()


def test_a_batch_of_clouds_is_thinned_and_moved_whole() -> None:
    clouds = torch.zeros(2, 5, 3, dtype=torch.float64)
    batch = CloudPoints(torch.zeros(6, 3), torch.tensor([0, 0, 0, 1, 1, 1]), torch.ones(6, 1), clouds)
    part = batch[torch.tensor([1, 4])].to("cpu", torch.float32)
    assert len(batch) == 6 and len(part) == 2
    assert part.clouds.shape == (2, 5, 3) and part.clouds.dtype == torch.float32
    assert part.shape.tolist() == [0, 1]


def test_the_noise_of_given_points_is_a_share_of_the_side(member_of: Callable[..., Member]) -> None:
    member = member_of()
    off = [np.linalg.norm(given_cloud(member, 500, noise, 0).points - FAR, axis=1) - 0.7 for noise in (0.0, 0.05)]
    assert np.abs(off[0]).max() < 0.01
    assert abs(off[1].std() / (0.05 * 1.4) - 1) < 0.2


def test_points_beside_the_surface_have_the_distance_they_are_said_to(member_of: Callable[..., Member]) -> None:
    member = member_of()
    cloud = given_cloud(member, 50, 0.0, 0)
    xyz, target = observations(together([cloud], [member.frame]))
    assert xyz.shape == (1, 150, 3)
    torch.testing.assert_close(xyz[0].norm(dim=1, keepdim=True) - 0.5, target[0], atol=5e-3, rtol=0)
    bare, zero = observations(Clouds(xyz, None))
    assert bare is xyz and not zero.any()


def test_the_split_is_a_share_and_keeps_two(member_of: Callable[..., Member]) -> None:
    shapes = [member_of().shape] * 10
    parts = {unseen: split(shapes, unseen, 0) for unseen in (0.0, 0.2, 0.99)}
    assert [len(f.trained) for f in parts.values()] == [10, 8, 2]
    assert [len(f.scored) for f in parts.values()] == [10, 2, 8]
