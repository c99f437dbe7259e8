"""Whole pictures: chunks change nothing, several rays a pixel are averaged, nothing has no depth."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from pinnscene.rays import PosedCamera, RayBatch, view
from pinnscene.rays.composite import Rendered
from pinnscene.rays.samples import nothing
from pinnscene.rays.view import rays_of, see
from pinnscene.render.camera import Camera, pattern

CPU = torch.device("cpu")
CAMERA = PosedCamera.of(Camera((3.0, 1.0, 2.0)), (9, 7))


@dataclass
class Somewhere:
    """Where and in which precision a field would be."""

    device: torch.device = CPU
    dtype: torch.dtype = torch.float64


@pytest.fixture(autouse=True)
def painted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rays see their own directions, three units away, but nothing where they go to the left."""

    def composite(u: object, rays: RayBatch, normals: bool) -> Rendered:
        d = rays.directions
        there = (d[:, :1] < -0.8).double()
        empty = nothing(len(rays), d[:, 0])
        normal = -d * there if normals else None
        return Rendered(0.5 + 0.5 * d, there, 3 * there + 9 * (1 - there), normal, None, empty, d[:0, 0], d[:0, 0])

    monkeypatch.setattr(view, "composite", composite)


@pytest.mark.parametrize("samples", [1, 3])
def test_chunks_change_nothing(samples: int) -> None:
    told: list[float] = []
    whole = see(Somewhere(), CAMERA, 1.0, 9.0, normals=True, samples=samples)
    parts = see(Somewhere(), CAMERA, 1.0, 9.0, normals=True, chunk=10, samples=samples, progress=told.append)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)
    assert whole.rgb.shape == (7, 9, 3) and whole.opacity.shape == whole.depth.shape == (7, 9)
    assert told == sorted(told) and told[-1] == 1.0


def test_several_rays_a_pixel_are_averaged() -> None:
    seen = see(Somewhere(), CAMERA, 1.0, 9.0, samples=4)
    pixel = torch.arange(63)
    colours = [0.5 + 0.5 * CAMERA.rays(pixel, torch.tensor(place)).directions for place in pattern(4)]
    np.testing.assert_allclose(seen.rgb.reshape(-1, 3), torch.stack(colours).mean(0).numpy(), atol=1e-6)
    partly = (seen.opacity > 0.5) & (seen.opacity < 1)
    assert partly.any()
    np.testing.assert_allclose(seen.depth[partly], 3.0, atol=1e-5)  # not mixed with the far end of other rays


def test_nothing_has_no_depth_and_normals_are_there_when_asked_for() -> None:
    seen = see(Somewhere(), CAMERA, 1.0, 9.0)
    assert seen.normal is None
    np.testing.assert_array_equal(np.isnan(seen.depth), seen.opacity < 0.5)
    assert (seen.depth[seen.opacity > 0.5] == 3).all()


def test_rays_of_a_pixel_share_its_width() -> None:
    pixel, places = torch.tensor([5, 9]), torch.from_numpy(pattern(4))
    one, four = rays_of(CAMERA, pixel, 1.0, 9.0), rays_of(CAMERA, pixel, 1.0, 9.0, places=places)
    assert len(four) == 8
    torch.testing.assert_close(four.radius.view(2, 4).square().sum(1), one.radius[:, 0].square(), rtol=0.05, atol=0)
    between = four.directions.view(2, 4, 3).mean(1)
    assert float((torch.nn.functional.normalize(between, dim=1) - one.directions).norm(dim=1).max()) < 1e-3
