"""Cameras: conventions, rays, framing and orbits."""

from math import radians, tan

import numpy as np
import pytest
import torch

from pinnscene.errors import PinnsceneError
from pinnscene.render.camera import Camera, corners, orbit, pattern, view

CAMERA = Camera((3.0, -4.0, 2.0), (0.5, 0.0, -0.5), (0.0, 0.0, 1.0), 40.0)


def test_the_matrix_is_a_right_handed_frame_that_looks_along_minus_z() -> None:
    m = CAMERA.matrix
    np.testing.assert_allclose(m[:3, :3].T @ m[:3, :3], np.eye(3), atol=1e-14)
    assert np.linalg.det(m[:3, :3]) == pytest.approx(1)
    view = np.subtract(CAMERA.target, CAMERA.position)
    np.testing.assert_allclose(-m[:3, 2], view / np.linalg.norm(view), atol=1e-14)
    assert m[2, 1] > 0 and m[2, 0] == pytest.approx(0), "up is upwards, right is level"


def test_the_ray_through_the_middle_looks_at_the_target() -> None:
    (rays,) = CAMERA.rays((5, 3))
    assert rays.directions.shape == (15, 3) and rays.pixel.tolist() == list(range(15))
    torch.testing.assert_close(rays.directions.norm(dim=1), torch.ones(15, dtype=torch.float64))
    view = np.subtract(CAMERA.target, CAMERA.position)
    np.testing.assert_allclose(rays.directions[7], view / np.linalg.norm(view), atol=1e-14)


def test_the_angle_of_view_is_vertical() -> None:
    rays = CAMERA.through(torch.tensor([0, 2]), torch.tensor([[0.5, 0.0], [0.5, 1.0]], dtype=torch.float64), (1, 3))
    assert float(rays.directions[0] @ rays.directions[1]) == pytest.approx(np.cos(radians(40)))


def test_projecting_points_on_rays_gives_their_pixels(rng: torch.Generator) -> None:
    size = (7, 4)
    for rays in CAMERA.rays(size, 3, rng, chunk=10):
        points = rays.origins + 2.5 * rays.directions
        across, down, depth = CAMERA.project(points.numpy(), size).T
        np.testing.assert_array_equal(np.floor(down) * size[0] + np.floor(across), rays.pixel)
        assert (depth > 0).all() and (depth <= 2.5).all()


def test_chunks_are_whole_pixels_and_all_of_them(rng: torch.Generator) -> None:
    parts = list(CAMERA.rays((6, 5), 4, chunk=13))
    assert max(len(r.pixel) for r in parts) <= 13
    assert torch.cat([r.pixel for r in parts]).tolist() == [k for k in range(30) for _ in range(4)]
    (whole,) = CAMERA.rays((6, 5), 4)
    torch.testing.assert_close(torch.cat([r.directions for r in parts]), whole.directions)


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5, 8, 16])
def test_patterns_surround_the_centre(samples: int) -> None:
    places = pattern(samples)
    assert places.shape == (samples, 2) and (places > 0).all() and (places < 1).all()
    np.testing.assert_allclose(places.mean(0), 0.5, atol=1e-12)
    assert len({tuple(p) for p in places.round(9)}) == samples


@pytest.mark.parametrize("up", ["x", "y", "z"])
@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("elevation", [-30.0, 0.0, 25.0, 89.0])
def test_orbits_keep_a_box_in_view(up: str, aspect: float, elevation: float) -> None:
    box = corners((1, 2, 3), (2, 5, 3.5))
    size = (round(400 * aspect), 400)
    seen = [c.project(box, size) for c in orbit(box, 8, elevation=elevation, up=up, aspect=aspect)]
    assert all((at[:, 2] > 0).all() for at in seen)
    spread = [max(np.abs(at[:, 0] / size[0] - 0.5).max(), np.abs(at[:, 1] / size[1] - 0.5).max()) for at in seen]
    assert max(spread) < 0.46, "inside of the picture"
    assert max(spread) > 0.3, "and not lost in it"


def test_azimuth_and_elevation() -> None:
    box = corners((-1, -1, -1), (1, 1, 1))
    for up, start in (("z", 0), ("y", 2), ("x", 1)):
        at = np.array(view(box, 0.0, 0.0, up).position)
        assert np.argmax(np.abs(at)) == start and at[start] > 2
        high = np.array(view(box, 90.0, 30.0, up).position)
        assert high["xyz".index(up)] / np.linalg.norm(high) == pytest.approx(0.5)


def test_an_orbit_is_evenly_spaced_and_does_not_repeat_its_first_frame() -> None:
    cameras = orbit(corners((-1, -1, -1), (1, 1, 1)), 5, azimuth=20)
    assert len(cameras) == 5
    angles = np.degrees([np.arctan2(c.position[1], c.position[0]) for c in cameras])
    np.testing.assert_allclose(np.mod(angles - 20 + 1e-9, 360), np.arange(5) * 72, atol=1e-6)
    assert len({round(c.position[2], 9) for c in cameras}) == 1


def test_the_focal_length_is_in_pixels() -> None:
    assert CAMERA.focal(100) == pytest.approx(50 / tan(radians(20)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (((0, 0, 0), (0, 0, 0)), "aside"),
        (((0, 0, 5), (0, 0, 0)), "aside"),
        (((0, np.nan, 5), (0, 0, 0)), "finite"),
        (((5, 0, 0), (0, 0, 0), (0, 0, 1), 180.0), "angle"),
        (((5, 0, 0), (0, 0, 0), (0, 0, 0)), "aside"),
    ],
)
def test_cameras_that_cannot_be(arguments: tuple, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        Camera(*arguments)


def test_views_that_cannot_be() -> None:
    box = corners((0, 0, 0), (1, 1, 1))
    with pytest.raises(PinnsceneError, match="unknown axis 'w'"):
        view(box, up="w")
    with pytest.raises(PinnsceneError, match="-89 to 89"):
        view(box, elevation=90)
    with pytest.raises(PinnsceneError, match="at least 1 sample"):
        pattern(0)
