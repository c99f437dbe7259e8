"""Paths of cameras: where they stand, what they look at, how they hang together."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PosedCamera
from pinnscene.rays.lens import RadialLens
from pinnscene.rays.paths import at_size, focus, one_sided, orbit, spiral, upwards
from pinnscene.render.camera import Camera, view

SIZE = (40, 30)
TARGET = np.array([0.3, -0.2, 0.1])
STRAIGHT = np.eye(3)
TURN = Rotation.from_euler("xyz", [40, -25, 70], degrees=True).as_matrix()


def around(count: int = 12, share: float = 1.0, turn: NDArray = STRAIGHT, rise: float = 0.5) -> list[PosedCamera]:
    """Level cameras around ``TARGET`` at distance 4, over a share of the circle, the world then turned about it."""
    made = []
    for k in range(count):
        a, e = 2 * np.pi * share * k / count, rise + 0.2 * (-1) ** k
        arm = 4 * np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        matrix = Camera(tuple(TARGET + arm), tuple(TARGET)).matrix
        matrix[:3, :3] = turn @ matrix[:3, :3]
        matrix[:3, 3] = TARGET + turn @ arm
        made.append(PosedCamera(matrix, SIZE, (36.0, 36.0), (20.0, 15.0), name=f"{k}"))
    return made


def misses(camera: PosedCamera, place: NDArray) -> float:
    """How far from a place the middle of a camera's view passes."""
    arm = place - camera.position
    return float(np.linalg.norm(np.cross(arm, camera.matrix[:3, 2])))


@pytest.mark.parametrize("turn", [np.eye(3), TURN])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_up_is_across_the_right_axes(turn: NDArray, share: float) -> None:
    np.testing.assert_allclose(upwards(around(share=share, turn=turn)), turn[:, 2], atol=1e-9)


def test_up_of_parallel_cameras_is_their_own() -> None:
    cameras = around(1) * 3
    np.testing.assert_allclose(upwards(cameras), cameras[0].matrix[:3, 1], atol=1e-9)
    over = replace(cameras[0], matrix=cameras[0].matrix @ np.diag([-1.0, -1.0, 1.0, 1.0]))
    assert np.isfinite(upwards([cameras[0], over])).all()


def test_focus_is_where_the_views_meet_and_else_the_middle() -> None:
    np.testing.assert_allclose(focus(around(), [-1, -1, -1], [1, 1, 1]), TARGET, atol=1e-9)
    np.testing.assert_allclose(focus(around(), [1, 1, 1], [3, 3, 5]), [2, 2, 3])
    np.testing.assert_allclose(focus(around(1) * 2, [0, 0, 0], [2, 2, 2]), [1, 1, 1])


@pytest.mark.parametrize(("share", "expected"), [(1.0, False), (0.25, True)])
def test_captures_from_one_side(share: float, expected: bool) -> None:
    assert one_sided(around(share=share, turn=TURN), TARGET) is expected


@pytest.mark.parametrize("turn", [np.eye(3), TURN])
def test_an_orbit_is_an_even_closed_circle_that_looks_at_its_target(turn: NDArray) -> None:
    cameras = around(turn=turn)
    made = orbit(cameras, TARGET, 10, (64, 48))
    places = np.stack([camera.position for camera in made])
    np.testing.assert_allclose(np.linalg.norm(places - TARGET, axis=1), 4.0)
    heights = (places - TARGET) @ turn[:, 2]
    np.testing.assert_allclose(heights, 4 * np.sin(np.arcsin(np.mean([np.sin(0.7), np.sin(0.3)]))))
    steps = np.linalg.norm(np.roll(places, -1, 0) - places, axis=1)
    np.testing.assert_allclose(steps, steps[0])
    assert max(misses(camera, TARGET) for camera in made) < 1e-9
    assert max(abs(camera.matrix[:3, 0] @ turn[:, 2]) for camera in made) < 1e-9
    assert made[0].size == (64, 48) and made[0].focal == pytest.approx((36 / 30 * 48,) * 2)


def test_an_orbit_starts_beside_the_first_camera_or_where_it_is_told() -> None:
    cameras = around()
    first, told = orbit(cameras, TARGET, 4, SIZE)[0], orbit(cameras, TARGET, 4, SIZE, 35.0, 25.0, "y")[0]
    arm = first.position - TARGET
    assert np.arctan2(arm[1], arm[0]) == pytest.approx(0.0, abs=1e-9)
    known = view(np.stack([TARGET - 1, TARGET + 1]), 35.0, 25.0, "y").matrix
    np.testing.assert_allclose(told.matrix[:3, :3], known[:3, :3], atol=1e-9)


def test_a_spiral_is_closed_and_looks_at_its_target() -> None:
    cameras = around(share=0.2)
    made = spiral(cameras, TARGET, 40, SIZE)
    places = np.stack([camera.position for camera in made])
    steps = np.linalg.norm(np.roll(places, -1, 0) - places, axis=1)
    assert steps.min() > 0 and steps[-1] < 1.5 * steps[:-1].max()
    assert max(misses(camera, TARGET) for camera in made) < 1e-9
    seen = np.stack([camera.position for camera in cameras])
    assert np.linalg.norm(places - seen.mean(0), axis=1).max() < 1.5 * np.linalg.norm(seen - seen.mean(0), axis=1).max()
    assert np.ptp([c.position for c in spiral(around(1) * 2, TARGET, 5, SIZE)], axis=0).max() > 0.01


def test_other_sizes_keep_the_view() -> None:
    camera = around(1)[0]
    assert at_size(camera, None) is camera
    np.testing.assert_allclose(at_size(camera, (80, 60)).project([TARGET])[0, :2], [40, 30], atol=1e-9)
    wide = at_size(camera, (90, 30))
    assert wide.size == (90, 30) and wide.focal == pytest.approx((36.0, 36.0)) and wide.centre == (45.0, 15.0)
    with pytest.raises(PinnsceneError, match="lens that bends"):
        at_size(replace(camera, lens=RadialLens((0.1,))), (90, 30))
