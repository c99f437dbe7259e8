"""Checkpoints: weights, solver and counters for an exact resume, in safetensors and JSON."""

import json
import os
import shutil
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from secrets import token_hex
from typing import Any
from warnings import warn

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.files import cannot_write
from pinnscene.state import State
from pinnscene.tree import pack, unpack

SCHEMA = 1
COUNTERS = ("stage", "phase", "step", "taken", "seconds", "loss", "heldout")
SINCE: dict[str, Any] = {"parts": {}, "gauges": [], "warnings": []}  # what older checkpoints lack


def save_checkpoint(folder: Path, state: State) -> Path:
    """Write ``folder/STEP`` whole or not at all, then drop all but the last two and the best.

    Raises:
        PinnsceneError: the folder cannot be written to, or the disk is full.
    """
    tensors: dict[str, Tensor] = {}
    fields = [dict(field.state_dict()) for field in state.fields]
    tree = {"fields": fields, "shown": state.shown, "stepper": state.stepper, "memory": state.memory}
    counters = {k: getattr(state, k) for k in (*COUNTERS, *SINCE)}
    packed = {k: pack(v, k, tensors) for k, v in (tree | counters).items()}
    target = folder / f"{state.taken:08d}"
    temporary = folder / f".{state.taken:08d}-{token_hex(4)}"
    try:
        temporary.mkdir(parents=True)
        save_file({k: t.cpu() for k, t in tensors.items()}, temporary / "state.safetensors")
        text = json.dumps({"schema": SCHEMA, "state": packed})
        (temporary / "state.json").write_text(text, encoding="utf-8")
        for path in temporary.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    except OSError as cause:
        raise cannot_write(folder, cause) from cause
    except SafetensorError as cause:
        raise PinnsceneError(f"cannot write {folder}: {cause}") from cause
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _prune(folder)
    return target


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(p for p in folder.glob("[0-9]*") if p.is_dir())


def _prune(folder: Path) -> None:
    found = checkpoints(folder)
    if len(found) <= 2:
        return
    best = min(found, key=_loss)
    for path in found[:-2]:
        if path != best:
            shutil.rmtree(path, ignore_errors=True)


def _loss(path: Path) -> float:
    try:
        loss = float(unpack(_json(path)["state"]["loss"], {}))
    except (PinnsceneError, KeyError, TypeError):
        return float("inf")
    return float("inf") if isnan(loss) else loss


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads((path / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise PinnsceneError(f"checkpoint {path} is damaged: state.json cannot be read") from cause
    if not isinstance(content, dict) or not isinstance(content.get("schema"), int):
        raise PinnsceneError(f"checkpoint {path} is damaged: state.json has no schema")
    if content["schema"] > SCHEMA:
        raise PinnsceneError(
            f"checkpoint {path} has schema {content['schema']}, newer than this pinnscene's {SCHEMA}: upgrade pinnscene"
        )
    return content


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The packed state of one checkpoint as nested data with tensors on the CPU.

    Raises:
        PinnsceneError: damaged, or of a newer schema.
    """
    content = _json(path)
    try:
        tensors = load_file(path / "state.safetensors")
    except (OSError, SafetensorError) as cause:
        raise PinnsceneError(f"checkpoint {path} is damaged: state.safetensors cannot be read") from cause
    try:
        state = SINCE | {k: unpack(v, tensors) for k, v in content["state"].items()}
        missing = {"fields", "shown", "stepper", "memory", *COUNTERS} - state.keys()
    except (KeyError, AttributeError) as cause:
        raise PinnsceneError(f"checkpoint {path} is damaged: state.json has no state") from cause
    if missing:
        raise PinnsceneError(f"checkpoint {path} is damaged: state.json lacks {', '.join(sorted(missing))}")
    return state


def load_latest(folder: Path) -> dict[str, Any]:
    """The newest checkpoint that can be read; a damaged newer one is named in a warning.

    Raises:
        PinnsceneError: there is none.
    """
    found = checkpoints(folder)
    if not found:
        raise PinnsceneError(f"no checkpoint in {folder}: the run saved none, solve again")
    problems = []
    for path in reversed(found):
        try:
            loaded = load_checkpoint(path)
        except PinnsceneError as cause:
            if "newer than" in str(cause):
                raise
            problems.append(str(cause))
            continue
        for problem in problems:
            warn(f"{problem}; using {path.name} instead", stacklevel=2)
        return loaded
    raise PinnsceneError(f"{problems[0]}; no other checkpoint can be read")


def restore(content: dict[str, Any], fields: Sequence[Field]) -> State:
    """A state from ``load_checkpoint`` with the weights put into ``fields``, one for each that was saved."""
    for field, weights in zip(fields, content["fields"], strict=True):
        try:
            field.to(next(iter(weights.values())).dtype).load_state_dict(weights)
        except RuntimeError as cause:
            raise PinnsceneError(f"the checkpoint's weights do not fit the field of config.toml: {cause}") from cause
    known: dict[str, Any] = {k: content[k] for k in (*COUNTERS, *SINCE, "stepper", "shown", "memory")}
    known |= {k: [tuple(pair) for pair in content[k]] for k in ("heldout", "gauges")}
    known["warnings"] = list(content["warnings"])
    return State(fields=list(fields), **known)


def present(state: State) -> None:
    """Put the weights to evaluate with in place of those in training."""
    if state.shown is not None:
        state.fields[min(state.stage, len(state.fields) - 1)].load_state_dict(state.shown)
