"""Whether an extraction fits into memory, told before it is begun in earnest."""

import os

from pinnscene.errors import PinnsceneError

BYTES = 80  # a point of the finest lattice, measured: 1.4 GiB for 18 million on a sphere at 1024, report and file too
POINTS = 10  # new points of a cell that is halved, shared with its neighbours
GROWTH = 4  # by how much a halving multiplies the cells near a surface


def check_room(cells: int, halvings: int) -> None:
    """Raise ``PinnsceneError`` where halving that many cells so often takes more memory than the machine has."""
    needed, there = BYTES * POINTS * cells * GROWTH ** (halvings - 1), memory()
    if needed > there:
        gib = 2**30
        raise PinnsceneError(
            f"the surface would take about {needed / gib:.3g} GiB, this machine has {there / gib:.3g} GiB: "
            f"take a smaller resolution"
        )


def memory() -> float:
    """The machine's memory in bytes; infinite where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return float("inf")
