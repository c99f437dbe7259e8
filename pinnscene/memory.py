"""How much memory there is to take, asked before a lot of it is taken."""

import os
from collections.abc import Callable
from pathlib import Path

from pinnscene.errors import PinnsceneError

MEMINFO = Path("/proc/meminfo")  # Linux's own account
GIB = 1 << 30  # bytes
Told = Callable[[str], None]  # hears a line on what something takes, before it is begun


def free_memory() -> float:
    """Bytes that programs may still take; all of the machine's where only that is known, infinite where nothing is."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def expect_room(what: str, need: float, advice: str) -> None:
    """Raise ``PinnsceneError`` where ``what`` needs more bytes than are free; ``advice`` says what to do then."""
    room = free_memory()
    if need > room:
        raise PinnsceneError(
            f"{what} would take about {need / GIB:.3g} GiB of memory, {room / GIB:.3g} GiB are free: {advice}"
        )
