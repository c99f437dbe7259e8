"""Whether an extraction fits into memory, told before it is begun in earnest."""

from pinnscene.errors import PinnsceneError
from pinnscene.memory import GIB, free_memory

BYTES = 80  # a point of the finest lattice, measured: 1.4 GiB for 18 million on a sphere at 1024, report and file too
POINTS = 10  # new points of a cell that is halved, shared with its neighbours
GROWTH = 4  # by how much a halving multiplies the cells near a surface


def check_room(cells: int, halvings: int) -> None:
    """Raise ``PinnsceneError`` where halving that many cells so often takes more memory than is free."""
    needed, there = BYTES * POINTS * cells * GROWTH ** (halvings - 1), free_memory()
    if needed > there:
        raise PinnsceneError(
            f"the surface would take about {needed / GIB:.3g} GiB of memory, {there / GIB:.3g} GiB are free: "
            f"take a smaller resolution"
        )
