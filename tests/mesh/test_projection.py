"""Vertices on the zero set, with the field's normals, and no face turned over."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnscene import Box
from pinnscene.mesh import Mesh, cell_size, extract, project, report
from pinnscene.mesh.projection import face_normals, unturned
from pinnscene.views import FunctionField

BOX = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
N = 24
CELL = cell_size(BOX, N)


def made(f: Callable[[Tensor], Tensor]) -> FunctionField:
    return FunctionField(lambda p: f(p.coords)[:, None], ("x", "y", "z"))


def values(u: FunctionField, mesh: Mesh) -> np.ndarray:
    return u(torch.from_numpy(mesh.vertices))[:, 0].numpy()


def ball(x: Tensor) -> Tensor:
    return x.norm(dim=1) - 0.7


def steep(x: Tensor) -> Tensor:
    """The same zero set, far from a distance."""
    return torch.tanh(6 * ball(x)) * (2 + x[:, 0]) + 0.3


def crease(x: Tensor) -> Tensor:
    """A ball cut by a plane and a groove: normals jump, gradients of the two sides disagree."""
    return torch.maximum(torch.maximum(ball(x), x[:, 0] + x[:, 1] - 0.31), 0.2 - (x[:, 2] - 0.03).abs())


@pytest.mark.parametrize(("f", "level"), [(ball, 0.0), (steep, 0.3), (steep, 0.0)])
def test_vertices_come_to_lie_on_the_level_set(f: Callable[[Tensor], Tensor], level: float) -> None:
    u = made(f)
    rough = extract(u, BOX, N, level)
    mesh = project(u, rough, CELL, level)
    assert np.abs(values(u, mesh) - level).max() < 1e-10
    assert np.abs(values(u, rough) - level).max() > 1e-4
    assert np.linalg.norm(mesh.vertices - rough.vertices, axis=1).max() < CELL
    assert (mesh.faces == rough.faces).all() and report(mesh).watertight
    if level == 0.0 and f is ball:
        assert mesh.normals is not None
        np.testing.assert_allclose(mesh.normals, mesh.vertices / 0.7, atol=1e-9)


def test_normals_point_out_of_every_face() -> None:
    u = made(steep)
    mesh = project(u, extract(u, BOX, N, 0.3), CELL, 0.3)
    assert mesh.normals is not None
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-12)
    assert ((mesh.normals * face_normals(mesh)).sum(1) > 0.9).all()


def test_no_face_turns_over_at_creases() -> None:
    u = made(crease)
    rough = extract(u, BOX, N)
    mesh = project(u, rough, CELL)
    assert ((mesh.area_vectors() * rough.area_vectors()).sum(1) >= 0).all()
    assert np.abs(values(u, mesh)).mean() < 0.3 * np.abs(values(u, rough)).mean()
    assert np.linalg.norm(mesh.vertices - rough.vertices, axis=1).max() <= CELL


def test_vertices_that_would_turn_a_face_go_back_and_others_do_not() -> None:
    mesh = extract(made(ball), BOX, N)
    moved = mesh.vertices * 1.01
    moved[5] *= -1
    kept = unturned(mesh, moved)
    assert ((Mesh(kept, mesh.faces).area_vectors() * mesh.area_vectors()).sum(1) >= 0).all()
    back = (kept == mesh.vertices).all(1)
    assert back[5] and back.sum() < 40 and (kept[~back] == moved[~back]).all()


def test_a_gradient_of_zero_leaves_the_vertex_and_takes_the_normal_of_the_faces() -> None:
    u = made(lambda x: ball(x).detach().sign())
    rough = extract(u, BOX, N)
    mesh = project(u, rough, CELL)
    assert (mesh.vertices == rough.vertices).all() and mesh.normals is not None
    np.testing.assert_array_equal(mesh.normals, face_normals(rough))
    assert ((mesh.normals * mesh.vertices).sum(1) > 0.4).all()


def test_vertices_never_go_farther_than_a_cell() -> None:
    """A field so flat that Newton's first step leads out of the box."""
    u = made(lambda x: 1e-6 * ball(x) + 1e-3)
    rough = extract(made(ball), BOX, N)
    assert (project(u, rough, CELL).vertices == rough.vertices).all()
