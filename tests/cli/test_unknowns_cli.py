"""Unknown options and ranges on the command line: solved, taken again, drawn; what is wrong is told in a line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SMALL = ("--set", "field.modes=2,10")
EVERY = ("--set", "alpha=0.2..0.4", "--set", "field.modes=2,10,5")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with measured rows."""
    draw = np.random.default_rng(0)
    x, t = draw.random((2, 100))
    rows = np.stack([x, t, np.exp(-0.25 * np.pi**2 * t) * np.sin(np.pi * x) + 0.01 * draw.normal(size=100)], 1)
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",", header="x,t,u", comments="")
    np.savez(tmp_path / "rows.npz", x=x, t=t, u=rows[:, 2])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_unknown_is_printed_kept_and_taken_again(
    here: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("solve", "heat", "--set", "alpha=unknown", "--data", "rows.csv", "--out", "run", *SMALL) == 0
    assert "alpha = 0.2" in capsys.readouterr().out
    kept = json.loads((here / "run" / "result.json").read_text())
    assert kept["problem"] == "heat" and kept["options"]["alpha"] == "unknown:0.4"
    alpha = kept["unknowns"]["alpha"]
    assert abs(alpha["value"] - 0.25) < 3 * alpha["standard_error"] < 0.03
    assert (here / "run" / "figures" / "data.png").stat().st_size > 1000
    assert call("eval", "run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["unknowns"] == kept["unknowns"]
    assert call("solve", "heat", "--set", "alpha=unknown:0.3", "--data", "rows.npz", "--json", *SMALL) == 0
    assert json.loads(capsys.readouterr().out)["unknowns"]["alpha"]["value"] == pytest.approx(alpha["value"], rel=1e-4)


def test_a_range_is_solved_and_drawn_at_a_value(
    here: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("solve", "heat", *EVERY, "--out", "run", "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["options"]["alpha"] == "0.2..0.4" and 0 < whole["metrics"]["rel_l2"] < 1e-3
    assert call("eval", "run", "--at", "alpha=0.3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["rel_l2"] <= whole["metrics"]["rel_l2"]
    assert call("render", "run", "--at", "alpha=0.3", "--out", "one.png") == 0
    assert (here / "one.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("solve", "heat", "--set", "alpha=unknown"), "give measurements, --data FILE with the columns x, t, u"),
        (("solve", "heat", "--set", "alpha=unknown", "--data", "none.csv"), "cannot read none.csv"),
        (("solve", "heat", "--set", "alpha=unknown:x", "--data", "rows.csv"), "expected unknown or unknown:START"),
        (("solve", "heat", "--set", "n=unknown", "--data", "rows.csv"), "n is a whole number"),
        (("solve", "heat", "--set", "alpha=1..0.1"), "a range from a lower to a higher number"),
        (("solve", "heat", "--set", "alpha=0.1..nan"), "a range from a lower to a higher number"),
        (("render", "heat", "--at", "alpha=0.3"), "no option of this one has a range"),
        (("render", "heat", *EVERY, "--at", "alpha=3"), "alpha=3 lies outside its range 0.2..0.4"),
        (("render", "heat", *EVERY, "--at", "alpha"), "--at expected NAME=VALUE"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_and_nothing_is_written(
    here: Path, said: Callable[..., str], arguments: tuple[str, ...], told: str
) -> None:
    assert told in said(*arguments)
    assert sorted(path.name for path in here.iterdir()) == ["rows.csv", "rows.npz"]


def test_rows_that_say_nothing_leave_no_run(here: Path, call: Callable[..., int]) -> None:
    (here / "wall.csv").write_text("x,t,u\n" + "".join(f"0,{k / 10},0\n" for k in range(10)))
    assert call("solve", "heat", "--set", "alpha=unknown", "--data", "wall.csv", "--out", "run", *SMALL) == 2
    assert not (here / "run").exists()
