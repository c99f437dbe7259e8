"""What every file of posed pictures must pass: small enough, inside its folder, numbers, rigid poses."""

import json
import os
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path, PureWindowsPath
from typing import Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError

MOST_FRAMES = 20_000
MOST_BYTES = 32 << 20  # of a JSON file: 20 000 frames take less
LONGEST = 1024  # characters of a name
STIFF = 1e-2  # by how much the lengths of a pose's axes may differ, and their angles from right ones


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        PinnsceneError: a file that cannot be read or is too large, no JSON, or JSON of another kind.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise PinnsceneError(
                f"{path} has {size >> 20} MiB: at most {MOST_BYTES >> 20} MiB and {MOST_FRAMES} frames are read"
            )
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as cause:
        raise PinnsceneError(f"cannot read {path}: {cause.strerror or cause}") from None
    except RecursionError:
        raise PinnsceneError(f"cannot read {path}: it is nested too deeply: expected a list of frames") from None
    except ValueError as cause:
        if isinstance(cause, PinnsceneError):
            raise
        raise PinnsceneError(f"{path} is no JSON: {cause}") from None
    if not isinstance(tree, dict):
        raise PinnsceneError(f"{path}: expected a JSON object with frames, got a {type(tree).__name__}")
    return tree


def frames_of(tree: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """The list "frames" of a transforms file.

    Raises:
        PinnsceneError: no such list, none or too many in it, or entries that are no objects.
    """
    frames = tree.get("frames")
    if not isinstance(frames, list) or not frames:
        raise PinnsceneError(f"{path} has no frames: expected a list 'frames' of pictures with their poses")
    if len(frames) > MOST_FRAMES:
        raise PinnsceneError(f"{path} has {len(frames)} frames: at most {MOST_FRAMES} are read, thin them out")
    for k, frame in enumerate(frames):
        if not isinstance(frame, dict):
            raise PinnsceneError(f"{path}: frame {k + 1} is a {type(frame).__name__}: expected an object")
    return frames


def number(tree: Mapping[str, Any], key: str, where: str) -> float | None:
    """A finite number, or None where ``tree`` has no such key.

    Raises:
        PinnsceneError: something else.
    """
    value = tree.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise PinnsceneError(f"{where}: expected a finite number for {key}, got {str(value)[:40]!r}")
    return float(value)


def text(tree: Mapping[str, Any], key: str, where: str) -> str | None:
    """A short string without control characters, or None where ``tree`` has no such key; anything else raises."""
    value = tree.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or any(category(c) in ("Cc", "Cs") for c in value):
        raise PinnsceneError(f"{where}: expected a name for {key}, got {str(value)[:40]!r}")
    return value


def is_file(path: Path) -> bool:
    """Whether there is a file; no error for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def inside(folder: Path, name: str, where: str) -> Path:
    """The path of a file that is named in a data file.

    Raises:
        PinnsceneError: an absolute path, or one that leaves the data folder.
    """
    plain = name.replace("\\", "/")
    path = folder / plain
    if Path(plain).is_absolute() or PureWindowsPath(name).drive:
        raise PinnsceneError(f"{where} names '{name}': absolute paths are not read, make it relative to {folder}")
    try:
        leaves = not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle, or a name that is too long
        raise PinnsceneError(f"{where} names '{name[:80]}', which is no path that can be followed") from None
    if leaves or os.path.normpath(plain).startswith(".."):
        raise PinnsceneError(
            f"{where} names '{name}', which leaves the data folder {folder}: nothing outside it is read"
        )
    return path


def matrix_of(value: Any, where: str) -> NDArray[np.float64]:
    """A pose [4, 4] out of JSON, of three or four rows.

    Raises:
        PinnsceneError: another shape, or entries that are no numbers.
    """
    rows = value if isinstance(value, list) else []
    good = len(rows) in (3, 4) and all(isinstance(row, list) and len(row) == 4 for row in rows)
    entries = [x for row in rows for x in row] if good else []
    if not good or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in entries):
        raise PinnsceneError(f"{where}: expected a transform_matrix of 4 x 4 numbers, camera to world")
    matrix = np.eye(4)
    try:
        matrix[: len(rows)] = np.array(rows, dtype=np.float64)
    except OverflowError:
        raise PinnsceneError(f"{where}: its transform_matrix has numbers that are too large") from None
    return matrix


def rigid(matrix: NDArray[np.float64], where: str) -> tuple[NDArray[np.float64], float]:
    """The nearest rigid motion [4, 4] and the uniform scale that was divided out of its axes.

    Raises:
        PinnsceneError: entries that are not finite, axes that are sheared, mirrored or of no length, or a last row
            other than 0 0 0 1.
    """
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 1e15:
        raise PinnsceneError(f"{where}: its pose is NaN or infinite: expected finite numbers")
    if not np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-6):
        raise PinnsceneError(f"{where}: the last row of its pose is {matrix[3].tolist()}: expected 0 0 0 1")
    left, stretch, right = np.linalg.svd(matrix[:3, :3])
    scale = float(stretch.mean())
    if not scale > 1e-12 or stretch.max() - stretch.min() > STIFF * scale:
        raise PinnsceneError(f"{where}: its pose is sheared or stretched: expected a rotation and a position")
    if np.linalg.det(matrix[:3, :3]) < 0:
        raise PinnsceneError(f"{where}: its pose mirrors the world: expected a rotation and a position")
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = left @ right, matrix[:3, 3]
    return made, scale


def listed(names: Sequence[str], most: int = 3) -> str:
    """A few names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
