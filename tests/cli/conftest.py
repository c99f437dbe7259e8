"""Shared helpers: the program called as a command line calls it, in a copy of a folder of solved runs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pinnscene.cli import main


@pytest.fixture(scope="session")
def call() -> Callable[..., int]:
    """Run the program with arguments; its exit code."""

    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        return int(stop.value.code or 0)

    return run


@pytest.fixture
def said(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the program with arguments that it refuses; the one line that it says."""

    def refused(*arguments: str) -> str:
        capsys.readouterr()
        assert call(*arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and "Traceback" not in captured.err
        assert len(captured.err.splitlines()) == 1 and captured.err.startswith("error: "), captured.err
        return captured.err

    return refused


@pytest.fixture
def here(solved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the module's folder ``solved``, to be in."""
    monkeypatch.chdir(shutil.copytree(solved, tmp_path / "work"))
    return tmp_path / "work"
