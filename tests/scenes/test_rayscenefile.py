"""Scene files: what they may say, what they are told when it is wrong, and that they stay in their folder."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pinnscene.errors import PinnsceneError
from pinnscene.scenes import rayscenefile
from pinnscene.scenes.rayitems import SolidItem
from pinnscene.scenes.raymesh import MeshItem, load_painted
from pinnscene.scenes.rayscenefile import load_scene, make_scene
from pinnscene.scenes.rayscenes import SCENES, find_scene
from pinnscene.scenes.solids import Difference, Torus

GOOD = """
title = "two things"

[sky]
zenith = "#8080ff"
shown = true

[ground]
height = -1
colour = "lightgrey"

[[lights]]
position = [1, 2, 3]
strength = 2

[[objects]]
shape = "torus"
params = { ring = 0.6, tube = 0.2 }
position = [0, 0, 0.5]
rotation = [90, 0, 0]
scale = 2
colour = [1, 0.5, 0]
pattern = "checker"

[[objects]]
shape = "box"
remove = [{ shape = "ball", position = [1, 1, 1] }]
"""


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    text = (rayscenefile.__doc__ or "").split("\n\n", 1)[1].rsplit("\n\n", 1)[0]
    trimesh.creation.box().export(tmp_path / "teapot.glb")
    (tmp_path / "scene.toml").write_text("\n".join(line[4:] for line in text.splitlines()), encoding="utf-8")
    scene = load_scene(tmp_path / "scene.toml")
    assert len(scene.items) == 2 and scene.ground is not None and scene.sky.shown
    mesh = scene.items[1]
    assert isinstance(mesh, MeshItem) and np.ptp(mesh.mesh.vertices, axis=0) == pytest.approx([1.2] * 3)


def test_what_a_file_says_is_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a scéne.toml"
    path.write_text(GOOD, encoding="utf-8")
    scene = load_scene(path)
    assert scene.name == "two things" and scene.ground is not None and scene.ground.height == -1
    ring, box = scene.items
    assert isinstance(ring, SolidItem) and isinstance(box, SolidItem) and isinstance(box.solid, Difference)
    assert ring.upper == pytest.approx((1.6, 0.4, 2.1)) and ring.lower == pytest.approx((-1.6, -0.4, -1.1))
    assert ring.material.colour == pytest.approx((1.0, 0.2140411, 0.0))  # sRGB 0.5 in linear light
    assert ring.material.pattern == "checker" and scene.lights[0].strength == 2
    assert Torus(0.6, 0.2) != ring.solid


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('shape = "torsu"', "objects.1: unknown shape 'torsu'; did you mean torus"),
        ('shape = "ball"\nrough = 1', "unknown key of objects.1 'rough'; did you mean roughness"),
        ('shape = "ball"\nparams = { radus = 1 }', "unknown param of ball 'radus'; did you mean radius"),
        ('shape = "ball"\nparams = { radius = -1 }', "Sphere radius expected a number > 0, got -1"),
        ('shape = "ball"\nparams = { radius = "big" }', "params.radius of ball expected a number"),
        ('shape = "ball"\nparams = { radius = [1, 2, 3] }', "radius expected a finite number"),
        ('shape = "figure"\nparams = { radius = 1 }', "expected no params"),
        ('shape = "ball"\nroughness = 2', "objects.1: roughness expected a number from 0 to 1, got 2"),
        ('shape = "ball"\nroughness = "low"', "objects.1.roughness: expected a valid number, got 'low'"),
        ('shape = "ball"\nroughness = nan', "objects.1.roughness: expected a finite number"),
        ('shape = "ball"\nscale = true', "objects.1.scale: expected a valid number, got True"),
        ('shape = "ball"\nscale = 0', "factor expected a number > 0"),
        ('shape = "ball"\nposition = [1, 2]', "objects.1.position"),
        ('shape = "ball"\ncolour = "#12"', "objects.1.colour: expected a colour"),
        ('shape = "ball"\ncolour = [2, 0, 0]', "objects.1.colour: expected a colour"),
        ('shape = "ball"\npattern = "chequer"', "unknown pattern 'chequer'; did you mean checker"),
        ('shape = "ball"\nmesh = "a.ply"', "expected a shape or a mesh, got both"),
        ("position = [0, 0, 0]", "expected a shape or a mesh"),
        ('shape = "ball"\nsize = 2', "texture and size belong to a mesh"),
        ('mesh = "none.ply"', "there is no file 'none.ply'"),
        ('mesh = "../secret.ply"', "lies outside the folder of the scene"),
        ('mesh = "/etc/passwd"', "lies outside the folder of the scene"),
        ('mesh = "a\\u0000b.ply"', "expected the name of a file"),
        ('shape = "ball"\n[[lights]]\nradius = 1', "lights.0: a light expected a position or a direction"),
        ('shape = "ball"\n[[lights]]\ndirection = [0, 0, 0]', "lights.0"),
        ('shape = "ball"\n[sky]\nstrength = -1', "sky strength expected"),
        ('shape = "ball"\n[camera]\nfov = 0', "camera: camera fov expected a number from 1 to 150"),
        ('shape = "ball"\n[camera]\nelevation = [50, 10]', "camera elevation"),
        ('shape = "ball"\n[camera]\ntarget = [1e9, 0, 0]', "cameras look at a place farther from the objects"),
        ('shape = "ball"\nposition = [1e4, 0, 0]', "objects are 1e+04 across, expected 0.1 to 1000"),
        ('shape = "ball"\n[camara]\nfov = 3', "unknown key of a scene 'camara'; did you mean camera"),
    ],
)
def test_mistakes_are_told_in_a_line_that_names_the_key(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "scene.toml"
    path.write_text(f'[[objects]]\nshape = "ball"\n[[objects]]\n{line}\n', encoding="utf-8")
    with pytest.raises(PinnsceneError) as caught:
        load_scene(path)
    assert told in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"a = [", "is no TOML"), (b"\xff\xfe", "is no TOML"), (b"", "has no objects"), (b"a=1\n" * 400_000, "more than")],
)
def test_files_that_are_no_scenes(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(PinnsceneError, match=told):
        find_scene(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(PinnsceneError, match="there is no scene file"):
        find_scene(tmp_path / "none.toml")


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    trimesh.creation.box().export(tmp_path / "secret.ply")
    (tmp_path / "scene").mkdir()
    (tmp_path / "scene" / "link.ply").symlink_to(tmp_path / "secret.ply")
    with pytest.raises(PinnsceneError, match="outside the folder"):
        make_scene({"objects": [{"mesh": "link.ply"}]}, "made", tmp_path / "scene")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["ball", "plain"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["shape", "x"]), inner, max_size=2),
    max_leaves=4,
)
KEYS = st.sampled_from(["shape", "params", "position", "rotation", "scale", "colour", "period", "remove", "mesh"])


@given(
    st.dictionaries(KEYS, VALUES, max_size=3),
    st.dictionaries(st.sampled_from(["objects", "sky", "lights", "ground", "camera", "title"]), VALUES, max_size=2),
)
def test_anything_else_is_a_scene_or_one_clear_line(thing: dict, more: dict) -> None:
    try:
        make_scene({"objects": [{"shape": "ball"} | thing]} | more, "made", Path("."))
    except PinnsceneError as told:
        assert "\n" not in str(told) and len(str(told)) < 400


@pytest.mark.parametrize("name", SCENES)
def test_built_in_scenes_are_such_files(name: str) -> None:
    assert find_scene(name).name == name


def test_a_mesh_keeps_its_colours_and_takes_a_texture(tmp_path: Path) -> None:
    box = trimesh.creation.box()
    box.visual = trimesh.visual.ColorVisuals(box, vertex_colors=np.tile([255, 0, 188, 255], (8, 1)).astype(np.uint8))
    box.export(tmp_path / "box.ply")
    painted = load_painted(tmp_path / "box.ply")
    assert painted.colours is not None and painted.colours[0] == pytest.approx([1, 0, 0.502886], abs=1e-5)
    (tmp_path / "square.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n"
    )
    Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [0, 0, 0]]], np.uint8)).save(tmp_path / "t.png")
    square = load_painted(tmp_path / "square.obj", tmp_path / "t.png")
    seen = square.colour(np.array([1]), np.array([[0.25, 0.25, 0.5]]))  # of corners (0, 0), (1, 1), (0, 1)
    assert seen is not None and seen[0] == pytest.approx([1, 0, 0])  # the middle of the upper left texel
    with pytest.raises(PinnsceneError, match="no texture coordinates"):
        load_painted(tmp_path / "box.ply", tmp_path / "t.png")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.ply", b"", "is empty"),
        ("a.txt", b"x", "expected a mesh"),
        ("a.obj", b"v 0 0 0\n", "no triangles|cannot read"),
    ],
)
def test_meshes_that_are_none(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PinnsceneError, match=told):
        load_painted(tmp_path / name)
