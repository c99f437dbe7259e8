"""Posed cameras: rays and projections are each other's inverse, through every lens and at every size."""

import numpy as np
import pytest
import torch

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PINHOLE, Lens, PosedCamera
from pinnscene.rays.lens import FisheyeLens, RadialLens
from pinnscene.render.camera import Camera

LENSES = [PINHOLE, RadialLens((-0.2, 0.05), (), (0.001, 0.002)), FisheyeLens((0.05, -0.01))]


def camera(lens: Lens = PINHOLE) -> PosedCamera:
    matrix = Camera((3.0, 1.0, 2.0), (0.1, 0.2, 0.0)).matrix
    return PosedCamera(matrix, (40, 30), (38.0, 36.0), (19.0, 16.0), lens, "one")


@pytest.mark.parametrize("lens", LENSES)
def test_points_along_rays_fall_on_the_pixels_they_came_from(lens):
    pixel, g = torch.arange(1200), torch.Generator().manual_seed(0)
    offset = torch.rand(1200, 2, generator=g, dtype=torch.float64)
    beams = camera(lens).rays(pixel, offset)
    seen = camera(lens).project((beams.origins + 2.5 * beams.directions).numpy())
    expected = torch.stack([pixel % 40, pixel // 40], 1) + offset
    np.testing.assert_allclose(seen[:, :2], expected.numpy(), atol=1e-9)
    assert (seen[:, 2] > 0).all()
    torch.testing.assert_close(beams.directions.norm(dim=1), torch.ones(1200, dtype=torch.float64))


def test_rays_of_a_look_at_camera_are_its_own():
    look = Camera((3.0, 1.0, 2.0), fov=40)
    expected = look.through(torch.arange(48), torch.full((48, 2), 0.5, dtype=torch.float64), (8, 6))
    beams = PosedCamera.of(look, (8, 6)).rays(torch.arange(48))
    torch.testing.assert_close(beams.directions, expected.directions)
    torch.testing.assert_close(beams.origins, expected.origins)


def test_radius_is_half_a_pixel_at_distance_one():
    """In the middle of the view; the gap between neighbouring rays is twice the radius."""
    made = PosedCamera(np.eye(4), (3, 3), (50.0, 50.0), (1.5, 1.5))
    beams = made.rays(torch.tensor([4, 5]))
    gap = (beams.directions[1] / -beams.directions[1, 2] - beams.directions[0] / -beams.directions[0, 2]).norm()
    assert 2 * beams.radius[0].item() == pytest.approx(gap.item(), rel=1e-12)


def test_scaled_camera_sees_the_same():
    """The middle of a block of four pixels is the middle of the pixel that they become."""
    small = camera().scaled((20, 15))
    beams = small.rays(torch.arange(300))
    corner = torch.arange(300) % 20 * 2 + torch.div(torch.arange(300), 20, rounding_mode="floor") * 2 * 40
    full = camera().rays(corner, torch.ones(300, 2, dtype=torch.float64))
    torch.testing.assert_close(beams.directions, full.directions)


def test_plane_is_the_lattice_of_places_in_focal_lengths():
    places = camera().plane(torch.tensor([19, 57]), torch.tensor([16]))
    assert places.tolist() == [[0, 0], [1, 0]]


def test_axes_of_a_camera():
    """Right, up and backwards: what lies to the right and above falls right of and above the middle."""
    seen = PosedCamera(np.eye(4), (10, 10), (5.0, 5.0), (5.0, 5.0)).project([[0.1, 0.2, -1.0]])
    np.testing.assert_allclose(seen, [[5.5, 4.0, 1.0]])


@pytest.mark.parametrize(
    "matrix",
    [np.diag([1.0, 1.0, -1.0, 1.0]), np.diag([2.0, 1.0, 1.0, 1.0]), np.full((4, 4), np.nan), np.eye(3)],
)
def test_matrices_that_are_no_poses(matrix):
    with pytest.raises(PinnsceneError, match="camera it"):
        PosedCamera(matrix, (4, 4), (4.0, 4.0), (2.0, 2.0), name="it")


@pytest.mark.parametrize("size, focal", [((0, 4), (4.0, 4.0)), ((4, 4), (0.0, 4.0)), ((4, 4), (np.nan, 4.0))])
def test_sizes_and_focal_lengths_that_are_none(size, focal):
    with pytest.raises(PinnsceneError, match="above 0"):
        PosedCamera(np.eye(4), size, focal, (2.0, 2.0))
