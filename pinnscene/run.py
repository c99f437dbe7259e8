"""Run folders: a solution on disk, movable, plain data and safetensors only."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from math import isfinite
from os.path import isfile, join
from pathlib import Path
from time import monotonic
from typing import Any

from pinnscene.checkpoints import load_latest, save_checkpoint
from pinnscene.config import Config
from pinnscene.errors import PinnsceneError
from pinnscene.files import cannot_write, write_text
from pinnscene.solution import Log
from pinnscene.state import State

EVERY = 20.0  # seconds between checkpoints


class Run:
    """One run folder; also the keeper that the trainer reports to."""

    def __init__(self, path: Path, made: bool = False) -> None:
        self.path, self.made = path, made
        self._saved = monotonic()

    @classmethod
    def create(cls, path: Path) -> "Run":
        """A new, empty run folder; raises ``PinnsceneError`` where one is already, or none can be made."""
        if path.exists() and not path.is_dir():
            raise PinnsceneError(f"{path} is a file: give a folder to --out")
        if (path / "config.toml").exists():
            raise PinnsceneError(
                f"{path} already holds a run: choose another --out, or continue it with "
                f"`pinnscene solve {path} --resume`"
            )
        if path.exists() and any(path.iterdir()):
            raise PinnsceneError(f"{path} is not empty: give a new or an empty folder to --out")
        made = not path.exists()
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / "checkpoints").mkdir(exist_ok=True)
        except OSError as cause:
            raise cannot_write(path, cause) from cause
        return cls(path, made)

    @contextmanager
    def or_nothing(self) -> Iterator[None]:
        """Take a new run back where it fails before anything is worth keeping: before its first checkpoint."""
        try:
            yield
        except Exception:
            if not any((self.path / "checkpoints").glob("[0-9]*")):
                for entry in self.path.iterdir():
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
                if self.made:
                    self.path.rmdir()
            raise

    @classmethod
    def open(cls, name: str | Path, base: Path = Path("runs"), unfinished: bool = False) -> "Run":
        """The run of a folder, of ``latest`` or of ``latest:PROBLEM``; raises ``PinnsceneError``.

        Args:
            name: of the run.
            base: where ``latest`` looks.
            unfinished: let ``latest`` be a run that was cut off or is still in progress, too.
        """
        text = str(name)
        if text == "latest" or text.startswith("latest:"):
            return cls(latest(text.partition(":")[2], base, unfinished))
        path = Path(name)
        if not holds_run(path):
            raise PinnsceneError(f"{path} is no run folder: it has no config.toml")
        return cls(path)

    @property
    def config(self) -> Config:
        """The configuration; raises ``PinnsceneError`` where it is damaged."""
        return Config.read(self.path / "config.toml")

    def configure(self, config: Config) -> None:
        """Write config.toml."""
        write_text(self.path / "config.toml", config.dumps())

    def keep_source(self, path: Path) -> None:
        """Copy a custom problem's source beside the configuration, to be read by people."""
        try:
            (self.path / "source").mkdir(exist_ok=True)
            shutil.copy2(path, self.path / "source" / path.name)
        except OSError as cause:
            raise cannot_write(self.path, cause) from cause

    @property
    def result(self) -> dict[str, Any]:
        """result.json; raises ``PinnsceneError`` where there is none."""
        path = self.path / "result.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as cause:
            raise PinnsceneError(f"{path} is missing or damaged: make it again with `pinnscene eval`") from cause

    def conclude(self, result: dict[str, Any]) -> None:
        """Write result.json."""
        write_text(self.path / "result.json", dumps(result))

    def log(self, log: Log) -> None:
        """Append a line to metrics.jsonl."""
        line = {
            "stage": log.stage,
            "phase": log.phase,
            "step": log.step,
            "loss": log.loss,
            "losses": log.losses,
            "seconds": round(log.seconds, 4),
        }
        if log.weights:
            line["weights"] = log.weights
        if log.metric is not None:
            line[log.metric[0]] = log.metric[1]
        try:
            with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(finite(line)) + "\n")
        except OSError as cause:
            raise cannot_write(self.path, cause) from cause

    def due(self) -> bool:
        return monotonic() - self._saved > EVERY

    def save(self, state: State) -> None:
        """Write a checkpoint."""
        save_checkpoint(self.path / "checkpoints", state)
        self._saved = monotonic()

    def checkpoint(self) -> dict[str, Any]:
        """The newest checkpoint that can be read."""
        return load_latest(self.path / "checkpoints")


def holds_run(name: str | Path) -> bool:
    """Whether there is a run folder of this name; no text is too long or too odd to be asked about."""
    return isfile(join(name, "config.toml"))


def latest(problem: str = "", base: Path = Path("runs"), unfinished: bool = False) -> Path:
    """The newest run under ``base`` that has a result, of one problem or of any.

    With ``unfinished``, or where none has a result, the newest of all.
    """
    if problem in (".", "..") or any(mark in problem for mark in "/\\*?["):
        raise PinnsceneError(f"latest: expected the name of a problem, got '{problem}'")
    found = [p.parent for p in base.glob(f"{problem or '*'}/*/config.toml")]
    if not found:
        raise PinnsceneError(f"no run of {problem or 'any problem'} in {base}: solve one first")
    ended = [path for path in found if (path / "result.json").is_file()]
    return max(found if unfinished or not ended else ended, key=lambda p: (p.name, p.stat().st_mtime))


def new_path(problem: str, base: Path = Path("runs")) -> Path:
    """runs/PROBLEM/YYYYMMDD-HHMMSS, with a suffix where that is taken."""
    stem = datetime.now().strftime("%Y%m%d-%H%M%S")
    path, k = base / problem / stem, 1
    while path.exists():
        path, k = base / problem / f"{stem}-{k}", k + 1
    return path


def finite(tree: Any) -> Any:
    """The tree with numbers that JSON does not have (NaN, infinities) as null."""
    if isinstance(tree, float):
        return tree if isfinite(tree) else None
    if isinstance(tree, dict):
        return {k: finite(v) for k, v in tree.items()}
    return [finite(v) for v in tree] if isinstance(tree, list | tuple) else tree


def dumps(tree: Any) -> str:
    """JSON with null for numbers that it does not have."""
    return json.dumps(finite(tree), indent=2) + "\n"
