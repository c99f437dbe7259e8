"""The command line as people use it: in a process of its own where start-up counts, else called in place."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pinnscene.cli import main
from pinnscene.problems.refinement import Refined
from pinnscene.run import Run

FAST = ["--set", "n=200", "--set", "field.width=60", "--set", "head.scale=3"]


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_list_names_every_problem_without_importing_torch(here: Path) -> None:
    code = "import sys; from pinnscene.cli import main\ntry: main(['list'])\nexcept SystemExit: pass\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heat" in done.stdout and "image-fit" in done.stdout
    assert done.stdout.strip().endswith("False")


def test_list_and_info_as_json(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Refined, "error", 1e-6)  # what it is has tests of its own, and takes seconds each
    assert call("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)["problems"]
    assert {"heat", "image-fit"} <= {entry["name"] for entry in listed}
    for entry in listed:
        assert call("info", entry["name"], "--json") == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["options"] and facts["plan"] and entry["summary"] in facts["description"]
        assert facts["why"] and "\n" not in facts["why"]


def test_info_says_that_a_reference_takes_seconds(
    here: Path, capsys: pytest.CaptureFixture[str], quick_references: None
) -> None:
    assert call("info", "gray-scott") == 0
    told = capsys.readouterr()
    assert "the reference is solved at two resolutions" in told.err and "Reference: converged" in told.out


def test_solve_prints_one_json_object_with_the_schema(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("solve", "heat", "--json", *FAST) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    expected = {
        "schema", "problem", "options", "status", "advice", "warnings", "metrics", "reference", "conventional",
        "unknowns", "loss",
        "heldout_residual", "remarks", "steps", "parameters", "seconds", "device", "dtype", "seed", "plan", "versions",
        "run",
    }  # fmt: skip
    assert set(result) == expected
    assert result["status"] == "converged" and result["reference"]["kind"] == "exact"
    assert result["metrics"]["rel_l2"] < 1e-4
    folder = Path(result["run"])
    assert json.loads((folder / "result.json").read_text()) == result
    assert (folder / "config.toml").is_file() and (folder / "metrics.jsonl").read_text().count("\n") >= 1
    assert list((folder / "figures").glob("*.png")) and list((folder / "checkpoints").glob("*/state.safetensors"))


def test_options_come_in_any_order_and_reach_their_places(here: Path) -> None:
    assert (
        call("solve", "--out", "run", "--set", "alpha=0.1", "heat", "--seed", "3", *FAST, "--set", "pde.n=150", "-q")
        == 0
    )
    text = (here / "run" / "config.toml").read_text()
    for line in ("alpha = 0.1", "seed = 3", "width = 60", "scale = 3.0", 'n = "150"'):
        assert line in text, line


def test_eval_from_the_moved_folder_repeats_the_metrics(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("solve", "heat", "--out", "run", "--json", *FAST)
    solved = json.loads(capsys.readouterr().out)
    (here / "run").rename(here / "elsewhere")
    assert call("eval", "elsewhere", "--json") == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == solved["metrics"]


def test_render_solves_first_then_takes_the_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["render", "heat", "--set", "n=200", "--set", "field.width=60", "--set", "head.scale=3"]
    assert call(*arguments, "--frames", "3", "--size", "320x240") == 0
    first = capsys.readouterr()
    assert "solving first" in first.err
    assert {Path(line).name for line in first.out.split()} == {"slices.png", "film.mp4"}
    assert call(*arguments, "--out", "film.gif", "--frames", "2", "--size", "320x240") == 0
    assert "newest run" in capsys.readouterr().err
    assert len(list(here.glob("runs/heat/*"))) == 1
    assert (here / "film.gif").stat().st_size > 1000


def test_film_has_the_frames_and_size_asked_for(here: Path) -> None:
    import numpy as np
    from imageio_ffmpeg import get_ffmpeg_exe

    call("solve", "heat", "--out", "run", "-q", *FAST)
    assert call("render", "run", "--out", "film.mp4", "--frames", "5", "--size", "320x240", "-q") == 0
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-i", "film.mp4", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, 240, 320, 3)
    assert len(frames) == 5
    assert (frames[0] != frames[-1]).any()


def test_latest_finds_the_newest_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("eval", "latest") == 2
    assert "solve one first" in capsys.readouterr().err
    call("solve", "heat", "-q", *FAST)
    assert call("eval", "latest") == 0 and call("eval", "latest:heat") == 0 and call("eval", "latest:image-fit") == 2


def test_latest_passes_over_a_run_in_progress(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What has no result yet is the latest only for --resume, or where there is nothing else."""
    call("solve", "heat", "-q", *FAST)
    (done,) = Path("runs/heat").iterdir()
    going = done.with_name("99991231-000000")
    shutil.copytree(done, going)
    (going / "result.json").unlink()
    assert Run.open("latest").path == done
    assert Run.open("latest:heat", unfinished=True).path == going
    assert call("solve", "latest", "--resume") == 0 and going.name in capsys.readouterr().err
    (done / "result.json").unlink()
    (going / "result.json").unlink(missing_ok=True)
    assert Run.open("latest").path == going


def test_a_missed_tolerance_exits_with_3(here: Path) -> None:
    assert call("solve", "heat", "--tol", "1e-15", "-q", *FAST) == 3
    assert call("solve", "heat", "--tol", "1e-1", "-q", *FAST) == 0


def test_a_run_is_solved_again_as_configured(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("solve", "heat", "--out", "one", "--json", *FAST)
    first = json.loads(capsys.readouterr().out)
    assert call("solve", "one", "--out", "two", "--json") == 0
    second = json.loads(capsys.readouterr().out)
    assert second["metrics"] == first["metrics"] and second["options"] == first["options"]
    assert call("solve", "heat", "--config", "one/config.toml", "--out", "three", "--json", "--set", "alpha=0.2") == 0
    third = json.loads(capsys.readouterr().out)
    assert third["options"]["alpha"] == 0.2 and third["options"]["n"] == 200


def test_a_file_keeps_its_plan_under_what_is_given_on_top(here: Path) -> None:
    import tomllib

    small = ["--set", "n=32", "--set", "field.width=8", "-q"]
    call("solve", "heat", "--solver", "adam", "--steps", "3", "--set", "adam.clip=2.5", "--out", "one", *small)
    call("solve", "heat", "--config", "one/config.toml", "--set", "adam.lr=5e-4", "--out", "two", "-q")
    (phase,) = tomllib.loads((here / "two" / "config.toml").read_text())["plan"]
    assert (phase["solver"], phase["steps"], phase["clip"], phase["lr"]) == ("adam", 3, 2.5, 5e-4)


def test_advice_where_a_result_is_not_to_be_trusted(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poor = ["--set", "n=200", "--set", "field.width=4", "--set", "head.scale=1"]
    assert call("solve", "heat", "--json", *poor) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["heldout_residual"] > 0.1 and "held-out residual is still" in result["advice"]
    assert call("solve", "heat", "--json", *FAST) == 0
    assert "still" not in json.loads(capsys.readouterr().out)["advice"]
    assert call("solve", "heat", "--set", "windows=1000", "--max-seconds", "0.2", "--json", *FAST) == 0
    assert "of 1000 windows are solved whole" in json.loads(capsys.readouterr().out)["advice"]


def test_quiet_is_quiet(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("solve", "heat", "--quiet", *FAST) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == ""


def test_version_and_module(here: Path) -> None:
    for command in (["-m", "pinnscene", "--version"], ["-m", "pinnscene", "-h"]):
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=here)
        assert done.returncode == 0 and "pinnscene" in done.stdout


def test_ctrl_c_saves_and_resume_completes(here: Path) -> None:
    import signal
    import time

    options = "--solver adam --steps 100000 --out run --set n=64 --set field.width=8 --set adam.every=10"
    command = [sys.executable, "-m", "pinnscene", "solve", "heat", *options.split()]
    process = subprocess.Popen(
        command, cwd=here, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    deadline = time.monotonic() + 60
    while not (here / "run" / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert json.loads((here / "run" / "result.json").read_text())["status"] == "interrupted"
    assert list((here / "run" / "checkpoints").iterdir())


def test_balance_causal_and_adaptive_points_are_kept_and_carried_on(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In config.toml, from which another solve starts: what it chooses itself comes on top."""
    small = ["--set", "n=24", "--set", "hard=false", "--set", "field.width=8", "--set", "field.depth=2", "-q"]
    chosen = ["--balance", "grad-norm", "--causal", "--adaptive", "pde=rad,start=r3"]
    knobs = ["--set", "rad.every=3", "--set", "causal.chunks=4", "--set", "grad-norm.momentum=0.5"]
    more = ["--solver", "adam", "--steps", "12", "--out", "first"]
    assert call("solve", "heat", *small, *chosen, *knobs, *more) == 0
    first = Run.open("first").config.emphasis
    assert (first.balance.name, first.balance.momentum) == ("grad-norm", 0.5)
    assert first.causal["pde"].chunks == 4
    assert {name: a.name for name, a in first.adaptive.items()} == {"pde": "rad", "start": "r3"}
    assert call("solve", "heat", "--config", "first/config.toml", "-q", "--out", "same") == 0
    assert Run.open("same").config.emphasis == first
    again = ["--balance", "relobralo", "--set", "causal.every=5", "-q", "--out", "other"]
    assert call("solve", "heat", "--config", "first/config.toml", *again) == 0
    other = Run.open("other").config.emphasis
    assert other.balance.name == "relobralo"
    assert (other.causal["pde"].chunks, other.causal["pde"].every) == (4, 5)
    assert other.adaptive == first.adaptive
    assert call("solve", "heat", *small[:-1], *chosen, *knobs, *more[:-1], "shown") == 0
    assert " x" in capsys.readouterr().err  # the weights beside the losses


def test_contradictory_conditions_are_warned_of(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("solve", "heat", "--set", "walls=dirichlet:1", "--json", *FAST) == 0
    assert any("contradict each other" in said for said in json.loads(capsys.readouterr().out)["warnings"])
    call("solve", "heat", "--set", "walls=dirichlet:1", *FAST)
    shown = capsys.readouterr()
    assert "warning: the conditions on" in shown.err and "warning: the conditions on" in shown.out


def test_info_says_what_goes_around_and_how_good_the_reference_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("info", "heat") == 0
    shown = capsys.readouterr().out
    assert "--balance fixed, grad-norm, ntk, relobralo; --causal; --adaptive r3, rad" in shown
    assert "Reference: exact, without an error of its own" in shown
