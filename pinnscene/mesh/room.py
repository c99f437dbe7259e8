"""What an extraction takes of memory and time, told before it is begun in earnest."""

from pinnscene.memory import GIB, Told, expect_room

BYTES = 80  # a point of the finest lattice, measured: 1.4 GiB for 18 million on a sphere at 1024, report and file too
POINTS = 10  # new points of a cell that is halved, shared with its neighbours
GROWTH = 4  # by how much a halving multiplies the cells near a surface
WORK = 2.0  # the time that a point takes in all, in those of its evaluation, measured: projection, normals and file too
LONG = 60.0  # seconds from which they are told


def check_room(cells: int, halvings: int) -> None:
    """Raise ``PinnsceneError`` where halving that many cells so often takes more memory than is free."""
    expect_room("the surface", _bytes(cells, halvings), "take a smaller resolution")


def foretell(cells: int, halvings: int, seconds: float, told: Told) -> None:
    """Tell what halving that many cells so often takes, where that is a lot.

    Args:
        cells: that the surface may pass through.
        halvings: how often they are halved.
        seconds: that the evaluation of a point takes.
        told: hears the line.
    """
    points = POINTS * cells * sum(GROWTH**k for k in range(halvings))
    need, long = _bytes(cells, halvings), WORK * seconds * points
    if need > GIB or long > LONG:
        told(f"about {points / 1e6:.3g} million points: about {need / GIB:.2g} GiB of memory and {_time(long)}")


def _bytes(cells: int, halvings: int) -> float:
    return BYTES * POINTS * cells * float(GROWTH) ** (halvings - 1)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * LONG else f"{seconds / 60:.0f} min"
