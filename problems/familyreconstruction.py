"""A cloud of points from a file, also of a part of a shape, as the member of a family that explains it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pinnscene.domain import Box
from pinnscene.problems.familyfitting import Cloud
from pinnscene.problems.familymethods import Method
from pinnscene.problems.familysampling import HALF
from pinnscene.problems.familyviews import Placed
from pinnscene.seeds import generator


class Reconstruction(NamedTuple):
    """A surface about ``origin``, so that nothing is lost far from zero, in the units of its cloud.

    Attributes:
        u: negative inside.
        box: around the cube in which the family was learned, turned as the member is.
        points: of the cloud [m, 3], about the origin too.
        origin: what was taken off the cloud's coordinates.
    """

    u: Placed
    box: Box
    points: NDArray[np.float64]
    origin: tuple[float, float, float]


def read_cloud(path: str, most: int) -> Cloud:
    """The points in a file, ``most`` of them at random where there are more; of a mesh or volume, its surface's.

    Raises:
        PinnsceneError: no such file, or content that is no shape.
    """
    from pinnscene.scenes.cloudshape import CloudShape
    from pinnscene.scenes.shapes import load_shape

    shape = load_shape(path)
    if isinstance(shape, CloudShape) and len(shape.points) <= most:
        return Cloud(shape.points, shape.normals)
    return Cloud(*shape.surface(most, generator(0, "cloud")))


def reconstruct(method: Method, u: Any, cloud: Cloud, starts: int = 1) -> Reconstruction:
    """The surface of a cloud under a trained field; more than one of ``starts`` where it is a part of a shape."""
    x, y, z = cloud.frame.centre.tolist()
    points = cloud.points - cloud.frame.centre
    (made,) = method.reconstruct(u, [Cloud(points, cloud.normals)], starts)
    return Reconstruction(made, around(made), points, (x, y, z))


def around(u: Placed) -> Box:
    """The box around a member's domain at its place: a turned cube reaches sum_j |R_ij| half sides along axis i."""
    reach = np.ones(3) if u.turn is None else u.turn.abs().sum(1).numpy()
    centre, half = u.centre.numpy(), HALF * u.side * reach
    ends = zip("xyz", centre - half, centre + half, strict=True)
    return Box(**{axis: (float(low), float(high)) for axis, low, high in ends})
