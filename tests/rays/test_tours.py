"""Tours from camera to camera: through their poses, on a short way, around what they look at."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pinnscene.rays import PosedCamera
from pinnscene.rays.tours import tour
from pinnscene.render.camera import Camera

SIZE = (40, 30)
TARGET = np.array([0.3, -0.2, 0.1])
TURN = Rotation.from_euler("xyz", [40, -25, 70], degrees=True)


def looking(azimuths: NDArray, elevation: NDArray | float = 0.5, distance: NDArray | float = 4.0) -> list[PosedCamera]:
    """Cameras that look at ``TARGET`` from around it, angles in radians, the world then turned about it."""
    a, e, r = np.broadcast_arrays(azimuths, elevation, distance)
    arms = r[:, None] * np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], 1)
    made = []
    for k, arm in enumerate(arms):
        matrix = Camera(tuple(TARGET + arm), tuple(TARGET)).matrix
        matrix[:3, :3] = TURN.as_matrix() @ matrix[:3, :3]
        matrix[:3, 3] = TARGET + TURN.apply(arm)
        made.append(PosedCamera(matrix, SIZE, (36.0, 36.0), (20.0, 15.0), name=f"{k}"))
    return made


def circle(count: int, share: float = 1.0, sway: float = 0.2) -> list[PosedCamera]:
    k = np.arange(count)
    return looking(2 * np.pi * share * k / count, 0.5 + sway * (-1.0) ** k)


def scattered(count: int, seed: int = 0) -> list[PosedCamera]:
    """All over the upper half of a sphere, in no order, some nearer than others."""
    rng = np.random.default_rng(seed)
    return looking(*rng.uniform([[0], [0.1], [3.0]], [[2 * np.pi], [1.2], [4.0]], (3, count)))


def places(cameras: list[PosedCamera]) -> NDArray:
    return np.stack([camera.position for camera in cameras])


def length(cameras: list[PosedCamera]) -> float:
    return sum(float(np.linalg.norm(b.position - a.position)) for a, b in pairwise(cameras))


@pytest.mark.parametrize("target", [None, TARGET])
def test_a_tour_goes_through_poses_with_proper_turns(target: NDArray | None) -> None:
    cameras = circle(5, 0.6)
    made = tour(cameras, 41, SIZE, target)
    for seen, camera in zip((made[0], made[-1]), (cameras[0], cameras[-1]), strict=True):
        np.testing.assert_allclose(seen.matrix, camera.matrix, atol=1e-9)
    for camera in cameras:
        assert min(np.abs(c.matrix - camera.matrix).max() for c in made) < 0.2
    turns = np.stack([c.matrix[:3, :3] for c in made])
    np.testing.assert_allclose(turns @ turns.swapaxes(1, 2), np.broadcast_to(np.eye(3), turns.shape), atol=1e-9)
    steps = np.linalg.norm(np.diff(places(made), axis=0), axis=1)
    assert steps.max() < 2.5 * np.median(steps)


@pytest.mark.parametrize("seed", range(4))
def test_a_tour_flies_around_what_all_cameras_look_at(seed: int) -> None:
    cameras = scattered(40, seed)
    made = tour(cameras, 120, SIZE, TARGET)
    away = np.linalg.norm(places(made) - TARGET, axis=1)
    assert away.min() > 3.0 - 1e-9 and away.max() < 4.0 + 1e-9
    back = np.stack([c.matrix[:3, 2] for c in made])
    np.testing.assert_allclose(places(made), TARGET + away[:, None] * back, atol=1e-9)  # in the middle all the way


def test_opposite_views_are_joined_around_and_not_through_what_they_look_at() -> None:
    cameras = looking(np.array([0.0, np.pi]), 0.0, np.array([4.0, 2.0]))
    assert np.linalg.norm(places(tour(cameras, 21, SIZE)) - TARGET, axis=1).min() < 0.3
    made = tour(cameras, 21, SIZE, TARGET)
    away = np.linalg.norm(places(made) - TARGET, axis=1)
    assert away.min() >= 2.0 - 1e-9
    assert (np.diff(away) < 0).all()


def test_a_tour_is_smooth(count: int = 6) -> None:
    """Changes of speed from frame to frame fall with the square of the number of frames; at a corner as the number."""
    cameras = looking(np.linspace(0, 3, count), 0.4 + 0.2 * np.sin(np.arange(count)))
    jolts = []
    for frames in (201, 401):
        jolts.append(float(np.abs(np.diff(places(tour(cameras, frames, SIZE, TARGET)), 2, axis=0)).max()))
    assert jolts[0] / jolts[1] > 3


def test_cameras_that_look_elsewhere_fly_from_place_to_place() -> None:
    """Two that stand back to back with the target beside them: around it, the way would swing out."""
    matrices = [np.diag([1.0, 1.0, 1.0, 1.0]), np.diag([-1.0, 1.0, -1.0, 1.0])]
    matrices[1][0, 3] = 4.0
    cameras = [PosedCamera(m, SIZE, (36.0, 36.0), (20.0, 15.0)) for m in matrices]
    made = places(tour(cameras, 41, SIZE, np.array([2.0, 0.0, 3.0])))
    np.testing.assert_allclose(made, np.linspace([0, 0, 0], [4, 0, 0], 41), atol=1e-9)


def test_a_tour_of_cameras_in_no_order_goes_a_short_way() -> None:
    cameras = circle(30, 0.9, 0.0)
    shuffled = [cameras[0], *(cameras[k] for k in np.random.default_rng(0).permutation(np.arange(1, 30)))]
    flown = [length(path) for path in (tour(cameras, 240, SIZE), tour(shuffled, 240, SIZE), shuffled)]
    assert flown[1] < 1.01 * flown[0] < 0.5 * flown[2]


def test_parts_of_the_way_are_turned_around_where_that_is_shorter() -> None:
    """Always to the nearest, from 0 to 0.5, -0.6 and 1.65, is a way of 3.85 radians; -0.6, 0.5, 1.65 is one of 2.85."""
    cameras = looking(np.array([0.0, 1.65, -0.6, 0.5]), 0.0)
    assert 4 * 2.8 < length(tour(cameras, 300, SIZE, TARGET)) < 4 * 3.1


@pytest.mark.parametrize("cameras", [circle(1), circle(1) * 3, circle(2)])
def test_tours_of_few_cameras(cameras: list[PosedCamera]) -> None:
    for target in (None, TARGET):
        made = tour(cameras, 7, SIZE, target)
        assert len(made) == 7 and made[0].position == pytest.approx(cameras[0].position)


@pytest.mark.parametrize("frames", [2, 4, 12])
@pytest.mark.parametrize("cameras", [circle(40), scattered(40)])
def test_tours_of_few_frames_go_on_to_other_views(frames: int, cameras: list[PosedCamera]) -> None:
    made = places(tour(cameras, frames, SIZE, TARGET))
    assert len(made) == frames and np.linalg.norm(np.diff(made, axis=0), axis=1).min() > 0.1
