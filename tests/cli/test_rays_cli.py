"""Scenes of rays on the command line: solved, scored again, filmed, exported; and what cannot be."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

Call = Callable[..., int]
TINY = [
    "--set", "scene=trio", "--set", "size=16", "--set", "train=6", "--set", "n=64", "--set", "field.levels=1",
    "--set", "field.finest=16", "--set", "field.cells=16", "--set", "field.samples=24", "--set", "field.width=16",
    "--set", "field.colour=16", "--steps", "5",
]  # fmt: skip


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory, call: Call) -> Path:
    """A folder with a run in it, solved by the command line."""
    here, before = tmp_path_factory.mktemp("solved"), Path.cwd()
    os.chdir(here)
    try:
        assert call("solve", "nerf-ray", *TINY, "--out", "run", "-q") == 0
    finally:
        os.chdir(before)
    return here


@pytest.fixture
def here(solved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, to be in."""
    monkeypatch.chdir(shutil.copytree(solved, tmp_path / "größe work"))
    return tmp_path / "größe work"


def test_the_same_scores_from_the_folder_alone(here: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads((here / "run/result.json").read_text())
    assert {path.name for path in (here / "run/figures").iterdir()} >= {"views.png", "geometry.png", "cameras.png"}
    assert call("eval", "run", "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert again["metrics"] == pytest.approx(result["metrics"]) and again["remarks"] == result["remarks"]
    assert call("eval", "run") == 0
    shown = capsys.readouterr().out
    assert "psnr" in shown and all(remark in shown for remark in result["remarks"])


def test_pictures_films_and_numbers(here: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["render", "run", "--size", "20x12", "--frames", "2"]
    assert call(*common, "--what", "rgb,depth", "--out", "a.png", "-q") == 0
    with Image.open("a.png") as picture:
        assert picture.size == (40, 12)
    assert call(*common, "--camera", "dataset", "--out", "views", "-q") == 0
    assert len(list((here / "views").glob("*.png"))) >= 1
    assert call(*common, "--camera", "interpolate", "--out", "a.gif", "-q") == 0
    assert call(*common, "--out", "a.npy", "-q") == 0
    assert np.load("a.npy", allow_pickle=False).shape == (12, 20)
    assert call(*common, "--json") == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [Path(path).name for path in files] == ["view.png", "orbit.mp4"]
    assert call("export", "run", "--format", "json", "--out", "cameras.json", "-q") == 0
    assert call(*common, "--camera", "cameras.json", "--out", "way.mp4", "-q") == 0
    assert (here / "way.mp4").stat().st_size > 100


def test_exports(here: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("export", "run", "--format", "npz", "--resolution", "8", "--json") == 0
    assert json.loads(capsys.readouterr().out)["files"] == ["run/exports/nerf-ray.npz"]
    with np.load("run/exports/nerf-ray.npz", allow_pickle=False) as data:
        density = data["values"][..., 0]
    assert density.shape == (8, 8, 8)
    level = f"{0.5 * density.max():.6g}"
    assert call("export", "run", "--out", "a.ply", "--resolution", "16", "--level", level, "--json") == 0
    told = json.loads(capsys.readouterr().out)["report"]
    assert trimesh.load_mesh("a.ply").is_watertight is told["watertight"] is True
    assert call("export", "run", "--what", "depth", "-q") == 0
    assert len(list((here / "run/exports/depth").glob("*.tiff"))) == 7


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["render", "run", "--camera", "obit"], "did you mean orbit"),
        (["render", "run", "--camera", "gone.json"], "cannot read the cameras"),
        (["render", "run", "--what", "rbg"], "did you mean rgb"),
        (["render", "run", "--out", "a.pdf"], "cannot write 'a.pdf'"),
        (["render", "run", "--what", "rgb", "--out", "a.tiff"], "one of depth and opacity"),
        (["render", "heat", "--camera", "orbit"], "--camera is an option of"),
        (["render", "eikonal-sdf", "--camera", "orbit"], "--camera is an option of scenes of rays"),
        (["render", "eikonal-sdf", "--what", "rgb"], "unknown kind of picture of a surface 'rgb'"),
        (["solve", "nerf-ray", "--set", "field.samples=100000"], "samples from 1 to 4096, got 100000"),
        (["solve", "nerf-ray", "--set", "field.latent=0"], "latent from 1 to 4096, got 0"),
        (["solve", "nerf-ray", "--set", "field.colour=99999999"], "colour from 1 to 4096"),
        (["solve", "nerf-ray", "--set", "field.width=99999999"], "a width of 1 to 65536"),
        (["solve", "nerf-ray", "--set", "field.cells=5000"], "4 to 512 cells"),
        (["solve", "nerf-ray", "--set", "field.finest=99999999"], "finest"),
        (["solve", "nerf-ray", "--set", "n=99999999"], "rays a step expected at most"),
        (["solve", "nerf-ray", "--set", "rays.n=99999999"], "rays a step expected at most"),
        (["solve", "nerf-ray", "--set", "train=99999999"], "train expected 1 to 10000 views"),
        (["solve", "nerf-ray", "--set", "size=4096", "--set", "train=100"], "268 million pixels"),
        (["solve", "nerf-ray", "--downscale", "100"], "downscale expected at most 16"),
        (["export", "run", "--what", "mash"], "did you mean mesh"),
        (["export", "run", "--format", "step"], "unknown format"),
        (["export", "run", "--what", "points", "--points", "0"], "points expected 1"),
        (["export", "run", "--what", "depth", "--out", "a.png"], "expected a folder"),
        (["export", "run", "--set", "field.width=3"], "not for knobs"),
    ],
)
def test_mistakes_are_told_in_a_line_and_leave_nothing(
    here: Path, said: Callable[..., str], arguments: list[str], what: str
) -> None:
    before = sorted(here.rglob("*"))
    assert what in said(*arguments)
    assert sorted(here.rglob("*")) == before
