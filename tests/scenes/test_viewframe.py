"""Where a scene is, found from cameras and points: rings, rows, rooms, and single pictures."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pinnscene.rays import PosedCamera
from pinnscene.render.camera import Camera
from pinnscene.scenes.viewframe import Frame, frame_of
from pinnscene.scenes.viewshots import Capture

TARGET = np.array([2.0, -1.0, 0.5])


def looking(place: NDArray, target: NDArray, fov: float = 40.0) -> PosedCamera:
    return PosedCamera.of(Camera(tuple(place), tuple(target), fov=fov), (40, 30))


def ring(distance: float = 3.0, target: NDArray = TARGET, count: int = 10, fov: float = 40.0) -> list[PosedCamera]:
    turns = 2 * np.pi * np.arange(count) / count
    arms = np.stack([np.cos(turns), np.sin(turns), 0.5 + 0 * turns], 1)
    return [looking(target + distance * arm / np.linalg.norm(arm), target, fov) for arm in arms]


def row() -> list[PosedCamera]:
    return [looking(np.array([0.1 * k, 5.0, 1.0]), np.array([0.1 * k, 0.0, 1.0])) for k in range(6)]


def capture(points: NDArray | None = None, bounds: tuple[float, float] | None = None) -> Capture:
    return Capture("test", Path(), [], bounds, None if points is None else (points, 0 * points))


def cloud(n: int = 500) -> NDArray:
    """Points about the target, and some gone astray."""
    g = np.random.default_rng(0)
    return np.concatenate([TARGET + g.uniform(-0.4, 0.4, (n, 3)), TARGET + g.normal(size=(n // 100, 3)) * 1000])


def holds(frame: Frame, points: NDArray) -> bool:
    return bool(((points >= frame.lower) & (points <= frame.upper)).all())


def test_an_object_in_view_of_all():
    """The box is about the common point, and as wide as each camera sees there across its narrow side."""
    frame = frame_of(ring(), capture(), alpha=True)
    np.testing.assert_allclose((frame.lower + frame.upper) / 2, TARGET, atol=1e-9)
    assert (frame.upper - frame.lower)[0] / 2 == pytest.approx(1.05 * 3 * np.tan(np.radians(20)))
    assert 0 < frame.near < 3 - 1.1 and frame.far > 3 + 1.1


def test_blenders_set():
    frame = frame_of(ring(4.03, np.zeros(3)), capture(), alpha=True)
    assert (frame.near, frame.far) == (2, 6)
    np.testing.assert_array_equal([frame.lower, frame.upper], [[-1.5] * 3, [1.5] * 3])


def test_cameras_inside_the_object_are_told():
    cameras = [*ring(), looking(TARGET + np.array([0.2, 0.1, 0.1]), TARGET)]
    assert any("1 of the cameras stand inside the box" in note for note in frame_of(cameras, capture(), True).notes)
    assert not any("inside" in note for note in frame_of(ring(), capture(), True).notes)


def test_surroundings_reach_to_the_cameras_and_rays_beyond():
    frame = frame_of(ring(), capture(), alpha=False)
    np.testing.assert_allclose([frame.lower, frame.upper], [TARGET - 3, TARGET + 3], atol=1e-9)
    assert frame.near < 1 and frame.far > 30


def test_points_make_the_box_but_for_those_gone_astray():
    frame = frame_of(ring(), capture(cloud()), alpha=False)
    assert holds(frame, cloud()[:500])
    assert (frame.upper - frame.lower < 1.2).all()
    assert frame.near < 3 - 0.7 < 3 + 0.7 < frame.far < 100


def test_a_row_of_cameras_by_bounds():
    """Parallel views: all that is between the bounds along the views is in the box, and within near and far."""
    frame = frame_of(row(), capture(bounds=(2.0, 6.0)), alpha=False)
    corners = np.array([camera.matrix[:3] @ [x, y, -d, 1] for camera in row() for x, y, d in ((0, 0, 2), (0, 0, 6))])
    assert holds(frame, corners)
    assert frame.near < 2
    corner_of_the_picture = 6 * np.linalg.norm([20 / row()[0].focal[0], 15 / row()[0].focal[1], 1])
    assert frame.far > corner_of_the_picture


def test_a_row_of_cameras_without_bounds_is_guessed_and_said():
    frame = frame_of(row(), capture(), alpha=True)
    assert 0 < frame.near < frame.far
    assert any("guessed" in note for note in frame.notes)


def test_cameras_that_look_outwards_have_no_common_point():
    outwards = [looking(c.position, 2 * c.position - TARGET) for c in ring()]
    assert any("guessed" in note for note in frame_of(outwards, capture(), False).notes)


def test_a_single_picture_looks_at_what_is_nearest_to_the_origin():
    frame = frame_of([looking(np.array([4.0, 0.0, 0.0]), np.zeros(3))], capture(), True)
    assert holds(frame, np.zeros((1, 3))) and frame.near < 4 < frame.far


@pytest.mark.parametrize("away, moved", [(1.0, False), (1e6, True)])
def test_only_far_away_places_are_moved(away, moved):
    frame = frame_of(ring(target=TARGET * away), capture(), False)
    assert frame.origin.any() == moved
    np.testing.assert_allclose((frame.lower + frame.upper) / 2 + frame.origin, TARGET * away, atol=1e-6)
