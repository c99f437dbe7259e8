"""Shapes on the command line: solved, scored, drawn, written, resumed, moved; and files that are no shapes."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from pinnscene.cli import main

TINY = [
    "--set", "pool=2000", "--set", "n=256", "--set", "field.levels=1", "--set", "field.coarsest=6",
    "--set", "field.finest=6", "--set", "field.width=16",
]  # fmt: skip
SOLVED = {"sdf": ("eikonal-sdf", ["--set", "slopes=128"]), "occ": ("occupancy", [])}


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a refused command says."""
    capsys.readouterr()
    assert call(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    assert len(captured.err.splitlines()) == 1 and captured.err.startswith("error: "), captured.err
    return captured.err


def ball(path: Path, inverted: bool = False) -> Path:
    body = trimesh.creation.icosphere(2)
    if inverted:
        body.invert()
    body.export(path)
    return path


def cloud(path: Path, oriented: bool, n: int = 200) -> Path:
    normals = np.random.default_rng(0).normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    np.savetxt(path, np.concatenate([normals, normals], 1) if oriented else normals)
    return path


@pytest.fixture(autouse=True)
def small(quick_shapes: None) -> None:
    """Few points in scores and pictures."""


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ball's file and a run of each problem on it, without figures, which ``solve`` draws elsewhere."""
    here = tmp_path_factory.mktemp("solved")
    ball(here / "ball.ply")
    before = Path.cwd()
    os.chdir(here)
    try:
        from pinnscene.options import build_problem, find_problem
        from pinnscene.solve import Settings, begin, configure, run_config

        field = {"levels": 1, "coarsest": 6, "finest": 6, "width": 16}
        for name, (problem, _) in SOLVED.items():
            made = build_problem(
                find_problem(problem), {"data": "ball.ply", "pool": "2000", "n": "256", "margin": "0.3"}
            )
            knobs = {"field": field, "adam": {"lr": 1e-2, "warmup": 10}}
            config = configure(made, Settings(steps=100, knobs=knobs), problem)
            run = begin(made, config, here / name)
            run_config(made, config, run=run)
    finally:
        os.chdir(before)
    return here


@pytest.fixture
def here(solved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, to be in."""
    monkeypatch.chdir(shutil.copytree(solved, tmp_path / "work"))
    return tmp_path / "work"


@pytest.mark.parametrize("name", SOLVED)
def test_solve_and_the_same_scores_from_the_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    problem, own = SOLVED[name]
    quick = ["--set", "adam.lr=0.01", "--set", "adam.warmup=5", "--steps", "30"]
    assert call("solve", problem, "--set", "shape=sphere", *TINY, *own, *quick, "--out", "run", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["status"] == "max_steps" and result["steps"] == 30 and result["metrics"]["iou"] > 0
    assert {path.name for path in (tmp_path / "run/figures").iterdir()} >= {"slices.png", "view.png"}
    (tmp_path / "run").rename(tmp_path / "moved")
    assert call("eval", "moved", "--json") == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == result["metrics"]


@pytest.mark.parametrize("name", SOLVED)
def test_render(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert call("render", name, "--out", "view.png", "--size", "64x48", "--samples", "1", "-q") == 0
    with Image.open("view.png") as picture:
        assert picture.size == (64, 48) and np.asarray(picture.convert("L")).std() > 5
    line = said(capsys, "render", name, "--what", "shade")
    assert "unknown kind of picture 'shade'; did you mean shaded?" in line
    assert "cannot write" in said(capsys, "render", name, "--out", "view.tga")


@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.parametrize("ending", ["ply", "stl", "obj", "glb"])
def test_export(here: Path, capsys: pytest.CaptureFixture[str], name: str, ending: str) -> None:
    arguments = ["export", name, "--format", ending, "--resolution", "16", "--json"]
    assert call(*arguments) == 0
    told = json.loads(capsys.readouterr().out)
    mesh = trimesh.load_mesh(told["files"][0])
    assert told["files"] == [f"{name}/exports/{SOLVED[name][0]}.{ending}"]
    assert mesh.is_watertight is told["report"]["watertight"] is True
    assert mesh.volume == pytest.approx(told["report"]["volume"], rel=1e-5)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi, rel=0.3)  # outwards, and about a ball after a few steps


def test_a_level_that_no_surface_has(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no surface at level 99" in said(capsys, "export", "sdf", "--level", "99", "--resolution", "8")
    assert not (here / "sdf/exports").exists()


def test_an_interrupted_run_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    common = ["solve", "occupancy", "--set", "shape=sphere", *TINY, "--steps", "12", "--json"]
    assert call(*common, "--out", "whole") == 0
    whole = json.loads(capsys.readouterr().out)
    from pinnscene import solve as solving

    original = solving.train

    def interrupted(*arguments: object, **settings: object) -> object:
        def stop(log: object) -> None:
            if getattr(log, "step", 0) >= 1:
                os.kill(os.getpid(), 2)

        return original(*arguments, **{**settings, "observers": [stop]})

    with monkeypatch.context() as patch:
        patch.setattr(solving, "train", interrupted)
        assert call(*common, "--out", "half") == 130
    assert json.loads(capsys.readouterr().out)["steps"] < 12
    assert call("solve", "half", "--resume", "--json") == 0
    resumed = json.loads(capsys.readouterr().out)
    assert resumed["steps"] == 12 and resumed["metrics"] == whole["metrics"]


def test_data_that_has_moved(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "ball.ply").rename(here / "elsewhere.ply")
    assert "--data PATH" in said(capsys, "export", "sdf", "--resolution", "8")
    assert call("export", "sdf", "--resolution", "8", "--data", "elsewhere.ply", "-q") == 0
    cloud(here / "ball.ply.xyz", True).rename(here / "elsewhere.ply")
    assert "is not the file of this run" in said(capsys, "export", "sdf", "--data", "elsewhere.ply")


def test_what_was_found_in_a_file_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ball(here / "inverted.ply", inverted=True)
    arguments = ["solve", "occupancy", "--data", "inverted.ply", *TINY, "--steps", "1", "--out", "new"]
    assert call(*arguments) == 0
    assert "flipped" in capsys.readouterr().err


BROKEN = {
    "empty.ply": b"",
    "empty.xyz": b"",
    "text.stl": b"this is no mesh",
    "words.xyz": b"one two three\n",
    "ragged.csv": b"1,2,3\n4,5\n",
    "nan.xyz": b"1 2 nan\n" * 20,
    "flat.xyz": b"".join(b"%d %d 0\n" % (i % 5, i // 5) for i in range(25)),
    "few.xyz": b"0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 1 1\n",
    "four.txt": b"1 2 3 4\n" * 20,
    "cut.ply": b"ply\nformat binary_little_endian 1.0\nelement vertex 9\nproperty float x\nend_header\n",
    "no.obj": b"v 0 0 0\n",
    "index.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n",
    "head.off": b"OFF\n3 1\n",
    "noise.glb": b"glTF" + bytes(40),
    "noise.npy": b"\x93NUMPY" + bytes(40),
    "noise.npz": b"PK\x03\x04" + bytes(40),
    "picture.png": b"\x89PNG",
    "model.step": b"ISO-10303-21;",
}


@pytest.mark.parametrize("problem", ["eikonal-sdf", "occupancy"])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_told_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], problem: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(BROKEN[name])
    assert name in said(capsys, "solve", problem, "--data", name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["eikonal-sdf", "--data", "nowhere.ply"], "there is no shape nowhere.ply"),
        (["eikonal-sdf", "--data", "."], "name a file in it"),
        (["eikonal-sdf", "--set", "data="], "data is empty"),
        (["eikonal-sdf", "--set", "shape=figur"], "'figure'"),
        (["eikonal-sdf", "--set", "learn=point"], "'points'"),
        (["eikonal-sdf", "--set", "margin=0"], "margin expected"),
        (["eikonal-sdf", "--set", "truncate=nan"], "truncate expected"),
        (["eikonal-sdf", "--set", "pool=1000000000"], "pool expected at most"),
        (["eikonal-sdf", "--set", "slopes=0"], "slopes, points a step"),
        (["eikonal-sdf", "--data", "bare.xyz", "--set", "learn=distance"], "a cloud has learn=points"),
        (["occupancy", "--data", "bare.xyz"], "has no normals"),
        (["occupancy", "--data", "few.xyz"], "few.xyz has 9 points: expected at least 10"),
        (["occupancy", "--set", "slopes=3"], "slopes"),
    ],
)
def test_mistakes_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    cloud(Path("bare.xyz"), False)
    cloud(Path("few.xyz"), True, 9)
    assert line in said(capsys, "solve", *arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"bare.xyz", "few.xyz"}
