"""Files of shapes come in as they went out, whatever program wrote them."""

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.cloudshape import CloudShape
from pinnscene.scenes.shapes import Shape, load_shape
from pinnscene.scenes.volumeshape import VolumeShape

BALL = trimesh.creation.icosphere(2)
FORMATS = ["obj", "ply", "stl", "off", "glb"]


def exported(folder: Path, name: str = "ball.ply", body: trimesh.Trimesh = BALL, **options: object) -> Path:
    body.export(folder / name, **options)
    return folder / name


def volume(shape: Shape) -> float:
    mesh = shape.mesh()
    assert mesh is not None
    return float((mesh.corners().mean(1) * mesh.area_vectors()).sum() / 3)


@pytest.mark.parametrize("ending", FORMATS)
def test_each_format_gives_the_same_shape(tmp_path: Path, ending: str) -> None:
    body = BALL.copy()
    body.apply_transform(trimesh.transformations.translation_matrix([3, 4, 5]) @ np.diag([2, 1, 1, 1.0]))
    shape = load_shape(exported(tmp_path, f"ball.{ending}", body))
    assert (shape.kind, shape.name, shape.notes) == ("mesh", f"ball.{ending}", [])
    np.testing.assert_allclose([shape.lower, shape.upper], body.bounds, rtol=1e-6)
    p = np.random.default_rng(0).uniform([1, 3, 4], [5, 5, 6], (200, 3))
    np.testing.assert_array_equal(shape.inside(p), body.contains(p))


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_both_encodings_of_ply_are_read(tmp_path: Path, encoding: str) -> None:
    assert load_shape(exported(tmp_path, encoding=encoding)).notes == []


def test_text_stl_and_upper_case_endings_are_read(tmp_path: Path) -> None:
    assert load_shape(exported(tmp_path, "ball.stl_ascii").rename(tmp_path / "A.STL")).notes == []


@pytest.mark.parametrize("word", ["Größe", "大きさ", "Größe".encode("latin-1"), b"\x81\xff"])
def test_names_and_comments_in_any_encoding_are_passed_over(word: str | bytes, written: Callable[..., Path]) -> None:
    raw = word.encode() if isinstance(word, str) else word
    off, stl = BALL.export(file_type="off"), BALL.export(file_type="stl_ascii")
    ply = BALL.export(file_type="ply", encoding="ascii")
    contents = {
        "a.obj": b"# " + raw + b"\no " + raw + b"\n" + BALL.export(file_type="obj").encode(),
        "a.off": off.encode().replace(b"OFF\n", b"OFF\n# " + raw + b"\n", 1),
        "a.stl": stl.encode().replace(b"solid ", b"solid " + raw, 1),
        "a.ply": ply.replace(b"1.0\n", b"1.0\ncomment " + raw + b"\n", 1),
        "b.ply": BALL.export(file_type="ply").replace(b"1.0\n", b"1.0\ncomment " + raw + b"\n", 1),
    }
    for name, content in contents.items():
        assert volume(load_shape(written(content, name))) == pytest.approx(BALL.volume, rel=1e-5)
    points = "\n".join(map("{} {} {}".format, *BALL.vertices.T))
    cloud = load_shape(written(b"# " + raw + b"\n" + points.encode(), "a.xyz"))
    assert isinstance(cloud, CloudShape) and len(cloud.points) == len(BALL.vertices)


def test_the_mark_of_an_encoding_costs_no_vertex(written: Callable[..., Path]) -> None:
    corners = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n"
    path = written(b"\xef\xbb\xbf" + corners.encode(), "a.obj")
    assert volume(load_shape(path)) == pytest.approx(1 / 6)


def test_polygons_and_texture_seams_make_one_closed_body(written: Callable[..., Path]) -> None:
    """A cube of quadrilaterals whose corners have other texture coordinates on each face, and a material elsewhere."""
    corners = [f"v {x} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    seams = [f"vt {i / 24} {i % 5 / 5}" for i in range(24)]
    sides = [(1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4)]
    faces = ["f " + " ".join(f"{v}/{4 * i + k + 1}" for k, v in enumerate(side)) for i, side in enumerate(sides)]
    text = "\n".join(["mtllib nowhere.mtl", *corners, *seams, "usemtl paint", *faces])
    shape = load_shape(written(text, "cube.obj"))
    assert shape.notes == []
    assert volume(shape) == pytest.approx(1)


@pytest.mark.parametrize(("kind", "order"), [("binary_little_endian", "<"), ("binary_big_endian", ">")])
def test_polygons_of_several_lengths_are_read_from_binary_ply(
    kind: str, order: str, written: Callable[..., Path]
) -> None:
    """A pyramid on a pentagon: five triangles and the base, with a number before and a list after the indices."""
    ring = [(np.cos(a), np.sin(a), 0.0) for a in 2 * np.pi / 5 * np.arange(5)]
    faces = [(0, 1, 5), (1, 2, 5), (2, 3, 5), (3, 4, 5), (4, 0, 5), (4, 3, 2, 1, 0)]
    header = (
        f"ply\nformat {kind} 1.0\ncomment a pyramid\nelement vertex 6\nproperty double x\nproperty double y\n"
        "property uchar red\nproperty double z\nelement face 6\nproperty short part\n"
        "property list uchar uint vertex_indices\nproperty list int float texcoord\nend_header\n"
    )
    body = b"".join(struct.pack(f"{order}ddBd", x, y, 7, z) for x, y, z in [*ring, (0.0, 0.0, 3.0)])
    for n, face in enumerate(faces):
        body += struct.pack(f"{order}hB{len(face)}I", n, len(face), *face)
        body += struct.pack(f"{order}i{n}f", n, *[0.5] * n)
    shape = load_shape(written(header.encode() + body, "pyramid.ply"))
    assert shape.notes == []
    assert volume(shape) == pytest.approx(2.5 * np.sin(2 * np.pi / 5))
    with pytest.raises(PinnsceneError, match="cut off"):
        load_shape(written(header.encode() + body[:-9], "cut.ply"))


def test_bodies_of_a_scene_stand_where_its_transforms_put_them(written: Callable[..., Path]) -> None:
    scene = trimesh.Scene()
    turn = trimesh.transformations.rotation_matrix(np.pi / 2, [0, 0, 1])
    move = trimesh.transformations.translation_matrix
    box = trimesh.creation.box((1, 0.2, 0.2))
    scene.add_geometry(box, transform=move([5, 0, 0]) @ turn)
    scene.add_geometry(box, transform=move([-5, 0, 0]) @ np.diag([-2.0, 1, 1, 1]))
    path = written(scene.export(file_type="glb"), "scene.glb")
    shape = load_shape(path)
    np.testing.assert_allclose([shape.lower, shape.upper], [[-6, -0.5, -0.1], [5.1, 0.5, 0.1]], atol=1e-6)
    asked = np.array([[5, 0.4, 0], [5.4, 0, 0], [-5.9, 0, 0], [-5, 0.4, 0]])
    assert shape.inside(asked).tolist() == [True, False, True, False]
    assert shape.notes == ["2 bodies"]


def test_gltf_with_its_data_inside_is_read(written: Callable[..., Path]) -> None:
    parts = trimesh.Scene(BALL).export(file_type="gltf")
    tree = json.loads(parts["model.gltf"])
    for buffer in tree["buffers"]:
        data = base64.b64encode(parts[buffer["uri"]]).decode()
        buffer["uri"] = f"data:application/octet-stream;base64,{data}"
    shape = load_shape(written(json.dumps(tree), "ball.gltf"))
    assert volume(shape) == pytest.approx(BALL.volume, rel=1e-6)


def test_a_million_units_away_the_shape_keeps_its_size(tmp_path: Path) -> None:
    body = BALL.copy()
    body.apply_scale(0.01)
    body.apply_translation([1e6, -2e6, 3e6])
    shape = load_shape(exported(tmp_path, "far.obj", body, digits=12))
    centre = np.array([1e6, -2e6, 3e6])
    np.testing.assert_allclose(shape.upper - shape.lower, 0.02, rtol=1e-4)
    inner = 0.01 * BALL.vertices * 0.9 + centre
    assert shape.inside(inner).all()
    assert not shape.inside(0.01 * BALL.vertices * 1.1 + centre).any()


@pytest.mark.parametrize("separator", [" ", ",", "\t", ", "])
@pytest.mark.parametrize("columns", [3, 6])
def test_columns_of_numbers_are_a_cloud(separator: str, columns: int, written: Callable[..., Path]) -> None:
    table = np.concatenate([BALL.vertices, BALL.vertex_normals], 1)[:, :columns]
    lines = ["# x y z", *(separator.join(map(repr, row.tolist())) + " # a point" for row in table), ""]
    shape = load_shape(written("\n".join(lines), "ball.xyz"))
    assert isinstance(shape, CloudShape)
    np.testing.assert_array_equal(shape.points, BALL.vertices)
    assert shape.signed == (columns == 6)


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
@pytest.mark.parametrize("oriented", [True, False])
def test_ply_without_faces_is_a_cloud(encoding: str, oriented: bool, written: Callable[..., Path]) -> None:
    names = ("x", "y", "z", "nx", "ny", "nz")[: 6 if oriented else 3]
    table = np.concatenate([BALL.vertices, BALL.vertex_normals], 1)[:, : len(names)]
    kind = "ascii" if encoding == "ascii" else "binary_little_endian"
    properties = "".join(f"property double {name}\n" for name in names)
    header = f"ply\nformat {kind} 1.0\nelement vertex {len(table)}\n{properties}end_header\n".encode()
    text = "\n".join(" ".join(map(repr, row.tolist())) for row in table).encode()
    shape = load_shape(written(header + (text if encoding == "ascii" else table.tobytes()), "ball.ply"))
    assert isinstance(shape, CloudShape)
    np.testing.assert_array_equal(shape.points, BALL.vertices)
    assert shape.signed == oriented
    assert shape.notes == ["no faces: taken as a point cloud"]


def test_arrays_of_points_are_clouds(tmp_path: Path) -> None:
    points, normals = BALL.vertices.astype(np.float32), BALL.vertex_normals
    np.save(tmp_path / "a.npy", np.concatenate([points, normals], 1))
    np.savez(tmp_path / "b.npz", points=points, normals=normals, extra=np.zeros(3))
    np.savez_compressed(tmp_path / "c.npz", weights=np.zeros(5), anything=points)
    for name, signed in (("a.npy", True), ("b.npz", True), ("c.npz", False)):
        shape = load_shape(tmp_path / name)
        assert isinstance(shape, CloudShape)
        np.testing.assert_array_equal(shape.points, points)
        assert shape.signed == signed


def test_arrays_of_three_axes_are_volumes(tmp_path: Path) -> None:
    at = np.stack(np.meshgrid(*[np.linspace(-1, 1, 11)] * 3, indexing="ij"), -1)
    distances = np.linalg.norm(at, axis=3) - 0.5
    np.save(tmp_path / "a.npy", np.asfortranarray(distances < 0))
    np.savez(tmp_path / "b.npz", values=distances, spacing=0.2, origin=[-1, -1, -1])
    np.savez(tmp_path / "c.npz", phi=distances, spacing=0.2, origin=[-1, -1, -1])
    flags, exact, other = (load_shape(tmp_path / name) for name in ("a.npy", "b.npz", "c.npz"))
    assert isinstance(flags, VolumeShape)
    assert flags.inside(np.array([[5, 5, 5], [5, 5, 8.0]])).tolist() == [True, False]
    for shape in (exact, other):  # whatever the array is called
        assert shape.distance(np.array([[0, 0, 0.8]]))[0] == pytest.approx(0.3)
