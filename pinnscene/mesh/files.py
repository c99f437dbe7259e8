"""Writing triangle meshes: PLY, OBJ, STL, GLB. Positions keep their axes and units in all of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import unknown
from pinnscene.files import replacing
from pinnscene.mesh.record import Mesh

OWN = ("x", "y", "z", "nx", "ny", "nz", "red", "green", "blue")  # names that PLY has a meaning for


def write_mesh(mesh: Mesh, path: str | Path) -> Path:
    """Write a mesh whole or not at all, in the format that the ending says.

    | ending | positions | normals, colours of vertices | values |
    |---|---|---|---|
    | ply | float64 | both | float64, by name |
    | obj | 12 digits | both (colours behind the position, as most programs read them) | none |
    | stl | float32 | neither: a list of triangles | none |
    | glb | float32 about the middle, which the scene's node adds in float64 | both | float32, by name with a _ before |

    The axes are the mesh's own in GLB too, whose rule is that +y is up: a viewer may show it lying down.

    Raises:
        PinnsceneError: another ending, or a place that cannot be written.
    """
    path = Path(path)
    ending = path.suffix.lower().removeprefix(".")
    if ending not in WRITERS:
        raise unknown("mesh format", ending, WRITERS)
    with replacing(path) as temporary:
        WRITERS[ending](mesh, temporary)
    return path


def _columns(mesh: Mesh) -> list[tuple[str, str, NDArray]]:
    """What PLY says of vertices: name, type, values [v] in turn."""
    named = [(name, "<f8", mesh.vertices[:, k]) for k, name in enumerate("xyz")]
    if mesh.normals is not None:
        named += [(f"n{axis}", "<f4", mesh.normals[:, k]) for k, axis in enumerate("xyz")]
    if mesh.colours is not None:
        named += [(name, "u1", mesh.colours[:, k]) for k, name in enumerate(("red", "green", "blue"))]
    return named + [(name, "<f8", column) for name, column in _values(mesh).items()]


def _values(mesh: Mesh) -> dict[str, NDArray]:
    """The values of vertices under names that are one word and none of PLY's own."""
    words = {"".join(c if c.isalnum() else "_" for c in name): column for name, column in mesh.values.items()}
    return {f"value_{word}" if word in OWN else word: column for word, column in words.items()}


def _write_ply(mesh: Mesh, path: Path) -> None:
    named, words = _columns(mesh), {"<f8": "double", "<f4": "float", "u1": "uchar"}
    vertices = np.empty(len(mesh.vertices), dtype=[(name, kind) for name, kind, _ in named])
    for name, _, values in named:
        vertices[name] = values
    faces = np.empty(len(mesh.faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.faces
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    header += [f"property {words[kind]} {name}" for name, kind, _ in named]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
    with path.open("wb") as file:
        file.write("\n".join(header).encode())
        vertices.tofile(file)
        faces.tofile(file)


def _write_obj(mesh: Mesh, path: Path) -> None:
    place = "v" + " %.12g" * 3
    lines = mesh.vertices
    if mesh.colours is not None:
        place, lines = place + " %.4g" * 3, np.hstack([lines, mesh.colours / 255])
    corner = "%d" if mesh.normals is None else "%d//%d"
    corners = np.repeat(mesh.faces + 1, corner.count("%"), axis=1)
    with path.open("w", encoding="utf-8") as file:
        _rows(file.write, place, lines)
        if mesh.normals is not None:
            _rows(file.write, "vn" + " %.6g" * 3, mesh.normals)
        _rows(file.write, "f" + f" {corner}" * 3, corners)


def _rows(write: Callable[[str], object], form: str, rows: NDArray, chunk: int = 2**14) -> None:
    """Write a line of text for each row, many at a time."""
    for start in range(0, len(rows), chunk):
        some = rows[start : start + chunk]
        write((form + "\n") * len(some) % tuple(some.ravel().tolist()))


def _write_stl(mesh: Mesh, path: Path) -> None:
    parts = [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")]
    triangles = np.zeros(len(mesh.faces), dtype=parts)
    areas = mesh.area_vectors()
    size = np.linalg.norm(areas, axis=1, keepdims=True)
    triangles["normal"] = np.divide(areas, size, where=size > 0, out=np.zeros_like(areas))
    triangles["corners"] = mesh.corners()
    with path.open("wb") as file:
        file.write(b"binary STL".ljust(80) + np.uint32(len(triangles)).astype("<u4").tobytes())
        triangles.tofile(file)


def _write_glb(mesh: Mesh, path: Path) -> None:
    import trimesh
    from trimesh.exchange.gltf import export_glb

    middle = (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
    body = trimesh.Trimesh(
        mesh.vertices - middle,
        mesh.faces,
        vertex_normals=mesh.normals,
        vertex_colors=mesh.colours,
        vertex_attributes={f"_{name}": column.astype(np.float32) for name, column in _values(mesh).items()},
        process=False,
        validate=False,
    )
    scene = trimesh.Scene()
    scene.add_geometry(body, transform=trimesh.transformations.translation_matrix(middle))
    path.write_bytes(export_glb(scene, include_normals=mesh.normals is not None))


WRITERS: dict[str, Callable[[Mesh, Path], None]] = {
    "ply": _write_ply,
    "obj": _write_obj,
    "stl": _write_stl,
    "glb": _write_glb,
}
