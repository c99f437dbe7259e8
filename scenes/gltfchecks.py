"""glTF files, checked before they are read: self-contained, a tree of nodes, and as large as they say."""

import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

from pinnscene.errors import PinnsceneError

COMPONENT = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}  # bytes of each of glTF's number types
COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


def glb(path: Path, size: int) -> int:
    """The number of faces in a binary glTF file; what cannot be read from the file alone raises."""
    with path.open("rb") as file:
        head = file.read(20)
        if len(head) < 20 or head[:4] != b"glTF":
            raise PinnsceneError(f"{path} is no GLB file: expected it to start with glTF")
        _, version, length, chunk, kind = struct.unpack("<4sIII4s", head)
        if version != 2 or kind != b"JSON":
            raise PinnsceneError(f"{path}: expected binary glTF of version 2, got version {version}")
        if length > size or chunk > size:
            raise PinnsceneError(f"{path}: the header promises {length} bytes, the file has {size}: it is cut off")
        return check(path, json.loads(file.read(chunk)), size)


def gltf(path: Path, size: int) -> int:
    """The number of faces in a glTF file with its data inside; what cannot be read from the file alone raises."""
    return check(path, json.loads(path.read_text(encoding="utf-8")), size)


def check(path: Path, tree: Any, size: int) -> int:
    """The number of faces that the scene of ``tree`` draws.

    Raises:
        PinnsceneError: references to other files, compressed or sparse data, accessors larger than their views,
            or a node with two parents.
    """
    if not isinstance(tree, dict):
        raise PinnsceneError(f"{path}: expected a glTF document, got JSON of another kind")
    for entry in (*tree.get("buffers", []), *tree.get("images", [])):
        uri = entry.get("uri", "data:")
        if not uri.startswith("data:"):
            raise PinnsceneError(
                f"{path} refers to the file '{uri[:80]}': nothing outside the file is read, save it in one piece"
            )
    for accessor in tree.get("accessors", []):
        _check_accessor(path, accessor, tree.get("bufferViews", []), size)
    nodes = tree.get("nodes", [])
    parents = Counter(child for node in nodes for child in node.get("children", []))
    roots = Counter(root for scene in tree.get("scenes", []) for root in set(scene.get("nodes", [])))
    if any(times > 1 for times in parents.values()) or set(parents) & set(roots):
        raise PinnsceneError(f"{path}: a node of the scene has two parents: glTF allows trees only")
    return sum(_faces(tree, tree["meshes"][node["mesh"]]) for node in nodes if "mesh" in node)


def _check_accessor(path: Path, accessor: dict[str, Any], views: list[dict[str, Any]], size: int) -> None:
    if "sparse" in accessor or "bufferView" not in accessor:
        raise PinnsceneError(f"{path} holds compressed or sparse data: save it without compression")
    needed = accessor["count"] * COMPONENT[accessor["componentType"]] * COMPONENTS[accessor["type"]]
    there = min(views[accessor["bufferView"]]["byteLength"], size)
    if not 0 <= needed <= there:
        raise PinnsceneError(f"{path}: an accessor promises {needed} bytes, its view has {there}: the file is broken")


def _faces(tree: dict[str, Any], mesh: dict[str, Any]) -> int:
    numbers = (p.get("indices", p["attributes"]["POSITION"]) for p in mesh["primitives"])
    return sum(tree["accessors"][number]["count"] for number in numbers) // 3
