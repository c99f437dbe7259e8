"""The signed distance from what is solid of a density: where a surface begins."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pinnscene.domain import Box
from pinnscene.errors import NoSurface
from pinnscene.mesh import extract
from pinnscene.mesh.bodies import without_crumbs
from pinnscene.radiance.shape import Distances
from pinnscene.radiance.solid import CRUMB, HALF, Solid

if TYPE_CHECKING:
    from pinnscene.radiance.field import RadianceField


def solid_distances(u: "RadianceField", resolution: int) -> Distances | None:
    """Distances in half sides, at points [n, 3] of [-1, 1]^3, from the surface of a density; None where it has none.

    Args:
        u: a field of light.
        resolution: cells along the longest side of the lattice that the surface is found on.
    """
    from igl import SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER, signed_distance

    centre, extent = (v.double().cpu().numpy() for v in (u.centre, u.extent))
    box = Box(**{axis: (c - e, c + e) for axis, c, e in zip("xyz", centre.tolist(), extent.tolist(), strict=True)})
    try:
        mesh = extract(Solid(u, box, resolution), box, resolution, 1 - HALF)
    except NoSurface:
        return None
    mesh, _ = without_crumbs(mesh, CRUMB)
    vertices, faces = (np.ascontiguousarray(a) for a in ((mesh.vertices - centre) / u.unit, mesh.faces))
    side = extent / u.unit

    def distances(y: NDArray[np.float64]) -> NDArray[np.float64]:
        kind = SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER
        return np.asarray(signed_distance(np.ascontiguousarray(y * side), vertices, faces, kind)[0])

    return distances
