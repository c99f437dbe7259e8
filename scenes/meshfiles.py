"""Triangles and points out of mesh files, all bodies of a scene in one list, by trimesh."""

from codecs import BOM_UTF8
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.memory import Told
from pinnscene.scenes.meshpromises import PROMISED
from pinnscene.scenes.plyheader import read_header
from pinnscene.scenes.plypolygons import polygons
from pinnscene.scenes.shapechecks import afford, counted, explained, finite, not_empty
from pinnscene.scenes.shapes import Numbers

A_FACE = 800  # bytes that reading, cleaning and the search trees take at their peak: 650 to 840 measured, all told
A_BYTE = 4  # bytes that parsing takes for each byte of the file
PLAIN = bytes(range(128)) + b"?" * 128  # names and comments may be in any encoding, numbers are in ASCII


@dataclass(frozen=True, eq=False)
class Soup:
    """What a mesh file holds, as it is: vertices [v, 3], faces [f, 3] (none: a cloud) and normals [v, 3] or None."""

    vertices: Numbers
    faces: NDArray[np.int64]
    normals: Numbers | None = None


def read_mesh(path: Path, told: Told = lambda line: None) -> Soup:
    """The triangles of a mesh file; polygons are split, textures and materials are not looked at.

    Raises:
        PinnsceneError: an empty, broken or too large file, one that refers to others, vertices that are not
            finite, or faces that name vertices which are not there.
    """
    size = not_empty(path)
    with explained(path):
        faces = PROMISED[path.suffix.lower()](path, size)
        afford(path, counted(faces, "face"), faces * A_FACE + size * A_BYTE, told)
        soup = _merged(_placed(path))
    if not len(soup.vertices):
        raise PinnsceneError(f"{path} has no vertices: expected a mesh or points")
    finite(soup.vertices, path, "vertex")
    if len(soup.faces) and not (soup.faces.min() >= 0 and soup.faces.max() < len(soup.vertices)):
        raise PinnsceneError(f"{path}: a face names a vertex that is not there: the file is broken")
    return soup


def _placed(path: Path) -> list[Soup]:
    """Each body of the file's scene where the scene puts it."""
    import trimesh

    # Bytes instead of a path: so trimesh knows of no folder to look for other files in.
    file, ending = BytesIO(_content(path)), path.suffix[1:].lower()
    try:
        scene = trimesh.load_scene(file, file_type=ending, process=False, skip_materials=True)
    except ValueError:
        if path.suffix.lower() != ".ply" or not _binary(path):
            raise
        return [Soup(*polygons(path))]  # trimesh takes all faces to have as many corners as the first
    bodies = []
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        bodies.append(_body(scene.geometry[name], np.asarray(matrix, np.float64)))
    return bodies


def _content(path: Path) -> bytes:
    """The file's bytes; those of a text in ASCII, without the mark that some programs begin with."""
    raw, ending = path.read_bytes(), path.suffix.lower()
    text = ending in (".obj", ".off") or (ending == ".stl" and b"\0" not in raw)
    if text or (ending == ".ply" and not _binary(path)):
        return raw.removeprefix(BOM_UTF8).translate(PLAIN)
    return raw


def _binary(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(read_header(path, file).order)


def _body(geometry: Any, matrix: Numbers) -> Soup:
    """A body moved by ``matrix`` [4, 4]; a mirror image's faces are turned, so that they keep facing outwards."""
    vertices = np.asarray(geometry.vertices, np.float64).reshape(-1, 3)
    faces = np.asarray(getattr(geometry, "faces", np.empty((0, 3))), np.int64).reshape(-1, 3)
    normals = None if len(faces) else _normals(geometry, len(vertices))
    if len(faces) and not (faces.min() >= 0 and faces.max() < len(vertices)):
        raise ValueError("a face names a vertex that is not there")
    if np.array_equal(matrix, np.eye(4)):
        return Soup(vertices, faces, normals)
    turn = matrix[:3, :3]
    if np.linalg.det(turn) < 0:
        faces = faces[:, ::-1]
    return Soup(vertices @ turn.T + matrix[:3, 3], faces, None if normals is None else normals @ np.linalg.inv(turn))


def _normals(geometry: Any, n: int) -> Numbers | None:
    """The normals of a cloud: trimesh keeps them where a PLY file has them, but not as a cloud's own."""
    try:
        data = geometry.metadata["_ply_raw"]["vertex"]["data"]
        normals = np.column_stack([np.asarray(data[axis], np.float64).reshape(-1) for axis in ("nx", "ny", "nz")])
    except (KeyError, ValueError, AttributeError):
        return None
    return normals if normals.shape == (n, 3) else None


def _merged(bodies: list[Soup]) -> Soup:
    """All bodies in one; loose points beside faces are left out."""
    bodies = [body for body in bodies if len(body.faces)] or bodies
    if not bodies:
        return Soup(np.empty((0, 3)), np.empty((0, 3), np.int64))
    starts = np.cumsum([0, *(len(body.vertices) for body in bodies)])
    faces = [body.faces + start for body, start in zip(bodies, starts, strict=False)]
    normals = [body.normals for body in bodies if body.normals is not None]
    return Soup(
        np.concatenate([body.vertices for body in bodies]),
        np.concatenate(faces),
        np.concatenate(normals) if len(normals) == len(bodies) else None,
    )
