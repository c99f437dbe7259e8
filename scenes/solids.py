"""Analytic solids: all kinds in one place, and those built in, by name."""

from pinnscene.errors import unknown
from pinnscene.scenes.csg import Difference, Intersection, Moved, Scaled, SmoothUnion, Union
from pinnscene.scenes.solid import Solid
from pinnscene.scenes.solid_ellipsoid import Ellipsoid
from pinnscene.scenes.solid_figure import figure
from pinnscene.scenes.solid_primitives import Capsule, Cuboid, Cylinder, Gyroid, Sphere, Torus

__all__ = [
    "SOLIDS",
    "Capsule",
    "Cuboid",
    "Cylinder",
    "Difference",
    "Ellipsoid",
    "Gyroid",
    "Intersection",
    "Moved",
    "Scaled",
    "SmoothUnion",
    "Solid",
    "Sphere",
    "Torus",
    "Union",
    "solid",
]


def blend() -> Solid:
    """A ball, a ring and a bar that flow into each other."""
    ring = Moved(Torus(0.5, 0.16), (0.0, 0.0, 0.1), (1.0, 0.0, 0.0), 90.0)
    bar = Capsule((-0.75, 0.0, -0.5), (0.75, 0.0, -0.5), 0.18)
    return SmoothUnion((Moved(Sphere(0.36), (0.42, 0.0, 0.52)), ring, bar), 0.3)


def csg() -> Solid:
    """The textbook's constructive solid: a rounded cube within a ball, bored along its three axes."""
    bore = Cylinder(0.42, 1.2)
    bores = Union((bore, Moved(bore, axis=(1.0, 0.0, 0.0), angle=90.0), Moved(bore, axis=(0.0, 1.0, 0.0), angle=90.0)))
    return Difference(Intersection((Cuboid((0.75, 0.75, 0.75), 0.06), Sphere(1.02))), bores)


SOLIDS: dict[str, Solid] = {
    "figure": figure(),
    "sphere": Sphere(0.8),
    "box": Cuboid((0.8, 0.6, 0.5)),
    "torus": Torus(0.65, 0.25),
    "capsule": Capsule((0.0, 0.0, -0.45), (0.0, 0.0, 0.45), 0.35),
    "gyroid": Gyroid(1.0, 1.0, 0.1),
    "blend": blend(),
    "csg": csg(),
}


def solid(name: str) -> Solid:
    """A built-in solid by its name.

    Raises:
        PinnsceneError: an unknown name, with those near it.
    """
    if name not in SOLIDS:
        raise unknown("solid", name, SOLIDS)
    return SOLIDS[name]
