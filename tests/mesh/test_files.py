"""Mesh files, read back by trimesh."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from pinnscene import Box
from pinnscene.errors import PinnsceneError
from pinnscene.mesh import Mesh, extract, report, write_mesh
from pinnscene.views import FunctionField


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    """An ellipsoid with normals that are not its faces', and colours."""
    u = FunctionField(lambda p: p.coords.norm(dim=1, keepdim=True) - 0.7, ("x", "y", "z"))
    made = extract(u, Box(x=(-1, 1), y=(-1, 1), z=(-1, 1)), 9)
    rng = np.random.default_rng(0)
    normals = rng.normal(size=made.vertices.shape)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colours = rng.integers(0, 256, made.vertices.shape).astype(np.uint8)
    return Mesh(made.vertices * [1, 2, 0.5], made.faces, normals, colours)


def read(path: Path) -> trimesh.Trimesh:
    """A mesh as it stands in its file, in the scene's place."""
    scene = trimesh.load_scene(path, process=False)
    return scene.to_mesh()


@pytest.mark.parametrize(("ending", "near"), [("ply", 0.0), ("obj", 1e-11), ("glb", 1e-7)])
@pytest.mark.parametrize("at", [0.0, 1e6])
def test_round_trips(mesh: Mesh, tmp_path: Path, ending: str, near: float, at: float) -> None:
    mesh = replace(mesh, vertices=mesh.vertices + at)
    back = read(write_mesh(mesh, tmp_path / f"a.{ending}"))
    assert back.vertices.shape == mesh.vertices.shape
    assert np.abs(back.vertices - mesh.vertices).max() <= near + 1e-11 * at * (ending == "obj")
    assert (back.faces == mesh.faces).all()
    assert (np.asarray(back.visual.vertex_colors)[:, :3] == mesh.colours).all()


@pytest.mark.parametrize("ending", ["ply", "obj", "glb"])
def test_normals_are_the_vertices_own(mesh: Mesh, tmp_path: Path, ending: str) -> None:
    """They are random: a reader that makes its own from the faces cannot agree by chance."""
    path = write_mesh(mesh, tmp_path / f"a.{ending}")
    (body,) = trimesh.load_scene(path, process=False).geometry.values()
    np.testing.assert_allclose(body.vertex_normals, mesh.normals, atol=1e-5)


def test_stl_holds_the_same_triangles(mesh: Mesh, tmp_path: Path) -> None:
    back = read(write_mesh(mesh, tmp_path / "a.stl"))
    np.testing.assert_allclose(back.triangles, mesh.corners(), atol=1e-6)
    np.testing.assert_allclose(trimesh.load_mesh(tmp_path / "a.stl").volume, report(mesh).volume, rtol=1e-5)
    assert trimesh.load_mesh(tmp_path / "a.stl").is_watertight


@pytest.mark.parametrize("ending", ["ply", "obj", "stl", "glb"])
def test_bare_meshes(mesh: Mesh, tmp_path: Path, ending: str) -> None:
    bare = Mesh(mesh.vertices, mesh.faces)
    back = trimesh.load_mesh(write_mesh(bare, tmp_path / "deep" / f"a.{ending.upper()}"))
    assert back.is_watertight and back.volume == pytest.approx(report(bare).volume, rel=1e-5)


def test_another_ending(mesh: Mesh, tmp_path: Path) -> None:
    with pytest.raises(PinnsceneError, match="unknown mesh format 'plx'; did you mean ply"):
        write_mesh(mesh, tmp_path / "a.plx")


def test_nothing_half_written(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "b.ply").mkdir()
    with pytest.raises(PinnsceneError, match="cannot write"):
        write_mesh(mesh, tmp_path / "b.ply")
    broken = replace(mesh, colours=np.zeros((3, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match="broadcast"):
        write_mesh(broken, tmp_path / "a.ply")
    assert [p.name for p in tmp_path.iterdir()] == ["b.ply"]
