"""Solids by name and meshes by file, put where a scene wants them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.scenes.rayitems import Place, SolidItem
from pinnscene.scenes.raymaterials import Material
from pinnscene.scenes.raymesh import MeshItem, load_painted
from pinnscene.scenes.solid import AXES, Solid, Vector, positive
from pinnscene.scenes.solids import (
    SOLIDS,
    Capsule,
    Cuboid,
    Cylinder,
    Difference,
    Ellipsoid,
    Gyroid,
    Moved,
    Scaled,
    Sphere,
    Torus,
    Union,
)

KINDS: dict[str, type[Any]] = {
    "ball": Sphere,
    "box": Cuboid,
    "cylinder": Cylinder,
    "torus": Torus,
    "capsule": Capsule,
    "ellipsoid": Ellipsoid,
    "gyroid": Gyroid,
}
NAMED: dict[str, Solid] = {name: SOLIDS[name] for name in ("figure", "csg", "blend")}


@dataclass(frozen=True)
class Part:
    """A shape by name with its parameters, enlarged, turned about x, y and z in this order (degrees), then moved."""

    shape: str
    params: Mapping[str, Any] = field(default_factory=dict)
    position: Vector = (0.0, 0.0, 0.0)
    rotation: Vector = (0.0, 0.0, 0.0)
    scale: float = 1.0


def placed_solid(part: Part, removed: Sequence[Part], material: Material) -> SolidItem:
    """A solid of a scene, others taken away from it; each is placed in the world on its own.

    Raises:
        PinnsceneError: an unknown shape or parameter, or values that a shape does not take.
    """
    solid = _placed(part)
    if removed:
        gone = [_placed(other) for other in removed]
        solid = Difference(solid, gone[0] if len(gone) == 1 else Union(tuple(gone)))
    return SolidItem(solid, material, _place(part))


def placed_mesh(
    part: Part, folder: Path, mesh: str, texture: str | None, size: float | None, material: Material
) -> MeshItem:
    """A mesh of a scene; with a ``size``, its longest side has it and its box stands about the position.

    Raises:
        PinnsceneError: files that are not there, cannot be read or lie outside ``folder``, or a bad size.
    """
    positive("scale", part.scale)
    painted = load_painted(inside(folder, mesh), None if texture is None else inside(folder, texture))
    vertices = painted.vertices
    if size is not None:
        positive("size", size)
        lower, upper = vertices.min(0), vertices.max(0)
        vertices = (vertices - (lower + upper) / 2) * (size / max(float((upper - lower).max()), 1e-300))
    place = _place(part)
    moved = part.scale * vertices @ np.array(place.turn).T + np.array(place.by)
    return MeshItem(replace(painted, vertices=np.ascontiguousarray(moved)), material, place)


def inside(folder: Path, name: str) -> Path:
    """The file ``name`` in a folder.

    Raises:
        PinnsceneError: a path that leaves the folder, or no such file.
    """
    try:
        path = (folder / name).resolve()
        within = path.is_relative_to(folder.resolve())
        there = path.is_file()
    except (ValueError, OSError):
        raise PinnsceneError(f"expected the name of a file, got {name!r}") from None
    if not within:
        raise PinnsceneError(f"'{name}' lies outside the folder of the scene: put the file beside the scene file")
    if not there:
        raise PinnsceneError(f"there is no file '{name}' beside the scene file: check the path")
    return path


def _placed(part: Part) -> Solid:
    solid = _shape(part.shape, part.params)
    if part.scale != 1:
        solid = Scaled(solid, part.scale)
    for axis, angle in zip(AXES, part.rotation, strict=True):
        if angle:
            solid = Moved(solid, axis=axis, angle=angle)
    return Moved(solid, part.position) if any(part.position) else solid


def _shape(name: str, params: Mapping[str, Any]) -> Solid:
    if name in NAMED:
        if params:
            raise PinnsceneError(f"the shape '{name}' expected no params, got {', '.join(params)}")
        return NAMED[name]
    if name not in KINDS:
        raise unknown("shape", name, KINDS | NAMED)
    known = [f.name for f in fields(KINDS[name])]
    for key in params:
        if key not in known:
            raise unknown(f"param of {name}", key, known)
    return KINDS[name](**{key: _frozen(name, key, value) for key, value in params.items()})


def _frozen(shape: str, key: str, value: Any) -> Any:
    """A number, or three of them as a tuple."""
    numbers = value if isinstance(value, list) else [value]
    if not all(isinstance(x, int | float) and not isinstance(x, bool) for x in numbers):
        raise PinnsceneError(f"params.{key} of {shape} expected a number or three, got {value!r}")
    if not isinstance(value, list):
        return float(value)
    return tuple(float(x) for x in numbers)


def _place(part: Part) -> Place:
    turn: NDArray[np.float64] = np.eye(3)
    for axis, angle in zip(AXES, part.rotation, strict=True):
        turn = np.array(Moved(NAMED["csg"], axis=axis, angle=angle).rotation).T @ turn
    a, b, c = ((float(x), float(y), float(z)) for x, y, z in turn)
    return Place(part.position, (a, b, c))
