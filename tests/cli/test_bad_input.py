"""What users get wrong: one clear line on standard error, exit code 2, nothing half-written, nothing lost."""

import os
import shutil
from pathlib import Path

import pytest

from pinnscene.cli import main

FAST = ["--set", "n=200", "--set", "field.width=40", "--set", "head.scale=3"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run and expect exit code 2 with one line of error and nothing on standard output; returns the line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    captured = capsys.readouterr()
    assert stop.value.code == 2, captured
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if not line.startswith(("warning:", "no run with"))]
    assert len(lines) == 1 and lines[0].startswith("error: "), captured.err
    assert "Traceback" not in captured.err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["solve", "haet"], "did you mean heat"),
        (["info", "imagefit"], "did you mean image-fit?"),
        (["solve", "heat", "--set", "alhpa=1"], "did you mean alpha?"),
        (["solve", "heat", "--set", "alpha"], "KEY=VALUE"),
        (["solve", "heat", "--set", "alpha=0"], "alpha > 0"),
        (["solve", "heat", "--set", "alpha=-1"], "alpha > 0"),
        (["solve", "heat", "--set", "alpha=nan"], "alpha > 0"),
        (["solve", "heat", "--set", "alpha=fast"], "alpha"),
        (["solve", "heat", "--set", "dims=6"], "dims 1 to 5"),
        (["solve", "heat", "--set", "lower=2"], "lower first"),
        (["solve", "heat", "--set", "walls=x0=neuman"], "did you mean neumann?"),
        (["solve", "heat", "--set", "walls=robin"], "robin:2:0"),
        (["solve", "heat", "--set", "walls=x0=periodic"], "x=periodic"),
        (["solve", "heat", "--set", "walls=q=dirichlet"], "unknown wall 'q'"),
        (["solve", "heat", "--set", "start=triangle"], "start"),
        (["solve", "heat", "--set", "start=nofile.py:u0"], "no file nofile.py"),
        (["solve", "heat", "--set", "field.widht=3"], "did you mean width?"),
        (["solve", "heat", "--set", "field.width=0"], "width"),
        (["solve", "heat", "--set", "field.width=wide"], "width"),
        (["solve", "heat", "--set", "field.width=99999999"], "a width of 1 to 65536"),
        (["solve", "heat", "--set", "field.depth=99999999"], "a depth of 1 to 256"),
        (["solve", "heat", "--solver", "adam", "--set", "field.width=65536", "--set", "field.depth=200"], "GiB"),
        (["solve", "image-fit", "--backbone", "fourier", "--set", "field.features=99999999"], "features from 1"),
        (["solve", "image-fit", "--backbone", "grid", "--set", "field.levels=99999999"], "1 to 64 levels"),
        (["solve", "heat", "--downscale", "2"], "downscale"),
        (["solve", "heat", "--set", "pde.m=3"], "knob of constraint pde"),
        (["solve", "heat", "--set", "pde.n=0"], "at least 1"),
        (["solve", "heat", "--set", "pde.points=sobbol"], "did you mean sobol?"),
        (["solve", "heat", "--set", "pdee.n=3"], "did you mean pde?"),
        (["solve", "heat", "--solver", "adma"], "did you mean adam"),
        (["solve", "heat", "--solver", "adam", "--balance", "gradnorm"], "did you mean grad-norm"),
        (["solve", "heat", "--solver", "adam", "--balance", " "], "--balance is empty"),
        (["solve", "heat", "--balance", "ntk"], "needs no balancing"),
        (["solve", "heat", "--solver", "adam", "--set", "ntk.every=5"], "add --balance ntk"),
        (["solve", "heat", "--solver", "adam", "--balance", "ntk", "--set", "ntk.every=0"], "every >= 1"),
        (["solve", "heat", "--solver", "adam", "--adaptive", "rda"], "did you mean rad"),
        (["solve", "heat", "--solver", "adam", "--adaptive", "pdf=rad"], "did you mean pde"),
        (["solve", "heat", "--adaptive", "rad"], "no solver takes more (head 8)"),
        (["solve", "heat", "--solver", "adam", "--causal", "--set", "causal.chunks=1"], "chunks >= 2"),
        (["solve", "image-fit", "--causal"], "points with a time t"),
        (["solve", "heat", "--solver", "adam", "--tol", "1e-9"], "below what float32 can tell from zero"),
        (["solve", "heat", "--solver", ""], "at least one solver"),
        (["solve", "heat", "--set", "adam.lr=-1", "--solver", "adam"], "lr > 0"),
        (["solve", "heat", "--backbone", "sirne"], "did you mean siren"),
        (["solve", "heat", "--encoding", "furier"], "did you mean fourier"),
        (["solve", "heat", "--device", "gpu"], "unknown device 'gpu'"),
        (["solve", "heat", "--device", "cuda:99"], "not on this machine"),
        (["solve", "heat", "--dtype", "float16"], "did you mean float64 or float32?"),
        (["solve", "heat", "--steps", "-1"], "at least 1"),
        (["solve", "heat", "--steps", "many"], "at least 1"),
        (["solve", "heat", "--steps", "5,5,5"], "one number for one solver"),
        (["solve", "heat", "--max-seconds", "-2"], "positive"),
        (["solve", "heat", "--tol", "0"], "positive"),
        (["solve", "heat", "--seed", "-1"], "seed"),
        (["solve", "heat", "--set", "n=10000000000000000000000"], "at most"),
        (["solve", "heat", "--set", "pde.n=99999999999999"], "at most"),
        (["solve", "heat", "--set", "head.scale=nan"], "finite"),
        (["solve", "heat", "--set", "field.first=inf"], "finite"),
        (["solve", "heat", "--set", "adam.lr=1"], "without adam"),
        (["solve", "heat", "--set", "walls="], "walls is empty"),
        (["solve", "heat", "--out", ""], "--out is empty"),
        (["solve", "heat", "--config", ""], "--config is empty"),
        (["solve", "heat", "--config", "."], "cannot read .: "),
        (["solve", "image-fit", "--data", ""], "--data is empty"),
        (["render", "heat", "--out", ""], "--out is empty"),
        (["eval", "latest:../.."], "expected the name of a problem"),
        (["solve", "heat", "--nonsense"], "No such option"),
        (["solve"], "Missing argument 'PROBLEM"),
        (["frobnicate"], "frobnicate"),
        (["eval", "nowhere"], "no run folder"),
        (["solve", "nowhere", "--resume"], "no run folder"),
        (["render", "heat", "--size", "big"], "WIDTHxHEIGHT"),
        (["render", "heat", "--size", "0x10"], "1 to 65535"),
        (["render", "heat", "--frames", "0"], "frames"),
        (["solve", "nofile.py:Heat"], "no file nofile.py"),
        (["solve", "heat", "--config", "nofile.toml"], "nofile.toml"),
        (["solve", "image-fit", "--data", "nofile.png"], "nofile.png"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert said in fails(capsys, *arguments)
    assert not list(here.iterdir()), "nothing may be left behind"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nosuchmodule\n", "failed while it was loaded"),
        ("def f(:\n", "failed while it was loaded"),
        ("x = 1\n", "unknown name"),
        ("class Mine: pass\n", "is not a Problem"),
    ],
)
def test_broken_problem_files(here: Path, capsys: pytest.CaptureFixture[str], source: str, said: str) -> None:
    (here / "mine.py").write_text(source)
    assert said in fails(capsys, "solve", "mine.py:Mine")


PROBLEM = """
from dataclasses import dataclass
import torch
from pinnscene import Box, Constraint, Problem, partials

@dataclass(frozen=True)
class Mine(Problem):
    \"\"\"A broken one.\"\"\"
    n: int = 20  # points
    values, domain = ("u",), Box(x=(0, 1), t=(0, 1))
    def constraints(self):
        return {"pde": Constraint(SAMPLER, RESIDUAL)}
"""


@pytest.mark.parametrize(
    ("sampler", "residual", "said"),
    [
        ("self.domain.interior(self.n)", "lambda u, p: u(p)[:, 0]", "expected shape [20, k], got [20]"),
        ("self.domain.interior(self.n)", "lambda u, p: u(p) - p.coords[:, 0]", "expected shape [20, k], got [20, 20]"),
        ("self.domain.interior(self.n)", "lambda u, p: p['x']", "does not depend on the field"),
        ("self.domain.interior(self.n)", "lambda u, p: partials(u, p, 'z')", "unknown axis"),
        ("self.domain.interior(self.n)", "lambda u, p: 0.0", "must be a tensor"),
        ("lambda g: None", "lambda u, p: u(p)", "must return points or a Batch"),
        ("lambda g: torch.empty(0, 2)", "lambda u, p: u(p)", "returned no points"),
    ],
)
@pytest.mark.parametrize("solver", ["head", "adam"])
def test_broken_constraints(
    here: Path, capsys: pytest.CaptureFixture[str], sampler: str, residual: str, said: str, solver: str
) -> None:
    (here / "mine.py").write_text(PROBLEM.replace("SAMPLER", sampler).replace("RESIDUAL", residual))
    assert said in fails(capsys, "solve", "mine.py:Mine", "--solver", solver, "--steps", "2", "--quiet")


def test_an_output_folder_that_holds_a_run_is_kept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["solve", "heat", "--out", "run", "-q", *FAST])
    before = {p: p.stat().st_mtime_ns for p in sorted((here / "run").rglob("*"))}
    assert "already holds a run" in fails(capsys, "solve", "heat", "--out", "run", "-q", *FAST)
    assert {p: p.stat().st_mtime_ns for p in sorted((here / "run").rglob("*"))} == before


@pytest.mark.parametrize("out", [[], ["--out", "mine"]])
def test_a_solve_that_fails_before_its_first_checkpoint_leaves_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], out: list[str]
) -> None:
    """The residual fails while the solve runs, after the run folder is made; an empty folder given stays, empty."""
    (here / "mine.py").write_text(
        PROBLEM.replace("SAMPLER", "self.domain.interior(self.n)").replace("RESIDUAL", "lambda u, p: u(p)[:, 0]")
    )
    (here / "mine").mkdir()
    fails(capsys, "solve", "mine.py:Mine", *out)
    assert list((here / "mine").iterdir()) == []
    assert not list(here.glob("runs/*/*"))


def test_a_run_that_has_a_checkpoint_is_kept_when_its_pictures_fail(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pinnscene.errors import PinnsceneError
    from pinnscene.problems.heat import Heat

    def fail(*args: object) -> None:
        raise PinnsceneError("no room for pictures")

    with monkeypatch.context() as patch:
        patch.setattr(Heat, "figures", fail)
        assert "no room" in fails(capsys, "solve", "heat", "--out", "run", "-q", *FAST)
    with pytest.raises(SystemExit) as stop:
        main(["eval", "run"])
    assert stop.value.code == 0


def test_numbers_that_overflow_end_as_nonfinite(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["solve", "heat", "--set", "alpha=1e308", "--json", *FAST])
    captured = capsys.readouterr()
    assert stop.value.code == 3
    assert '"status": "nonfinite"' in captured.out and "Error" not in captured.err
    assert "overflows" in fails(capsys, "solve", "heat", "--set", "alpha=1e308", "--set", "start=bump")


def test_other_files_are_never_mixed_with_a_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "thesis.txt").write_text("years of work")
    (here / "file").write_text("a file")
    assert "not empty" in fails(capsys, "solve", "heat", "--out", "mine", *FAST)
    assert "is a file" in fails(capsys, "solve", "heat", "--out", "file", *FAST)
    assert os.listdir(here / "mine") == ["thesis.txt"]


def test_a_place_that_cannot_be_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # not a permission: those do not bind root, and tests may run as root
    (here / "file").write_text("in the way")
    assert "cannot write" in fails(capsys, "solve", "heat", "--out", "file/run", *FAST)


def test_a_full_disk(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(path: Path, text: str, encoding: str = "") -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert "No space left on device" in fails(capsys, "solve", "heat", "--out", "run", "-q", *FAST)
    assert not list((here / "run").glob("*.toml"))


@pytest.fixture
def run(here: Path) -> Path:
    with pytest.raises(SystemExit):
        main(["solve", "heat", "--out", "run", "-q", *FAST])
    return here / "run"


def test_a_damaged_configuration(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (run / "config.toml").read_text()
    for damaged in (
        text[: len(text) // 2],
        "][",
        text.replace("schema = 1", "schema = 99"),
        text.replace("[field]", "[f]"),
        text.replace("seed = 0", 'seed = "a"'),
    ):
        (run / "config.toml").write_text(damaged)
        assert "config.toml" in fails(capsys, "eval", "run")


def test_a_truncated_checkpoint(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights,) = run.glob("checkpoints/*/state.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    assert "damaged" in fails(capsys, "eval", "run")


def test_no_checkpoint(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(run / "checkpoints")
    assert "no checkpoint" in fails(capsys, "eval", "run")


def test_code_is_never_loaded_from_a_run_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = PROBLEM.replace("SAMPLER", "self.domain.interior(self.n)").replace("RESIDUAL", "lambda u, p: u(p) - 1.0")
    (here / "mine.py").write_text(good)
    with pytest.raises(SystemExit) as stop:
        main(["solve", "mine.py:Mine", "--out", "run", "-q"])
    assert stop.value.code == 0
    assert (here / "run" / "source" / "mine.py").read_text() == good
    assert "--problem" in fails(capsys, "eval", "run")
    with pytest.raises(SystemExit) as stop:
        main(["eval", "run", "--problem", "mine.py:Mine"])
    assert stop.value.code == 0
