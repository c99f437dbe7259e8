"""Files that are whole or not there: written under another name, flushed, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from pinnscene.errors import PinnsceneError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and vanishes when not.

    Raises:
        PinnsceneError: the folder cannot be written to, or the disk is full.
    """
    temporary = path.with_name(f".{path.stem}-{token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise cannot_write(path, cause) from cause
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except OSError as cause:
        raise cannot_write(path, cause) from cause
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def cannot_write(path: Path, cause: OSError) -> PinnsceneError:
    """The error for a path that cannot be written."""
    return PinnsceneError(f"cannot write {path}: {cause.strerror or cause}")


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
