"""What every file of a shape must pass: readable, small enough for the memory, finite, and with an extent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from warnings import catch_warnings, filterwarnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.memory import GIB, Told, free_memory

SIZES = 1e-18, 1e18  # extents whose squares a single precision number still holds
THINNEST = 1e-6  # thickness over length below which points count as coplanar: text files round to about this


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever a reader raises, told in one line; numbers that break off in the middle of a line raise too."""
    try:
        with catch_warnings(), np.errstate(all="ignore"):
            simplefilter("ignore")
            filterwarnings("error", message="string or file could not be read to its end")
            yield
    except PinnsceneError:
        raise
    except IndexError:
        raise PinnsceneError(
            f"cannot read {path}: it names a vertex or a part that is not there: the file is broken"
        ) from None
    except MemoryError:
        raise PinnsceneError(f"{path} does not fit into memory: give a smaller file") from None
    except Exception as cause:  # readers raise whatever their parsing runs into
        reason = " ".join(str(cause).split())[:160] or type(cause).__name__
        raise PinnsceneError(f"cannot read {path}: {reason}: check the file") from None


def not_empty(path: Path) -> int:
    """The file's size in bytes; an empty one raises."""
    size = path.stat().st_size
    if size == 0:
        raise PinnsceneError(f"{path} is empty: expected a shape")
    return size


def afford(path: Path, what: str, need: int, told: Told) -> None:
    """State the memory that reading takes where it is a lot, and refuse what there is not enough for.

    Args:
        path: the file.
        what: what it holds, such as "10 million faces".
        need: the bytes that reading and preparing it will take.
        told: hears the line.

    Raises:
        PinnsceneError: more than is available.
    """
    room = free_memory()
    if need > room:
        raise PinnsceneError(
            f"{path} holds {what}: that takes about {need / GIB:.1f} GiB of memory and {room / GIB:.1f} GiB "
            "are free: give a smaller file"
        )
    if need > GIB:
        with catch_warnings():
            simplefilter("default")  # a reader's own warnings are muted around this (``explained``), the line is not
            told(f"{path} holds {what}: reading it takes about {need / GIB:.1f} GiB of memory")


def counted(n: int, what: str) -> str:
    """A number and its noun: "1 hole", "3 holes", "12.5 million faces"."""
    if n >= 1_000_000:
        return f"{n / 1e6:.3g} million {what}s"
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def finite(values: NDArray, path: Path | str, what: str) -> None:
    """Raise where ``values`` [n, k] hold NaN or infinities, with the first row that does."""
    bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if bad.any():
        first = int(np.argmax(bad))
        raise PinnsceneError(f"{path}: {what} number {first + 1} is NaN or infinite: expected finite numbers")


def sized(points: NDArray[np.float64], path: Path | str) -> None:
    """Raise where ``points`` [n, 3] that are not all equal reach less or more far than ``SIZES``."""
    with np.errstate(over="ignore"):
        extent = np.ptp(points, axis=0).max()
    if extent and not SIZES[0] <= extent <= SIZES[1]:
        expected = f"{SIZES[0]:.0e} to {SIZES[1]:.0e}, take another unit of length"
        raise PinnsceneError(f"{path} is {extent:.0e} units large: expected {expected}")


def with_volume(points: NDArray[np.float64], path: Path | str, what: str) -> None:
    """Raise unless ``points`` [n, 3] reach in all three directions.

    Raises:
        PinnsceneError: no or one point, all points equal, on one line or in one plane, or an extent outside ``SIZES``.
    """
    if len(points) < 2:
        raise PinnsceneError(f"{path} has {counted(len(points), what)}: expected a surface around a solid")
    sized(points, path)
    spread = points - points.mean(0)
    largest = np.abs(spread).max()
    if largest <= 1e-14 * np.abs(points).max():
        raise PinnsceneError(f"{path}: all {len(points)} {what}s are equal: expected a surface around a solid")
    sizes = np.linalg.svd(np.linalg.qr(spread / largest, mode="r"), compute_uv=False)
    if len(sizes) < 3 or sizes[2] < THINNEST * sizes[0]:
        lie = "lie on one line" if len(sizes) < 2 or sizes[1] < THINNEST * sizes[0] else "lie in one plane"
        raise PinnsceneError(f"{path}: all {what}s {lie}: a flat shape has no inside, expected one with volume")
