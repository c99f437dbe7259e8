"""Shapes answer as closed forms and another library do: which side, how far, and evenly over the surface."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import trimesh
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.cloudshape import cloud_shape
from pinnscene.scenes.meshshape import MeshShape, mesh_shape
from pinnscene.scenes.shapes import Shape, built_in
from pinnscene.scenes.solids import Solid, Sphere
from pinnscene.scenes.solidshape import solid_shape
from pinnscene.scenes.volumeshape import volume_shape

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


def places(n: int = 300, size: float = 1.5) -> Numbers:
    return np.random.default_rng(1).uniform(-size, size, (n, 3))


def box_distance(p: Numbers, half: tuple[float, float, float]) -> Numbers:
    """The signed distance to a box about the origin."""
    q = np.abs(p) - half
    return np.linalg.norm(q.clip(0), axis=1) + q.max(1).clip(None, 0)


# Meshes


def test_distances_to_a_box_are_the_closed_form() -> None:
    shape = shape_of(trimesh.creation.box((2, 1, 0.6)))
    np.testing.assert_allclose(shape.distance(places()), box_distance(places(), (1, 0.5, 0.3)), atol=1e-12)


def test_distances_and_sides_agree_with_trimesh() -> None:
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


def test_a_million_units_away_nothing_is_lost() -> None:
    offset = np.array([1e6, -2e6, 3e6])
    body = ball(1e-2)
    near, far = shape_of(body), mesh_shape(body.vertices + offset, body.faces, "far")
    p = places(size=1.5e-2)
    moved = p + offset
    np.testing.assert_allclose(far.distance(moved), near.distance(moved - offset), atol=2e-9)
    np.testing.assert_array_equal(far.inside(moved), near.inside(moved - offset))
    assert near.inside(p).any()


def test_through_a_hole_the_side_stays_right_away_from_it() -> None:
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


def test_inverted_normals_are_found_told_and_fixed() -> None:
    right, wrong = shape_of(ball()), shape_of(inverted(ball()))
    assert wrong.notes == ["normals pointed inwards: flipped"]
    np.testing.assert_allclose(wrong.distance(places()), right.distance(places()))
    points, normals = wrong.surface(50, torch.Generator().manual_seed(0))
    assert normals is not None
    assert ((points * normals).sum(1) > 0.9).all()


def test_faces_that_disagree_with_their_neighbours_are_turned() -> None:
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


def test_faces_without_an_area_do_no_harm() -> None:
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


# Clouds


def sphere_cloud(n: int = 3000) -> Numbers:
    p = np.random.default_rng(0).normal(size=(n, 3))
    return p / np.linalg.norm(p, axis=1, keepdims=True)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_a_cloud_with_normals_knows_its_inside_whichever_way_they_point(flip: float) -> None:
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


def test_uneven_density_does_not_move_the_inside() -> None:
    points = sphere_cloud(6000)
    keep = (points[:, 2] < 0) | (np.arange(6000) % 8 == 0)
    shape = cloud_shape(points[keep], points[keep], "cloud")
    p = places(1000)
    radius = np.linalg.norm(p, axis=1)
    sure = np.abs(radius - 1) > 0.12
    np.testing.assert_array_equal(shape.inside(p[sure]), radius[sure] < 1)


def test_a_cloud_without_normals_has_no_inside() -> None:
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


# Volumes

STEP, ORIGIN = np.array([0.1, 0.1, 0.2]), np.array([3.0, -1.0, 2.0])


def lattice(n: tuple[int, int, int] = (21, 23, 13)) -> Numbers:
    """Voxel centres [x, y, z, 3] about their middle."""
    at = np.stack(np.meshgrid(*[np.arange(k) for k in n], indexing="ij"), -1) * STEP
    return at - at.mean((0, 1, 2))


MIDDLE = ORIGIN + (np.array([21, 23, 13]) - 1) / 2 * STEP


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_volume_of_distances_is_read_in_its_own_units_whatever_its_sign(sign: float) -> None:
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


# All of them


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
    shapes = [
        shape_of(ball(fine=4)),
        volume_shape(distances, np.full(3, 0.075), np.full(3, -1.5), "volume"),
        solid_shape(Sphere(1.0), "sphere"),
        solid_shape(Squared(), "squared"),
        cloud_shape(sphere_cloud(4000), sphere_cloud(4000), "cloud"),
    ]
    return [shape.shifted(np.array([2.0, 0, 0])) for shape in shapes]


@pytest.mark.parametrize("shape", every_kind(), ids=lambda shape: f"{shape.kind} {shape.name}")
def test_the_nearest_place_is_true_for_every_kind_wherever_it_was_shifted(shape: Shape) -> None:
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


def test_a_solid_answers_by_its_formula() -> None:
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
