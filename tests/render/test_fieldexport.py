"""Fields on regions as files, read back by the libraries that others read them with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest
import torch
import trimesh

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.exporting import ExportRequest
from pinnscene.fieldexport import formats_of
from pinnscene.geometry import Ball, OverTime, disc
from pinnscene.problem import Problem
from pinnscene.views import FunctionField

RING = disc(0, 0, 1) - disc(0.2, 0, 0.5)
BALL = Ball((1, 0, 0), 1)


@dataclass(frozen=True)
class Sum(Problem):
    """u = x + 2 y + t, and a second output 3 x, which has no reference."""

    domain: Any = RING
    values = ("u", "v w")

    def constraints(self):
        return {}

    def compared(self) -> tuple[str, ...]:
        return ("u",)

    def reference(self, p: Points) -> torch.Tensor:
        return p["x"] + 2 * p["y"] + (p["t"] if "t" in p.axes else 0)


def export(domain: Any, path: Path, **given: Any) -> list[Path]:
    problem = Sum(domain)
    u = FunctionField(lambda p: torch.cat([problem.reference(p) + 0.25, 3 * p["x"]], 1), domain.axes, problem.values)
    return problem.export(u, ExportRequest(path, **{"resolution": 12, **given})).files


@pytest.mark.parametrize(
    ("domain", "kind"), [(RING, "triangle"), (BALL, "tetra"), (Box(x=(0, 1), y=(0, 1)), "triangle")]
)
def test_vtu_has_values_at_points_and_in_cells(tmp_path: Path, domain: Any, kind: str) -> None:
    (path,) = export(domain, tmp_path / "a.vtu")
    back = meshio.read(path)
    (block,) = back.cells
    assert block.type == kind
    middles = back.points[block.data].mean(1)
    for x, data in ((back.points, back.point_data), (middles, {n: v[0] for n, v in back.cell_data.items()})):
        np.testing.assert_allclose(data["u"], x[:, 0] + 2 * x[:, 1] + 0.25, atol=1e-12)
        np.testing.assert_allclose(data["v w"], 3 * x[:, 0], atol=1e-12)
        np.testing.assert_allclose(data["error u"], 0.25, atol=1e-12)
    assert set(back.point_data) == {"u", "v w", "reference u", "error u"}


def test_vtu_over_time_has_each_time_by_name(tmp_path: Path) -> None:
    (path,) = export(OverTime(RING, 0, 5), tmp_path / "a.vtu")
    back = meshio.read(path)
    x = back.points
    np.testing.assert_allclose(back.point_data["u, t = 2.5"], x[:, 0] + 2 * x[:, 1] + 2.75, atol=1e-12)
    assert sum(name.startswith("u,") for name in back.point_data) == 11


@pytest.mark.parametrize("domain", [RING, BALL, OverTime(RING, 0, 5)])
def test_surfaces_carry_values_and_colours(tmp_path: Path, domain: Any) -> None:
    """The last time counts: u = x + 2 y + 5."""
    t = 5 if "t" in domain.axes else 0
    (body,) = trimesh.load_scene(export(domain, tmp_path / "a.glb")[0], process=False).geometry.values()
    scene = trimesh.load_scene(tmp_path / "a.glb", process=False).to_mesh()
    x = scene.vertices
    np.testing.assert_allclose(body.vertex_attributes["_u"].ravel(), x[:, 0] + 2 * x[:, 1] + 0.25 + t, atol=1e-5)
    np.testing.assert_allclose(body.vertex_attributes["_v_w"].ravel(), 3 * x[:, 0], atol=1e-5)
    order = np.argsort(x[:, 0] + 2 * x[:, 1])
    colours = np.asarray(scene.visual.vertex_colors)
    assert colours[order[0], :3].tolist() == [68, 1, 84] and colours[order[-1], :3].tolist() == [253, 231, 37]
    ply = meshio.read(export(domain, tmp_path / "a.ply")[0])
    np.testing.assert_allclose(ply.point_data["u"], ply.points[:, 0] + 2 * ply.points[:, 1] + 0.25 + t, atol=1e-12)


def test_a_lattice_is_nan_outside(tmp_path: Path) -> None:
    (path,) = export(RING, tmp_path / "a.npz", resolution=32)
    with np.load(path) as data:
        x, y = np.meshgrid(data["x"], data["y"], indexing="ij")
        inside = (x**2 + y**2 < 1) & ((x - 0.2) ** 2 + y**2 > 0.25)
        np.testing.assert_array_equal(np.isfinite(data["values"][..., 0]), inside)


@pytest.mark.parametrize(
    ("domain", "ending", "given", "said"),
    [
        (RING, "ply", {"bodies": 1}, "bodies"),
        (BALL, "vtu", {"bodies": 1}, "bodies"),
        (BALL, "ply", {"level": 1.0}, "level"),
    ],
)
def test_what_does_not_apply(tmp_path: Path, domain: Any, ending: str, given: dict, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        export(domain, tmp_path / f"a.{ending}", **given)
    assert not list(tmp_path.iterdir())


def test_formats_follow_the_axes_of_space() -> None:
    assert formats_of(OverTime(BALL, 0, 1)) == ("npz", "vtu", "ply", "glb")
    assert formats_of(Box(x=(0, 1), t=(0, 1))) == ("npz",)
