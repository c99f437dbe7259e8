"""Volumes as shapes: distances or two values on a lattice, in their own units and place."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pinnscene.scenes.volumeshape import volume_shape

Numbers = NDArray[np.float64]


STEP, ORIGIN = np.array([0.1, 0.1, 0.2]), np.array([3.0, -1.0, 2.0])


def lattice(n: tuple[int, int, int] = (21, 23, 13)) -> Numbers:
    """Voxel centres [x, y, z, 3] about their middle."""
    at = np.stack(np.meshgrid(*[np.arange(k) for k in n], indexing="ij"), -1) * STEP
    return at - at.mean((0, 1, 2))


MIDDLE = ORIGIN + (np.array([21, 23, 13]) - 1) / 2 * STEP


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_volume_of_distances_is_read_in_its_own_units_whatever_its_sign(
    sign: float, places: Callable[..., Numbers]
) -> None:
    exact = np.linalg.norm(lattice(), axis=3) - 0.7
    shape = volume_shape(sign * exact, STEP, ORIGIN, "volume")
    p = places(500, 1.0)
    np.testing.assert_allclose(shape.distance(p + MIDDLE), np.linalg.norm(p, axis=1) - 0.7, atol=0.04)
    assert shape.exact
    assert shape.notes == ([] if sign > 0 else ["most of the border is negative: positive is taken as inside"])
    np.testing.assert_allclose([shape.lower, shape.upper], [MIDDLE - 0.7, MIDDLE + 0.7], atol=0.02)
    outward = (shape.mesh().area_vectors() * (shape.mesh().corners().mean(1) - MIDDLE)).sum(1)
    assert (outward > -1e-9).all()
    assert outward.sum() / 3 == pytest.approx(4 / 3 * np.pi * 0.7**3, rel=0.05)


@pytest.mark.parametrize("kind", ["bool", "uint8", "float32"])
def test_a_volume_of_two_values_has_its_surface_halfway(kind: str) -> None:
    inside = np.zeros((12, 12, 12), kind)
    inside[4:8, 4:8, 4:8] = 1
    shape = volume_shape(inside, np.full(3, 0.5), np.zeros(3), "volume")
    along = np.array([[x, 2.75, 2.75] for x in (0.0, 1.5, 1.75, 2.0, 2.5)])
    np.testing.assert_allclose(shape.distance(along), [-1.75, -0.25, 0, 0.25, 0.75] * np.array([-1] + [-1] * 4))
    np.testing.assert_allclose([shape.lower[0], shape.upper[0]], [1.75, 3.75], atol=1e-6)
    assert not shape.exact


def test_an_inside_that_reaches_the_border_is_closed_there() -> None:
    shape = volume_shape(np.pad(np.ones((4, 4, 4)), ((0, 3), (0, 3), (0, 3))), np.ones(3), np.zeros(3), "volume")
    np.testing.assert_allclose([shape.lower, shape.upper], [[-0.5] * 3, [3.5] * 3], atol=1e-6)
    assert shape.inside(np.array([[-0.4, 1, 1], [-0.6, 1, 1.0]])).tolist() == [True, False]
    assert any("closed there" in note for note in shape.notes)


def test_far_outside_the_array_the_way_to_it_counts() -> None:
    shape = volume_shape(np.linalg.norm(lattice(), axis=3) - 0.7, STEP, ORIGIN, "volume")
    np.testing.assert_allclose(shape.distance(MIDDLE + np.array([[9.0, 0, 0]])), [8.3], atol=1e-9)


def test_a_volume_whose_slope_is_not_one_counts_by_its_sign_alone() -> None:
    shape = volume_shape(3 * (np.linalg.norm(lattice(), axis=3) - 0.7), STEP, ORIGIN, "volume")
    assert not shape.exact
    assert "slope is 2.98" in shape.notes[0]
