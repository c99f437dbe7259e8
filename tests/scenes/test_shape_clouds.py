"""Clouds as shapes: their inside by winding numbers of points, and what is dropped, flipped and held out."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.cloudshape import cloud_shape

Numbers = NDArray[np.float64]


def sphere_cloud(n: int = 3000) -> Numbers:
    p = np.random.default_rng(0).normal(size=(n, 3))
    return p / np.linalg.norm(p, axis=1, keepdims=True)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_a_cloud_with_normals_knows_its_inside_whichever_way_they_point(
    flip: float, places: Callable[..., Numbers]
) -> None:
    points = sphere_cloud()
    shape = cloud_shape(points + 5e5, 3 * flip * points, "cloud")
    p = places(1000)
    radius = np.linalg.norm(p, axis=1)
    sure = np.abs(radius - 1) > 0.05
    np.testing.assert_array_equal(shape.inside(p[sure] + 5e5), radius[sure] < 1)
    assert shape.notes == ([] if flip > 0 else ["normals pointed inwards: flipped"])
    distance = shape.distance(p[sure] + 5e5)
    np.testing.assert_allclose(distance, radius[sure] - 1, atol=0.1)
    assert (shape.kind, shape.exact, shape.signed, shape.mesh()) == ("cloud", False, True, None)


def test_uneven_density_does_not_move_the_inside(places: Callable[..., Numbers]) -> None:
    points = sphere_cloud(6000)
    keep = (points[:, 2] < 0) | (np.arange(6000) % 8 == 0)
    shape = cloud_shape(points[keep], points[keep], "cloud")
    p = places(1000)
    radius = np.linalg.norm(p, axis=1)
    sure = np.abs(radius - 1) > 0.12
    np.testing.assert_array_equal(shape.inside(p[sure]), radius[sure] < 1)


def test_a_cloud_without_normals_has_no_inside(places: Callable[..., Numbers]) -> None:
    shape = cloud_shape(sphere_cloud(100), None, "bare")
    assert (shape.signed, shape.surface(5, torch.Generator().manual_seed(0))[1]) == (False, None)
    for ask in (shape.inside, shape.distance):
        with pytest.raises(PinnsceneError, match="no normals"):
            ask(places(3))


def test_a_cloud_gives_its_own_points_each_once_while_they_last() -> None:
    points = sphere_cloud(50)
    shape = cloud_shape(points, points, "cloud")
    drawn, normals = shape.surface(50, torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(np.sort(drawn, axis=0), np.sort(points, axis=0))
    assert normals is not None
    np.testing.assert_allclose(normals, drawn, atol=1e-12)
    many, _ = shape.surface(120, torch.Generator().manual_seed(0))
    assert {tuple(p) for p in many} <= {tuple(p) for p in points}
    assert len(many) == 120


def test_spacing_is_the_step_of_a_lattice() -> None:
    lattice = 0.25 * np.stack(np.meshgrid(*[np.arange(4)] * 3), -1).reshape(-1, 3)
    assert cloud_shape(lattice, None, "lattice").spacing == pytest.approx(0.25)


def test_every_tenth_point_is_held_out() -> None:
    points = sphere_cloud(95)
    kept, out = cloud_shape(points, points, "cloud").heldout()
    np.testing.assert_array_equal(out, points[9::10])
    assert len(kept.points) == 95 - 9
    assert not {tuple(p) for p in out} & {tuple(p) for p in kept.points}
    np.testing.assert_allclose(kept.normals, kept.points, atol=1e-12)
    with pytest.raises(PinnsceneError, match="every 1th"):
        kept.heldout(1)


def test_repeated_points_and_missing_normals_are_dropped_and_told() -> None:
    points = sphere_cloud(60)
    normals = points.copy()
    normals[:3] = 0
    shape = cloud_shape(np.concatenate([points, points[10:14]]), np.concatenate([normals, normals[10:14]]), "cloud")
    assert shape.notes == ["3 points without a normal dropped", "4 repeated points dropped"]
    assert len(shape.points) == 57
    assert not cloud_shape(points, np.zeros_like(points), "cloud").signed


def test_normals_that_disagree_are_told() -> None:
    points = sphere_cloud(500)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (500, 1))
    assert any("look opposite ways" in note for note in cloud_shape(points, signs * points, "cloud").notes)


@pytest.mark.parametrize("n", [300, 4000])
def test_pitch_is_the_root_of_a_points_share_of_the_surface(n: int) -> None:
    """Points anywhere on a sphere of radius 3, as irregular as they come: within 10 %."""
    assert cloud_shape(3 * sphere_cloud(n), None, "sphere").pitch == pytest.approx(3 * np.sqrt(4 * np.pi / n), rel=0.1)
