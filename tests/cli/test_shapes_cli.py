"""Shapes on the command line: solved, scored, drawn, written, resumed, moved; and files that are no shapes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from pinnscene.problems import familyfigures, familyfitting, familymethods, shapefamily

Call, Said = Callable[..., int], Callable[..., str]
TINY = [
    "--set", "pool=2000", "--set", "n=256", "--set", "field.levels=1", "--set", "field.coarsest=6",
    "--set", "field.finest=6", "--set", "field.width=16",
]  # fmt: skip
SOLVED = {"sdf": ("eikonal-sdf", ["--set", "slopes=128"]), "occ": ("occupancy", [])}


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


@pytest.mark.parametrize("name", SOLVED)
def test_solve_and_the_same_scores_from_the_folder_alone(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    problem, own = SOLVED[name]
    quick = ["--set", "adam.lr=0.01", "--set", "adam.warmup=5", "--steps", "60"]
    assert call("solve", problem, "--set", "shape=sphere", *TINY, *own, *quick, "--out", "run", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["status"] == "max_steps" and result["steps"] == 60 and result["metrics"]["iou"] > 0.3
    assert {path.name for path in (tmp_path / "run/figures").iterdir()} >= {"slices.png", "view.png"}
    (tmp_path / "run").rename(tmp_path / "moved")
    assert call("eval", "moved", "--json") == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == result["metrics"]


@pytest.mark.parametrize("name", SOLVED)
def test_render(call: Call, said: Said, here: Path, name: str) -> None:
    assert call("render", name, "--out", "view.png", "--size", "64x48", "--samples", "1", "-q") == 0
    with Image.open("view.png") as picture:
        assert picture.size == (64, 48) and np.asarray(picture.convert("L")).std() > 5
    line = said("render", name, "--what", "shade")
    assert "unknown kind of picture 'shade'; did you mean shaded" in line
    assert "cannot write" in said("render", name, "--out", "view.tga")


@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.parametrize("ending", ["ply", "stl", "obj", "glb"])
def test_export(call: Call, here: Path, capsys: pytest.CaptureFixture[str], name: str, ending: str) -> None:
    arguments = ["export", name, "--format", ending, "--resolution", "16", "--json"]
    assert call(*arguments) == 0
    told = json.loads(capsys.readouterr().out)
    mesh = trimesh.load_mesh(told["files"][0])
    assert told["files"] == [f"{name}/exports/{SOLVED[name][0]}.{ending}"]
    assert mesh.is_watertight is told["report"]["watertight"] is True
    assert mesh.volume == pytest.approx(told["report"]["volume"], rel=1e-5)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi, rel=0.3)  # outwards, and about a ball after a few steps


@pytest.fixture
def quick_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few samples, short fits and small pictures."""
    few = {"KEPT": 1000, "SURFACE": 300}, {"STEPS": 30}, {"COARSE": 12, "PANEL": 32, "SIDE": 32}, {"STARTS": 1}
    modules = familymethods, familyfitting, familyfigures, shapefamily
    for module, values in zip(modules, few, strict=True):
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


def test_a_family(
    call: Call,
    said: Said,
    quick_family: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Solved, scored again, drawn between two members and from a cloud, written; and what it refuses."""
    monkeypatch.chdir(tmp_path)
    knobs = {"field.width": 16, "field.depth": 2, "adam.lr": 0.01, "adam.warmup": 5}
    options = {"count": 4, "unseen": 0.25, "points": 64, "code": 4, "n": 256, "shapes": 2} | knobs
    given = [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    assert call("solve", "shape-family", *given, "--steps", "100", "--out", "run", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert 0.1 < result["metrics"]["iou_worst"] <= result["metrics"]["iou"] <= 1
    assert {path.name for path in Path("run/figures").iterdir()} >= {"unseen.png", "interpolation.png"}
    assert call("eval", "run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == result["metrics"]
    cloud(Path("scan.xyz"), True, 100)
    strip, view = ["--set", "between=[2,0]", "--size", "90x20"], ["--set", "cloud=scan.xyz", "--size", "40x30"]
    for name, drawn in {"strip.png": strip, "view.png": view}.items():
        assert call("render", "run", *drawn, "--out", name, "-q") == 0
        with Image.open(name) as picture:
            assert "x".join(map(str, picture.size)) == drawn[-1] and np.asarray(picture.convert("L")).std() > 5
    common = ["export", "run", "--resolution", "16"]
    assert call(*common, "--set", "cloud=scan.xyz", "--out", "cloud.ply", "-q") == 0
    assert trimesh.load_mesh("cloud.ply").bounds == pytest.approx(np.array([[-1] * 3, [1] * 3]), abs=0.5)
    capsys.readouterr()
    assert call(*common, "--json") == 0
    assert json.loads(capsys.readouterr().out)["files"] == ["run/exports/shape-family.ply"]
    assert "from 0 to 0, got 1" in said(*common, "--set", "member=1", "--out", "a.ply")
    assert "trained shapes from 0 to 2" in said("render", "run", "--set", "between=[0,3]", "--out", "a.png")
    assert "there is no shape gone.xyz" in said("render", "run", "--set", "cloud=gone.xyz", "--out", "a.png")
    assert "trained with count=4" in said("render", "run", "--set", "count=5", "--out", "a.png")
    assert not list(tmp_path.glob("a.*"))


def test_a_level_that_no_surface_has(said: Said, here: Path) -> None:
    assert "no surface at level 99" in said("export", "sdf", "--level", "99", "--resolution", "8")
    assert not (here / "sdf/exports").exists()


def test_an_interrupted_run_is_resumed(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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


def recorded_here(here: Path, name: str) -> None:
    """Let a copied run have been made from the file beside it."""
    config = here / name / "config.toml"
    lines = config.read_text().splitlines()
    known = [f'path = "{here / "ball.ply"}"' if line.startswith("path = ") else line for line in lines]
    assert known != lines
    config.write_text("\n".join(known))


def test_data_named_as_seen_from_another_folder_is_found(
    call: Call, said: Said, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded_here(here, "sdf")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert call("export", str(here / "sdf"), "--resolution", "8", "-q", "--out", "a.ply") == 0
    ball(Path("ball.ply"), inverted=True)  # of the same name, and not the one
    assert call("export", str(here / "sdf"), "--resolution", "8", "-q", "--out", "a.ply") == 0
    (here / "ball.ply").unlink()
    assert "is not the file of this run" in said("export", str(here / "sdf"), "--resolution", "8")


def test_data_that_has_moved(call: Call, said: Said, here: Path) -> None:
    recorded_here(here, "sdf")
    (here / "ball.ply").rename(here / "elsewhere.ply")
    assert "--data PATH" in said("export", "sdf", "--resolution", "8")
    assert call("export", "sdf", "--resolution", "8", "--data", "elsewhere.ply", "-q") == 0
    cloud(here / "ball.ply.xyz", True).rename(here / "elsewhere.ply")
    assert "is not the file of this run" in said("export", "sdf", "--data", "elsewhere.ply")


def test_what_was_found_in_a_file_is_said(call: Call, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(BROKEN[name])
    assert name in said("solve", problem, "--data", name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["eikonal-sdf", "--data", "nowhere.ply"], "there is no shape nowhere.ply"),
        (["eikonal-sdf", "--data", "."], "solve shape-family --data . --set method=decoder"),
        (["occupancy", "--data", "."], "solve shape-family --data . --set method=encoder"),
        (["eikonal-sdf", "--set", "data="], "data is empty"),
        (["eikonal-sdf", "--set", "shape=figur"], "'figure'"),
        (["eikonal-sdf", "--set", "learn=point"], "'points'"),
        (["eikonal-sdf", "--set", "margin=0"], "margin expected"),
        (["eikonal-sdf", "--set", "truncate=nan"], "truncate expected"),
        (["eikonal-sdf", "--set", "truncate=inf"], "truncate expected"),
        (["eikonal-sdf", "--set", "pool=1000000000"], "pool expected at most"),
        (["eikonal-sdf", "--set", "n=1000000000"], "a step on 1000000000 points and 2048 slopes would take about"),
        (["eikonal-sdf", "--set", "slope.n=1000000000"], "a step on 1000000000 points would take about"),
        (["occupancy", "--set", "sides.n=1000000000"], "a step on 1000000000 points would take about"),
        (["eikonal-sdf", "--set", "learn=points", "--set", "surface.n=999999999"], "a step on 999999999 slopes"),
        (["shape-family", "--set", "n=1000000000"], "a step on 1000000000 points would take about"),
        (["eikonal-sdf", "--set", "field.width=99999999"], "a width of 1 to 65536"),
        (["eikonal-sdf", "--set", "slopes=0"], "slopes, points a step"),
        (["eikonal-sdf", "--data", "bare.xyz", "--set", "learn=distance"], "a cloud has learn=points"),
        (["occupancy", "--data", "bare.xyz"], "has no normals"),
        (["occupancy", "--data", "few.xyz"], "few.xyz has 9 points: expected at least 10"),
        (["occupancy", "--set", "slopes=3"], "slopes"),
    ],
)
def test_mistakes_are_told_in_one_line(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    cloud(Path("bare.xyz"), False)
    cloud(Path("few.xyz"), True, 9)
    assert line in said("solve", *arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"bare.xyz", "few.xyz"}
