"""Reports of meshes against solids whose numbers are known."""

from dataclasses import replace

import numpy as np
import pytest

from pinnscene.mesh import Mesh, report

CUBE = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def cube(at: float = 0.0) -> Mesh:
    faces = [t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))]
    return Mesh(CUBE + at, np.array(faces))


def ring(n: int = 24, m: int = 16, big: float = 2.0, small: float = 0.5) -> Mesh:
    """A torus of n times m quadrangles."""
    i, j = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(m), indexing="ij"))
    a, b = 2 * np.pi * i / n, 2 * np.pi * j / m
    out = big + small * np.cos(b)
    at = lambda k, l: (k % n) * m + l % m
    quads = np.stack([at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)], 1)
    return Mesh(
        np.stack([out * np.cos(a), out * np.sin(a), small * np.sin(b)], 1),
        np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]),
    )


def both(first: Mesh, second: Mesh) -> Mesh:
    faces = np.concatenate([first.faces, second.faces + len(first.vertices)])
    return Mesh(np.concatenate([first.vertices, second.vertices]), faces)


@pytest.mark.parametrize("at", [0.0, 1e6, -3e8])
def test_cube(at: float) -> None:
    found = report(cube(at))
    assert (found.vertices, found.faces, found.watertight, found.bodies, found.genus) == (8, 12, True, 1, 0)
    assert found.volume == pytest.approx(1, rel=1e-7) and found.area == pytest.approx(6, rel=1e-7)


def test_torus_has_a_handle() -> None:
    """Volume and area against Pappus, of the polygon of 16 sides that runs round in 24 steps."""
    found = report(ring())
    assert found.watertight and found.genus == 1 and found.bodies == 1
    assert found.volume == pytest.approx(2 * np.pi**2 * 2 * 0.25, rel=0.05)
    assert found.area == pytest.approx(4 * np.pi**2 * 2 * 0.5, rel=0.02)


def test_bodies_are_counted_and_handles_summed() -> None:
    found = report(both(both(ring(), ring(9, 5)), cube(9.0)))
    assert (found.bodies, found.genus, found.watertight) == (3, 2, True)
    hollow = both(cube(), Mesh(cube().vertices * 0.5 + 0.25, cube().faces[:, ::-1]))
    assert report(hollow).bodies == 2 and report(hollow).volume == pytest.approx(1 - 0.125)


def test_what_is_open_or_turned_is_not_watertight() -> None:
    whole = cube()
    hole = replace(whole, faces=whole.faces[1:])
    turned = replace(whole, faces=np.concatenate([whole.faces[:1, ::-1], whole.faces[1:]]))
    doubled = replace(whole, faces=np.concatenate([whole.faces, whole.faces]))
    for mesh in (hole, turned, doubled):
        found = report(mesh)
        assert not found.watertight and found.genus is None and np.isnan(found.volume)
        assert "open" in found.line()


def test_vertices_of_no_face_are_no_body() -> None:
    mesh = cube()
    loose = Mesh(np.concatenate([[[9.0, 9, 9]], mesh.vertices]), mesh.faces + 1)
    assert report(loose).bodies == 1 and report(loose).genus == 0


def test_no_faces() -> None:
    found = report(Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)))
    assert not found.watertight and found.bodies == 0 and found.area == 0
