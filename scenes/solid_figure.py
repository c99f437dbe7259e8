"""The figure that a newcomer sees first: a young elephant that has curled the tip of its trunk into a ring."""

from pinnscene.scenes.csg import Moved, SmoothUnion, Union
from pinnscene.scenes.solid import Solid
from pinnscene.scenes.solid_ellipsoid import Ellipsoid
from pinnscene.scenes.solid_primitives import Capsule, Cylinder, Sphere, Torus

SIDES = (-1.0, 1.0)


def figure() -> Solid:
    """The elephant: 14 primitives, 1 unit high, standing on z = 0 and looking along +x; its surface has genus 1."""
    body = SmoothUnion((Moved(Ellipsoid((0.34, 0.265, 0.26)), (-0.17, 0.0, 0.44)), _legs()), 0.17)
    head = SmoothUnion((Moved(Ellipsoid((0.225, 0.215, 0.255)), (0.22, 0.0, 0.745)), _trunk(), _ears()), 0.1)
    return Union((SmoothUnion((body, head, _tail()), 0.12), _eyes()))


def _legs() -> Solid:
    leg = Cylinder(0.1, 0.17, 0.045)
    return Union(tuple(Moved(leg, (x, 0.13 * y, 0.17)) for x in (-0.34, 0.03) for y in SIDES))


def _trunk() -> Solid:
    upper = Capsule((0.36, 0.0, 0.68), (0.53, 0.0, 0.48), 0.11, 0.075)
    lower = Capsule((0.53, 0.0, 0.48), (0.56, 0.0, 0.3), 0.075, 0.05)
    ring = Moved(Torus(0.095, 0.042), (0.655, 0.0, 0.265), (1.0, 0.0, 0.0), 90.0)
    return SmoothUnion((Union((upper, lower)), ring), 0.05)


def _ears() -> Solid:
    ear = Ellipsoid((0.045, 0.19, 0.21))
    return Union(tuple(Moved(ear, (0.11, 0.32 * y, 0.69), (0.0, 0.0, 1.0), 22.0 * y) for y in SIDES))


def _tail() -> Solid:
    return Capsule((-0.49, 0.0, 0.52), (-0.6, 0.0, 0.3), 0.03, 0.035)


def _eyes() -> Solid:
    return Union(tuple(Moved(Sphere(0.028), (0.405, 0.12 * y, 0.78)) for y in SIDES))
