"""A field's level set as a triangle mesh."""

from math import ceil, log2

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.memory import Told
from pinnscene.mesh.lattice import Lattice
from pinnscene.mesh.marchingcubes import polygonise
from pinnscene.mesh.nearsurface import COARSE, cut_cells
from pinnscene.mesh.record import Mesh
from pinnscene.mesh.samples import LevelSet, Share
from pinnscene.views import Differentiable


def extract(
    u: Differentiable,
    box: Box,
    resolution: int = 256,
    level: float = 0.0,
    progress: Share = lambda share: None,
    told: Told = lambda line: None,
) -> Mesh:
    """The surface where ``u`` is ``level``, by marching cubes on the cells near it alone.

    Memory and time grow with the square of the resolution. ``u`` need not be a distance; bodies smaller than a
    128th of the box are found where its values farther off tell of them, as those of a distance do. A surface that
    leaves the box is left open there.

    Args:
        u: a field of three axes and one output, less than ``level`` inside.
        box: where to look, in the units of the field.
        resolution: cells along the box's longest axis, rounded up to what halves down to 128 or fewer.
        level: the value on the surface.
        progress: told the share done.
        told: hears in a line what a long extraction will take, once the coarse lattice is known.

    Returns:
        The mesh in the box's units, faces counter-clockwise seen from outside, without normals.

    Raises:
        PinnsceneError: another number of axes or outputs, no surface in the box, or a value that is not finite.
    """
    if len(u.axes) != 3 or len(box.axes) != 3 or len(u.values) != 1:
        got = f"a field of ({', '.join(u.axes)}) with outputs {', '.join(u.values)}"
        raise PinnsceneError(f"a surface needs a field of three axes and one output, got {got}")
    halvings = max(0, ceil(log2(resolution / COARSE)))
    lattice, cells, samples = cut_cells(
        LevelSet(u, level), Lattice.over(box, resolution, halvings), halvings, progress, told
    )
    return Mesh(*polygonise(lattice, cells, samples))


def cell_size(box: Box, resolution: int) -> float:
    """The longest edge of the cells that ``extract`` takes."""
    halvings = max(0, ceil(log2(resolution / COARSE)))
    return float(Lattice.over(box, resolution, halvings).step.max()) / 2**halvings
