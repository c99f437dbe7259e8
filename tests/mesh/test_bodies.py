"""Bodies of meshes: those that are kept, and what is left of vertices, normals and colours."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from pinnscene import Box
from pinnscene.exporting import ExportRequest, export_surface
from pinnscene.mesh import Mesh, report
from pinnscene.mesh.bodies import bodies, largest
from pinnscene.views import FunctionField

SIZES = (1.0, 3.0, 2.0)
BOX = Box(x=(-2, 2), y=(-1, 1), z=(-1, 1))


def spheres(*radii: float) -> Mesh:
    """Spheres beside one another."""
    made = [trimesh.creation.icosphere(1, radius) for radius in radii]
    vertices = [body.vertices + np.array([10.0 * k, 0, 0]) for k, body in enumerate(made)]
    faces = [body.faces + 42 * k for k, body in enumerate(made)]
    return Mesh(np.concatenate(vertices), np.concatenate(faces))


@pytest.mark.parametrize(("n", "kept"), [(1, {1}), (2, {1, 2}), (3, {0, 1, 2}), (9, {0, 1, 2})])
def test_the_largest_are_kept(n: int, kept: set[int]) -> None:
    whole = spheres(*SIZES)
    colours = np.repeat(np.arange(3, dtype=np.uint8), 42)[:, None].repeat(3, 1)
    found, dropped = largest(Mesh(whole.vertices, whole.faces, whole.vertices, colours), n)
    assert dropped == 3 - len(kept) and report(found).bodies == len(kept) and report(found).watertight
    assert found.colours is not None and set(found.colours[:, 0].tolist()) == kept
    np.testing.assert_array_equal(found.normals, found.vertices)
    assert len(np.unique(bodies(found))) == len(kept)


def test_no_faces_have_no_bodies() -> None:
    empty = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    assert largest(empty, 1) == (empty, 0)


def test_an_export_keeps_as_many_as_asked_for(tmp_path: Path) -> None:
    """A ball with a hollow, and a crumb beside it: the hollow is a body of its own."""
    middles = torch.tensor([[-0.8, 0, 0], [1.2, 0, 0]], dtype=torch.float64)

    def distance(p: torch.Tensor) -> torch.Tensor:
        big, small = ((p - m).norm(dim=1, keepdim=True) for m in middles)
        return torch.minimum(torch.maximum(big - 0.7, 0.3 - big), small - 0.2)

    u = FunctionField(lambda p: distance(p.coords), ("x", "y", "z"))
    for bodies_kept, volume in ((None, 0.7**3 - 0.3**3 + 0.2**3), (2, 0.7**3 - 0.3**3), (1, 0.7**3)):
        made = export_surface(u, BOX, ExportRequest(tmp_path / "a.ply", 64, bodies=bodies_kept))
        assert made.report["bodies"] == (bodies_kept or 3)
        assert made.report["volume"] == pytest.approx(4 / 3 * np.pi * volume, rel=0.01)
        assert any("left out" in note for note in made.notes) == (bodies_kept is not None)
