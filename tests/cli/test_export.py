"""``pinnscene export``: files that are right, and mistakes that leave nothing behind."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh

from pinnscene import Box, Points, exporting
from pinnscene.cli.opening import Opened
from pinnscene.errors import PinnsceneError
from pinnscene.exporting import ExportRequest, choose_format, export_lattice
from pinnscene.metrics import evaluate
from pinnscene.run import Run
from pinnscene.solve import reopen
from pinnscene.views import FunctionField

Call = Callable[..., int]
FAST = ["--set", "n=100", "--set", "field.width=20", "--set", "head.scale=3"]

PROBLEM = '''
from dataclasses import dataclass
import torch
from pinnscene import Box, Constraint, Problem

@dataclass(frozen=True)
class Mine(Problem):
    """A ball's distance, or nearly."""
    n: int = 400  # points
    radius: float = 0.6  # length
    values, domain = ("d",), Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
    def constraints(self):
        distance = lambda u, p: u(p) - p.coords.square().sum(1, keepdim=True) + self.radius**2
        return {"distance": Constraint(self.domain.interior(self.n), distance)}
    def formats(self):
        return ("ply", "obj", "stl", "glb", "npz")
    def export(self, u, request):
        from pinnscene.exporting import SURFACES, export_surface
        return export_surface(u, self.domain, request) if request.format in SURFACES else super().export(u, request)
'''


@pytest.fixture(scope="module")
def solved(call: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, ``heat`` and ``ball``, and the code of the latter."""
    here = tmp_path_factory.mktemp("solved")
    (here / "mine.py").write_text(PROBLEM)
    before = Path.cwd()
    os.chdir(here)
    try:
        assert call("solve", "heat", "--out", "heat", "-q", *FAST) == 0
        assert call("solve", "mine.py:Mine", "--out", "ball", "-q", "--set", "field.width=40") == 0
    finally:
        os.chdir(before)
    return here


def test_npz_holds_the_field_on_a_lattice(call: Call, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("export", "heat", "--resolution", "9", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == ["heat/exports/heat.npz"] and told["report"]["shape"] == [9, 9]
    with np.load(told["files"][0], allow_pickle=False) as data:
        assert data["axes"].tolist() == ["x", "t"] and data["names"].tolist() == ["u"]
        assert data["values"].shape == (9, 9, 1)
        np.testing.assert_array_equal(data["t"], np.linspace(0, 1, 9))
        grid = np.stack(np.meshgrid(data["x"], data["t"], indexing="ij"), -1).reshape(-1, 2)
        field = Opened(Run(here / "heat"), *reopen(Run(here / "heat"))).field("cpu")
        values = evaluate(field, Points(torch.from_numpy(grid), ("x", "t"))).reshape(9, 9, 1)
        np.testing.assert_allclose(data["values"], values, atol=1e-12)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("ending", ["ply", "obj", "stl", "glb"])
def test_surfaces(call: Call, here: Path, capsys: pytest.CaptureFixture[str], ending: str) -> None:
    assert call("export", "ball", "--problem", "mine.py:Mine", "--format", ending, "--resolution", "20", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["run"] == "ball" and told["files"] == [f"ball/exports/Mine.{ending}"]
    assert told["report"]["watertight"] is True and told["report"]["genus"] == 0
    mesh = trimesh.load_mesh(told["files"][0])
    assert mesh.is_watertight and mesh.volume == pytest.approx(told["report"]["volume"], rel=1e-5)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.05)


def test_a_surface_at_a_level_that_leaves_the_box(call: Call, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["export", "ball", "--problem", "mine.py:Mine", "--out", "deep/a.stl", "--resolution", "16"]
    assert call(*common, "--level", "1.2") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "deep/a.stl" and "open" in out[1] and "leaves the box" in out[2]
    assert call(*common, "--level", "1.2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["report"]["volume"] is None
    assert call(*common, "--level", "-0.2", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "no run folder"),
        (["heat", "--format", "nzp"], "did you mean npz? (this problem exports npz)"),
        (["heat", "--format", "ply"], "unknown format 'ply'"),
        (["heat", "--out", "a.xyz"], "unknown format 'xyz'"),
        (["heat", "--out", "a"], "--out expected a file with an ending, such as a.npz"),
        (["heat", "--format", "npz", "--out", "a.npy"], "--format npz and --out a.npy differ"),
        (["heat", "--format", ""], "--format is empty"),
        (["heat", "--out", ""], "--out is empty"),
        (["heat", "--resolution", "7"], "8 to 4096"),
        (["heat", "--resolution", "4097"], "8 to 4096"),
        (["heat", "--resolution", "many"], "resolution"),
        (["heat", "--level", "nan"], "finite"),
        (["heat", "--bodies", "1"], "--bodies is for meshes, field as npz is none"),
        (["ball", "--problem", "mine.py:Mine", "--bodies", "0"], "at least 1"),
        (["heat", "--level", "0.5"], "leave --level out"),
        (["heat", "--out", "mine.py/a.npz"], "mine.py is a file"),
        (["heat", "--set", "adam.lr=1"], "not for knobs"),
        (["heat", "--device", "gpu"], "unknown device"),
        (["ball"], "--problem mine.py:Mine"),
        (["ball", "--problem", "mine.py:Mine", "--format", "plx"], "this problem exports ply, obj, stl, glb, npz"),
        (["ball", "--problem", "mine.py:Mine", "--level", "99", "--resolution", "8"], "no surface at level 99"),
        (["ball", "--problem", "mine.py:Mine", "--format", "npz", "--resolution", "2000"], "smaller --resolution"),
    ],
)
def test_mistakes_are_told_in_one_line_and_leave_nothing(
    call: Call, here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    before = sorted(here.rglob("*"))
    assert call("export", *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1 and said in captured.err
    after = [p for p in here.rglob("*") if "__pycache__" not in p.parts]
    assert sorted(after) == [p for p in before if "__pycache__" not in p.parts]


def test_a_folder_in_the_way(call: Call, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.npz").mkdir()
    assert call("export", "heat", "--out", "a.npz") == 2
    assert "is a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wanted", "out", "chosen"),
    [(None, None, "ply"), ("STL", None, "stl"), (None, "A.GLB", "glb"), ("glb", "a.glb", "glb")],
)
def test_formats(wanted: str | None, out: str | None, chosen: str) -> None:
    assert choose_format(("ply", "stl", "glb"), wanted, Path(out) if out else None) == chosen


def test_a_field_that_fails_midway_leaves_nothing(toy: Callable, tmp_path: Path) -> None:
    def fails(p: Points) -> torch.Tensor:
        raise PinnsceneError("no")

    problem = toy(Box(x=(0, 1)))
    with pytest.raises(PinnsceneError, match="no"):
        export_lattice(problem, FunctionField(fails, ("x",)), ExportRequest(tmp_path / "a.npz", 8))
    assert not list(tmp_path.iterdir())


def test_lattices_in_parts(toy: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that do not divide the lattice, several outputs, and a progress that ends with all done."""
    monkeypatch.setattr("pinnscene.lattices.CHUNK", 37)
    told: list[float] = []
    u = FunctionField(lambda p: torch.cat([p["x"] + 10 * p["y"], p["y"] ** 2], 1), ("x", "y"), ("a", "b"))
    problem = toy(Box(x=(0, 1), y=(2, 3)), {}, ("a", "b"))
    done = export_lattice(problem, u, ExportRequest(tmp_path / "a.npz", 11, progress=told.append))
    with np.load(done.files[0]) as data:
        x, y = np.meshgrid(data["x"], data["y"], indexing="ij")
        np.testing.assert_allclose(data["values"], np.stack([x + 10 * y, y**2], -1), rtol=1e-14)
    assert told == sorted(told) and told[-1] == 1.0


def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    exporting.check_room(tmp_path / "new" / "a.npz", 2**20)
    with pytest.raises(PinnsceneError, match="would take"):
        exporting.check_room(tmp_path / "new" / "a.npz", 2**20 + 1)
