"""Files that are no shapes are told in one line before they cost anything."""

import json
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pinnscene.errors import PinnsceneError
from pinnscene.problems.eikonal_sdf import EikonalSdf
from pinnscene.scenes import shapechecks
from pinnscene.scenes.shapes import ARRAYS, COLUMNS, MESHES, load_shape

BALL = trimesh.creation.icosphere(2)
FORMATS = ["obj", "ply", "stl", "off", "glb"]


def ply_header(vertices: int, faces: int = 0, kind: str = "binary_little_endian") -> bytes:
    lines = [
        f"ply\nformat {kind} 1.0\nelement vertex {vertices}",
        *(f"property float {axis}" for axis in "xyz"),
        f"element face {faces}\nproperty list uchar int vertex_indices\nend_header\n",
    ]
    return "\n".join(lines).encode()


def glb_of(**changes: object) -> bytes:
    """A ball's GLB with parts of its JSON replaced."""
    raw = trimesh.Scene(BALL).export(file_type="glb")
    length = struct.unpack("<I", raw[12:16])[0]
    text = json.dumps(json.loads(raw[20 : 20 + length]) | changes).encode()
    text += b" " * (-len(text) % 4)
    rest = raw[20 + length :]
    return struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text) + len(rest), len(text), b"JSON") + text + rest


def npy_of(array: np.ndarray, **options: bool) -> bytes:
    file = BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npy_bomb() -> bytes:
    return npy_of(np.zeros((2, 3))).replace(b"(2, 3), }" + b" " * 20, b"(10000000000000, 3), }" + b" " * 7)


def text_of(points: np.ndarray) -> str:
    return "\n".join(" ".join(map(repr, row)) for row in points.tolist())


def obj_of(points: np.ndarray, faces: str = "f 1 2 3\nf 2 3 4") -> str:
    return "\n".join("v " + " ".join(map(repr, row)) for row in points.tolist()) + "\n" + faces


SQUARE = np.array([[0, 0, 0], [1, 0, 0.5], [0, 1, 0.25], [1, 1, 0.75]])  # in one plane, slanted
ACCESSOR = {"bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 10**12}
STL = BALL.export(file_type="stl")
BAD: dict[str, tuple[str, bytes | str, str]] = {
    **{f"empty{end}": (f"a{end}", b"", "is empty") for end in (*MESHES, *COLUMNS, *ARRAYS)},
    "unknown ending": ("a.fbx", b"x", "expected .obj, .ply"),
    "no ending": ("a", b"x", "expected .obj, .ply"),
    "not a ply": ("a.ply", b"hello\n", "no PLY"),
    "not an off": ("a.off", b"hello\n", "no OFF"),
    "not an stl": ("a.stl", b"hello\n", "no STL"),
    "not a glb": ("a.glb", b"hello\n", "no GLB"),
    "not a gltf": ("a.gltf", b"hello\n", "cannot read"),
    "not an npy": ("a.npy", b"hello, this is text\n", "cannot read"),
    "not an npz": ("a.npz", b"hello, this is text\n", "cannot read"),
    "no faces, no points": ("a.obj", b"# nothing\n", "no vertices|cannot read"),
    "comments only": ("a.xyz", b"# nothing\n\n", "no points"),
    "off without faces or points": ("a.off", b"OFF\n0 0 0\n", "no vertices|cannot read"),
    "stl without faces": ("a.stl", bytes(84), "no vertices|cannot read"),
    "nan in a mesh": ("a.obj", obj_of(np.where(SQUARE == 0.25, np.nan, SQUARE)), "NaN|cannot read"),
    "nan in a binary mesh": ("a.stl", STL[:100] + struct.pack("<f", np.nan) + STL[104:], "NaN"),
    "infinity in a cloud": ("a.xyz", b"0 0 0\n1 inf 0\n0 1 0\n0 0 1\n", "point number 2 is NaN or infinite"),
    "nan in a normal": ("a.xyz", b"0 0 0 0 0 1\n1 1 0 0 nan 1\n", "normal number 2 is NaN"),
    "nan in a volume": ("a.npy", npy_of(np.where(np.eye(3)[None].repeat(3, 0) > 0, np.nan, 1)), "NaN"),
    "one point": ("a.xyz", b"1 2 3\n", "has 1 point:"),
    "equal points": ("a.xyz", b"1 2 3\n1 2 3\n1 2 3\n1 2 3\n", "all 4 points are equal"),
    "equal vertices": ("a.obj", obj_of(np.ones((4, 3))), "no faces with an area"),
    "points on a line": ("a.xyz", text_of(np.arange(9)[:, None] * np.array([[0.1, 0.2, 0.7]])), "one line"),
    "points in a plane": ("a.xyz", text_of(SQUARE), "one plane"),
    "points in a plane far away": ("a.xyz", text_of(SQUARE + 1e6), "one plane"),
    "a flat mesh": ("a.obj", obj_of(SQUARE), "one plane"),
    "index too large": ("a.obj", obj_of(SQUARE, "f 1 2 9"), "not there"),
    "index zero": ("a.obj", obj_of(SQUARE, "f 1 2 0"), "vertex 0"),
    "index too large in off": ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", "cannot read|not there"),
    "index too large in ply": (
        "a.ply", ply_header(3, 1) + np.eye(3, dtype="<f4").tobytes() + struct.pack("<Biii", 3, 0, 1, 7), "not there",
    ),
    "negative index in ply": (
        "a.ply", ply_header(3, 1) + np.eye(3, dtype="<f4").tobytes() + struct.pack("<Biii", 3, 0, 1, -1), "not there",
    ),
    "ply bomb": ("a.ply", ply_header(10**12), "promises 1000000000000 of vertex"),
    "ply bomb in text": ("a.ply", ply_header(8, 10**12, "ascii"), "promises"),
    "ply cut off": ("a.ply", BALL.export(file_type="ply")[:-50], "cut off"),
    "ply without an end": ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 3\n", "end_header"),
    "ply without x": ("a.ply", ply_header(0).replace(b"float x", b"float q"), "x, y and z"),
    "ply header with text": ("a.ply", ply_header(0).replace(b"vertex 0", b"vertex many"), "no PLY"),
    "off bomb": ("a.off", b"OFF\n1000000000000 5 0\n0 0 0\n", "promises 1000000000000 vertices"),
    "off without numbers": ("a.off", b"OFF\nmany 5 0\n", "numbers of vertices and faces"),
    "stl of another length": ("a.stl", STL[:-7], "promises 320 faces"),
    "stl bomb": ("a.stl", bytes(80) + b"\xff" * 4 + bytes(100), "promises 4294967295 faces"),
    "text stl cut off": ("a.stl", BALL.export(file_type="stl_ascii")[:-400], "cut off"),
    "outside buffer": ("a.glb", glb_of(buffers=[{"byteLength": 9, "uri": "../secret.bin"}]), "'../secret.bin'"),
    "outside image": ("a.glb", glb_of(images=[{"uri": "http://x.org/a.png"}]), "'http://x.org/a.png'"),
    "outside gltf": ("a.gltf", trimesh.Scene(BALL).export(file_type="gltf")["model.gltf"], "refers to the file"),
    "glb bomb": ("a.glb", glb_of(accessors=[ACCESSOR]), "promises 12000000000000 bytes"),
    "glb of zeros": ("a.glb", glb_of(accessors=[{k: v for k, v in ACCESSOR.items() if k != "bufferView"}]), "compr"),
    "glb in a circle": ("a.glb", glb_of(nodes=[{"children": [1]}, {"children": [0], "mesh": 0}]), "two parents"),
    "glb cut off": ("a.glb", glb_of()[:-100], "cut off"),
    "glb of a list": ("a.glb", struct.pack("<4sIII4s", b"glTF", 2, 22, 2, b"JSON") + b"[]", "JSON of another kind"),
    "text in a cloud": ("a.xyz", b"0 0 0\n1 one 1\n", "cannot read.*one"),
    "text in a mesh": ("a.off", b"OFF\n3 1 0\n0 0 0\n1 zero 0\n0 1 0\n3 0 1 2\n", "cannot read"),
    "text in a ply": ("a.ply", ply_header(3, 1, "ascii") + b"0 0 0\n1 zero 0\n0 1 0\n3 0 1 2\n", "cannot read"),
    "text in an obj": ("a.obj", "v 0 0 0\nv 1 zero 0\nv 0 1 0\nf 1 2 3", "cannot read|no "),
    "four columns": ("a.txt", b"1 2 3 4\n5 6 7 8\n", r"got shape \[2, 4\]"),
    "uneven columns": ("a.txt", b"1 2 3\n4 5\n", "cannot read"),
    "bytes in text": ("a.xyz", b"\xff\xfe\x00\x01", "cannot read"),
    "pickled": ("a.npy", npy_of(np.array([{}, 1], object), allow_pickle=True), "pickled"),
    "words": ("a.npy", npy_of(np.array([["a", "b", "c"]])), "real numbers"),
    "complex": ("a.npy", npy_of(np.ones((4, 3)) * 1j), "real numbers"),
    "an array of one axis": ("a.npy", npy_of(np.ones(7)), r"got shape \[7\]"),
    "an array of five columns": ("a.npy", npy_of(np.ones((7, 5))), r"got shape \[7, 5\]"),
    "no rows": ("a.npy", npy_of(np.ones((0, 3))), "empty array"),
    "npy bomb": ("a.npy", npy_bomb(), "promises"),
    "npy cut off": ("a.npy", npy_of(np.ones((50, 3)))[:-9], "cannot read|promises"),
    "all outside": ("a.npy", npy_of(np.zeros((4, 4, 4))), "all voxels are 0"),
    "one sign": ("a.npy", npy_of(np.arange(64.0).reshape(4, 4, 4)), "both signs"),
    "a thin volume": ("a.npy", npy_of(np.ones((1, 4, 4))), "at least 2 voxels"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_told_in_one_line(case: str, written: Callable[..., Path]) -> None:
    name, content, expected = BAD[case]
    path = written(content, name)
    with pytest.raises(PinnsceneError, match=expected) as caught:
        load_shape(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("make", "expected"), [(lambda p: None, "there is no shape"), (Path.mkdir, "the folder")])
def test_a_missing_file_and_a_folder_are_told(tmp_path: Path, make: Callable[[Path], None], expected: str) -> None:
    make(tmp_path / "a.ply")
    with pytest.raises(PinnsceneError, match=expected):
        load_shape(tmp_path / "a.ply")


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e30, 1e200, 1e307])
@pytest.mark.parametrize("ending", ["xyz", "obj"])
def test_a_size_that_numbers_cannot_hold_is_told(size: float, ending: str, written: Callable[..., Path]) -> None:
    points = size * np.asarray(BALL.vertices)
    content = text_of(points) if ending == "xyz" else obj_of(points)
    with pytest.raises(PinnsceneError, match=r"units large: expected 1e-18 to 1e\+18, take another unit"):
        load_shape(written(content, f"a.{ending}"))


@pytest.mark.parametrize("values", [{"spacing": -1.0}, {"spacing": [1.0, 2.0]}, {"origin": [np.nan] * 3}])
def test_a_volume_with_a_bad_place_is_told(tmp_path: Path, values: dict[str, float]) -> None:
    cube = np.pad(np.ones((2, 2, 2)), 1)
    np.savez(tmp_path / "a.npz", values=cube, **values)
    with pytest.raises(PinnsceneError, match=next(iter(values))):
        load_shape(tmp_path / "a.npz")


def test_other_archives_are_told_with_what_is_in_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", weights=np.ones((4, 4)))
    with pytest.raises(PinnsceneError, match=r"got weights \[4, 4\]"):
        load_shape(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", points=np.eye(3), normals=np.eye(4))
    with pytest.raises(PinnsceneError, match=r"\[3, 3\] and \[4, 4\]"):
        load_shape(tmp_path / "b.npz")


def test_memory_is_stated_before_it_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten million faces by the file's size alone: none of it is read."""
    path = tmp_path / "large.stl"
    with path.open("wb") as file:
        file.write(bytes(80) + struct.pack("<I", 10_000_000))
        file.truncate(84 + 50 * 10_000_000)  # sparse: it takes no room on the disk
    monkeypatch.setattr(shapechecks, "free_memory", lambda: 2 << 30)
    heard: list[str] = []
    with pytest.raises(PinnsceneError, match=r"10 million faces: that takes about \d+.\d GiB .* 2.0 GiB are free"):
        load_shape(path, heard.append)
    assert heard == []
    shapechecks.afford(path, "much", 3 << 29, heard.append)
    assert heard == [f"{path} holds much: reading it takes about 1.5 GiB of memory"]


@pytest.mark.parametrize("ending", ["ply", "npy", "npz", "xyz"])
def test_readers_do_not_mute_the_memory_stated(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a problem tells it, by a warning."""
    path = tmp_path / f"a.{ending}"
    save = {
        "ply": BALL.export,
        "npy": lambda to: np.save(to, BALL.vertices),
        "npz": lambda to: np.savez(to, points=BALL.vertices),
        "xyz": lambda to: np.savetxt(to, BALL.vertices),
    }
    save[ending](path)
    monkeypatch.setattr(shapechecks, "GIB", 1000)
    with pytest.warns(UserWarning, match=r"reading it takes about .* GiB of memory"):
        _ = EikonalSdf(data=path)


STARTS: dict[str, list[bytes]] = {
    ".obj": [b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf "], ".ply": [ply_header(3, 1), ply_header(3, 1, "ascii")],
    ".stl": [b"solid a\nfacet ", STL[:84]], ".off": [b"OFF\n", b"OFF\n4 4 0\n"],
    ".gltf": [b'{"asset":{"version":"2.0"},'],
    ".glb": [glb_of()[:600], struct.pack("<4sIII4s", b"glTF", 2, 60, 20, b"JSON")],
    ".xyz": [b"1 2 3\n"], ".txt": [b"1,2,3\n"], ".csv": [b"x,y,z\n"],
    ".npy": [npy_of(np.ones((4, 3)))[:60], npy_of(np.ones((4, 3)))[:128]], ".npz": [b"PK\x03\x04"],
}  # fmt: skip


@pytest.mark.parametrize("ending", STARTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_bytes_never_give_anything_but_a_clear_line(tmp_path: Path, ending: str, data: st.DataObject) -> None:
    numbers = st.lists(st.sampled_from(["0", "1", "2", "-1", "1e999", "nan", "x", "3", "\n"])).map(" ".join)
    start = data.draw(st.sampled_from([b"", *STARTS[ending]]))
    path = tmp_path / f"a{ending}"
    path.write_bytes(start + data.draw(st.binary(max_size=200) | numbers.map(str.encode)))
    try:
        shape = load_shape(path)
    except PinnsceneError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(shape.surface(5, torch.Generator().manual_seed(0))[0]).all()


@pytest.mark.parametrize("ending", [*FORMATS, "npy", "npz"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1), put=st.binary(min_size=1, max_size=6))
def test_a_damaged_file_gives_a_shape_or_a_clear_line(
    tmp_path: Path, ending: str, at: float, put: bytes, written: Callable[..., Path]
) -> None:
    body = trimesh.creation.box()
    if ending.startswith("np"):
        np.savez(tmp_path / "a.npz", points=body.vertices) if ending == "npz" else np.save(
            tmp_path / "a.npy", body.vertices
        )
    else:
        body.export(tmp_path / f"a.{ending}")
    whole = (tmp_path / f"a.{ending}").read_bytes()
    place = int(at * (len(whole) - 1))
    path = written(whole[:place] + put + whole[place + len(put) :], f"a.{ending}")
    try:
        shape = load_shape(path)
    except PinnsceneError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite([shape.lower, shape.upper]).all()
