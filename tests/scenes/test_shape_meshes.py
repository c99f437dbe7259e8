"""Meshes as shapes: which side, how far, and evenly over the surface, whatever order their triangles are in."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import trimesh
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.meshshape import MeshShape, mesh_shape

Numbers = NDArray[np.float64]


def shape_of(*bodies: trimesh.Trimesh) -> MeshShape:
    """Bodies of trimesh's as one shape."""
    starts = np.cumsum([0, *(len(body.vertices) for body in bodies)])
    faces = [np.asarray(body.faces) + start for body, start in zip(bodies, starts, strict=False)]
    return mesh_shape(np.concatenate([b.vertices for b in bodies]), np.concatenate(faces), "bodies")


def ball(radius: float = 1.0, centre: tuple[float, float, float] = (0, 0, 0), fine: int = 3) -> trimesh.Trimesh:
    body = trimesh.creation.icosphere(fine, radius)
    body.apply_translation(centre)
    return body


def inverted(body: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(body.vertices, body.faces[:, ::-1], process=False)


def box_distance(p: Numbers, half: tuple[float, float, float]) -> Numbers:
    """The signed distance to a box about the origin."""
    q = np.abs(p) - half
    return np.linalg.norm(q.clip(0), axis=1) + q.max(1).clip(None, 0)


def test_distances_to_a_box_are_the_closed_form(places: Callable[..., Numbers]) -> None:
    shape = shape_of(trimesh.creation.box((2, 1, 0.6)))
    np.testing.assert_allclose(shape.distance(places()), box_distance(places(), (1, 0.5, 0.3)), atol=1e-12)


def test_distances_and_sides_agree_with_trimesh(places: Callable[..., Numbers]) -> None:
    body = trimesh.creation.torus(0.8, 0.3, 24, 12)
    shape, p = shape_of(body), places(100)
    np.testing.assert_allclose(shape.distance(p), -trimesh.proximity.signed_distance(body, p), atol=1e-6)
    np.testing.assert_array_equal(shape.inside(p), body.contains(p))


def test_a_mesh_says_how_large_and_what_it_is() -> None:
    shape = shape_of(trimesh.creation.box((2, 1, 0.6)))
    np.testing.assert_allclose([shape.lower, shape.upper], [[-1, -0.5, -0.3], [1, 0.5, 0.3]])
    assert shape.diagonal == pytest.approx(np.sqrt(4 + 1 + 0.36))
    assert (shape.kind, shape.exact, shape.signed, shape.notes) == ("mesh", True, True, [])
    assert len(shape.mesh().faces) == 12


def test_a_million_units_away_nothing_is_lost(places: Callable[..., Numbers]) -> None:
    offset = np.array([1e6, -2e6, 3e6])
    body = ball(1e-2)
    near, far = shape_of(body), mesh_shape(body.vertices + offset, body.faces, "far")
    p = places(size=1.5e-2)
    moved = p + offset
    np.testing.assert_allclose(far.distance(moved), near.distance(moved - offset), atol=2e-9)
    np.testing.assert_array_equal(far.inside(moved), near.inside(moved - offset))
    assert near.inside(p).any()


def test_through_a_hole_the_side_stays_right_away_from_it(places: Callable[..., Numbers]) -> None:
    body = ball()
    open_body = trimesh.Trimesh(body.vertices, body.faces[body.triangles_center[:, 2] < 0.8])
    shape, p = shape_of(open_body), places(2000)
    radius = np.linalg.norm(p, axis=1)
    sure = (np.abs(radius - 1) > 0.02) & (np.linalg.norm(p - [0, 0, 0.9], axis=1) > 0.7)
    np.testing.assert_array_equal(shape.inside(p[sure]), radius[sure] < 1)
    assert shape.notes == ["1 hole: sign by the generalised winding number"]


def test_every_loop_of_a_boundary_is_a_hole() -> None:
    body = ball()
    height = body.triangles_center[:, 2]
    shape = shape_of(trimesh.Trimesh(body.vertices, body.faces[np.abs(height) < 0.9]))
    assert shape.notes[-1].startswith("2 holes")


def test_inverted_normals_are_found_told_and_fixed(places: Callable[..., Numbers]) -> None:
    right, wrong = shape_of(ball()), shape_of(inverted(ball()))
    assert wrong.notes == ["normals pointed inwards: flipped"]
    np.testing.assert_allclose(wrong.distance(places()), right.distance(places()))
    points, normals = wrong.surface(50, torch.Generator().manual_seed(0))
    assert normals is not None
    assert ((points * normals).sum(1) > 0.9).all()


def test_faces_that_disagree_with_their_neighbours_are_turned(places: Callable[..., Numbers]) -> None:
    body = ball()
    faces = body.faces.copy()
    faces[::7] = faces[::7, ::-1]
    shape = mesh_shape(body.vertices, faces, "mixed")
    assert shape.notes == [f"{len(faces[::7])} faces turned to agree with the neighbours"]
    np.testing.assert_allclose(shape.distance(places()), shape_of(body).distance(places()))


def test_one_body_inside_out_among_others_is_turned() -> None:
    shape = shape_of(ball(1, (-2, 0, 0)), inverted(ball(0.5, (2, 0, 0))), ball(0.3, (0, 2, 0)))
    assert shape.notes == ["1 of the bodies was inside out: flipped", "3 bodies"]
    assert shape.inside(np.array([[-2, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 0.0]])).tolist() == [True] * 3 + [False]


SHELLS = {
    "a cavity": (ball(1), inverted(ball(0.5)), False, "1 cavity"),
    "all inside out": (inverted(ball(1)), ball(0.5), False, "1 cavity"),
    "both outwards": (ball(1), ball(0.5), True, "within another"),
    "both inwards": (inverted(ball(1)), inverted(ball(0.5)), True, "within another"),
}


@pytest.mark.parametrize("case", SHELLS)
def test_concentric_shells_have_a_sensible_inside(case: str) -> None:
    outer, inner, hollow_counts, note = SHELLS[case]
    shape = shape_of(inner, outer)
    radii = np.array([0.0, 0.3, 0.7, 0.9, 1.2])
    inside = shape.inside(radii[:, None] * np.array([[0.6, 0.0, 0.8]]))
    assert inside.tolist() == [hollow_counts, hollow_counts, True, True, False]
    assert any(note in line for line in shape.notes)
    # a shell within another bounds nothing where both sides of it are inside
    known = -0.4 if hollow_counts else -0.1
    assert shape.distance(np.array([[0.6, 0, 0]]))[0] == pytest.approx(known, abs=0.01)
    lengths = np.linalg.norm(shape.surface(200, torch.Generator().manual_seed(0))[0], axis=1)
    assert bool((lengths < 0.6).any()) is not hollow_counts


def test_vertices_at_one_place_are_one() -> None:
    body = ball(1, fine=2)
    soup = body.vertices[body.faces].reshape(-1, 3)
    shape = mesh_shape(soup, np.arange(len(soup)).reshape(-1, 3), "soup")
    assert len(shape.mesh().vertices) == len(body.vertices)
    assert shape.notes == []


def test_degenerate_and_repeated_faces_are_dropped_and_counted() -> None:
    body = trimesh.creation.box()
    more = np.concatenate([body.faces, [[0, 0, 1], [2, 3, 2]], body.faces[:3, [1, 2, 0]]])
    shape = mesh_shape(body.vertices, more, "box")
    assert shape.notes == ["2 degenerate faces dropped", "3 duplicate faces dropped"]
    assert len(shape.mesh().faces) == 12


def test_faces_without_an_area_do_no_harm(places: Callable[..., Numbers]) -> None:
    """A sliver of three vertices on one edge closes a crack; it must not spoil distances nor samples."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0, 0]], float)
    faces = np.array([[0, 2, 4], [4, 2, 1], [0, 3, 2], [1, 2, 3], [0, 1, 3], [0, 4, 1]])
    shape = mesh_shape(vertices, faces, "sliver")
    assert shape.notes == []
    p = places(100)
    plain = mesh_shape(vertices[:4], np.array([[0, 2, 1], [0, 3, 2], [1, 2, 3], [0, 1, 3]]), "plain")
    np.testing.assert_allclose(shape.distance(p), plain.distance(p), atol=1e-12)
    _, normals = shape.surface(500, torch.Generator().manual_seed(0))
    assert normals is not None
    assert np.isfinite(normals).all()


def test_samples_lie_evenly_on_the_surface_with_the_normals_of_their_faces() -> None:
    shape = shape_of(trimesh.creation.box((2, 1, 0.5)))
    points, normals = shape.surface(8000, torch.Generator().manual_seed(3))
    assert normals is not None
    np.testing.assert_allclose(box_distance(points, (1, 0.5, 0.25)), 0, atol=1e-12)
    areas = np.array([0.5, 1.0, 2.0])
    np.testing.assert_allclose(np.abs(normals).mean(0), areas / areas.sum(), atol=0.02)
    top = points[normals[:, 2] > 0.5]
    np.testing.assert_allclose(top.std(0)[:2], np.array([2, 1]) / 12**0.5, rtol=0.05)
    np.testing.assert_allclose(np.abs((points * normals).sum(1)), (np.abs(normals) * [1, 0.5, 0.25]).sum(1))


def test_the_generator_alone_decides_the_samples() -> None:
    shape = shape_of(ball())
    draws = [shape.surface(20, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@pytest.mark.parametrize("p", [np.zeros((3, 2)), np.zeros(3), np.array([[0, 0, np.nan]])])
def test_bad_questions_are_told(p: Numbers) -> None:
    with pytest.raises(PinnsceneError, match="expected"):
        shape_of(ball()).distance(p)
