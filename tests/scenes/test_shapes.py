"""Shapes of every kind answer alike, and solids by their formulae."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import trimesh
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.cloudshape import cloud_shape
from pinnscene.scenes.meshshape import mesh_shape
from pinnscene.scenes.shapes import Shape, built_in
from pinnscene.scenes.solids import Solid, Sphere
from pinnscene.scenes.solidshape import solid_shape
from pinnscene.scenes.volumeshape import volume_shape

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Squared(Solid):
    """A unit ball by a level set that is no distance."""

    @property
    def exact(self) -> bool:
        return False

    def distance(self, p: torch.Tensor) -> torch.Tensor:
        return (p.square().sum(1, keepdim=True) - 1) / 6

    def extent(self, e: tuple[float, float, float]) -> float:
        return 1.0


def every_kind() -> list[Shape]:
    """Unit balls about (2, 0, 0) of each kind that has a mesh, and a solid that has no true distance."""
    at = np.stack(np.meshgrid(*[np.linspace(-1.5, 1.5, 41)] * 3, indexing="ij"), -1)
    distances = np.linalg.norm(at, axis=3) - 1
    normals = np.random.default_rng(0).normal(size=(4000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    ball = trimesh.creation.icosphere(4)
    shapes = [
        mesh_shape(np.asarray(ball.vertices), np.asarray(ball.faces), "mesh"),
        volume_shape(distances, np.full(3, 0.075), np.full(3, -1.5), "volume"),
        solid_shape(Sphere(1.0), "sphere"),
        solid_shape(Squared(), "squared"),
        cloud_shape(normals, normals, "cloud"),
    ]
    return [shape.shifted(np.array([2.0, 0, 0])) for shape in shapes]


@pytest.mark.parametrize("shape", every_kind(), ids=lambda shape: f"{shape.kind} {shape.name}")
def test_the_nearest_place_is_true_for_every_kind_wherever_it_was_shifted(
    shape: Shape, places: Callable[..., Numbers]
) -> None:
    p = places(400)
    radius = np.linalg.norm(p, axis=1)
    p, radius = p[np.abs(radius - 0.9) > 0.3], radius[np.abs(radius - 0.9) > 0.3]
    distance, slope = shape.nearest(p + np.array([2, 0, 0]))
    np.testing.assert_allclose(distance, radius - 1, atol=0.01 if shape.mesh() else 0.05)
    np.testing.assert_allclose(np.linalg.norm(slope, axis=1), 1, atol=1e-6)
    far = radius > 0.4
    assert ((slope * p).sum(1)[far] > 0.95 * radius[far]).all()
    np.testing.assert_allclose([shape.lower, shape.upper], [[1, -1, -1], [3, 1, 1]], atol=0.02)
    points, _ = shape.surface(50, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(np.linalg.norm(points - [2, 0, 0], axis=1), 1, atol=0.01)


# Solids


@dataclass(frozen=True)
class Ellipsoid(Solid):
    """Half axes 1, 0.5, 0.5 by a level set that is no distance."""

    @property
    def exact(self) -> bool:
        return False

    def distance(self, p: torch.Tensor) -> torch.Tensor:
        return (p * p.new_tensor([1.0, 2.0, 2.0])).norm(dim=1, keepdim=True) / 2 - 0.5

    def extent(self, e: tuple[float, float, float]) -> float:
        return (e[0] ** 2 + e[1] ** 2 / 4 + e[2] ** 2 / 4) ** 0.5


def test_points_on_a_solid_lie_on_it_evenly_with_its_normals() -> None:
    shape = solid_shape(Ellipsoid(), "ellipsoid")
    points, normals = shape.surface(6000, torch.Generator().manual_seed(0))
    assert normals is not None
    squares = (points / [1, 0.5, 0.5]) ** 2
    np.testing.assert_allclose(squares.sum(1), 1, atol=1e-9)
    slope = points / np.array([1, 0.25, 0.25])
    np.testing.assert_allclose(normals, slope / np.linalg.norm(slope, axis=1, keepdims=True), atol=1e-8)
    # The share of area with |x| < t of a prolate spheroid: (t sqrt(1 - e^2 t^2) + asin(e t) / e) over the same at 1.
    e = np.sqrt(0.75)
    area = lambda t: t * np.sqrt(1 - e**2 * t**2) + np.arcsin(e * t) / e
    for t in (0.25, 0.5, 0.75):
        assert (np.abs(points[:, 0]) < t).mean() == pytest.approx(area(t) / area(1.0), abs=0.02)


def test_a_solid_answers_by_its_formula(places: Callable[..., Numbers]) -> None:
    shape = solid_shape(Ellipsoid(), "ellipsoid")
    value = np.linalg.norm(places() * [1, 2, 2], axis=1) / 2 - 0.5
    np.testing.assert_allclose(shape.distance(places()), value)
    np.testing.assert_array_equal(shape.inside(places()), value < 0)
    assert (shape.kind, shape.exact, shape.signed) == ("solid", False, True)
    mesh = shape.mesh()
    volume = (mesh.corners().mean(1) * mesh.area_vectors()).sum() / 3
    assert volume == pytest.approx(np.pi / 3, rel=0.005)


def test_built_in_shapes_are_found_by_name() -> None:
    shape: Shape = built_in("sphere")
    assert (shape.name, shape.kind) == ("sphere", "solid")
    with pytest.raises(PinnsceneError, match="did you mean sphere"):
        built_in("spere")
