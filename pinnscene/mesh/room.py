"""Whether an extraction fits into memory, told before it is begun in earnest."""

from pinnscene.memory import expect_room

BYTES = 80  # a point of the finest lattice, measured: 1.4 GiB for 18 million on a sphere at 1024, report and file too
POINTS = 10  # new points of a cell that is halved, shared with its neighbours
GROWTH = 4  # by how much a halving multiplies the cells near a surface


def check_room(cells: int, halvings: int) -> None:
    """Raise ``PinnsceneError`` where halving that many cells so often takes more memory than is free."""
    expect_room("the surface", BYTES * POINTS * cells * GROWTH ** (halvings - 1), "take a smaller resolution")
