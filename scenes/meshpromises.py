"""What the headers of mesh files promise, held against the size of the file before anything is allocated.

Each check returns about how many faces the file holds (points where there are no faces). Without them a header of
a hundred bytes could ask for all the memory there is.
"""

import re
import struct
from collections.abc import Callable
from pathlib import Path

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.gltfchecks import glb, gltf
from pinnscene.scenes.plyheader import read_header

START = 1 << 16  # bytes at the start of a text file in which its header must end


def stl(path: Path, size: int) -> int:
    """STL: 84 bytes and 50 a face, or text."""
    with path.open("rb") as file:
        start = file.read(START)
        file.seek(max(0, size - 1024))
        end = file.read()
    count = struct.unpack("<I", start[80:84])[0] if len(start) >= 84 else 0
    if size == 84 + 50 * count and size >= 84:
        return count
    if start.lstrip()[:5].lower() == b"solid" and (b"\0" not in start or size < 84):
        if b"endsolid" not in end.lower():
            raise PinnsceneError(f"{path} is a text STL file without its endsolid: the file is cut off")
        return size // 150  # a face in text takes seven lines
    raise PinnsceneError(
        f"{path}: the STL header promises {count} faces, {84 + 50 * count} bytes, but the file has {size}: "
        "it is cut off or no STL"
    )


def off(path: Path, size: int) -> int:
    """OFF: the numbers of vertices and faces come first; a vertex takes 6 bytes at least and a face 4."""
    with path.open("rb") as file:
        start = file.read(START).decode("latin-1")
    words = re.sub(r"#.*", "", start).split(maxsplit=3)
    if not words or not re.fullmatch(r"(ST|C|N)*OFF", words[0]):
        raise PinnsceneError(f"{path} is no OFF file: expected it to start with OFF")
    if len(words) < 3 or not (words[1].isdecimal() and words[2].isdecimal()):
        raise PinnsceneError(f"{path}: expected the numbers of vertices and faces after OFF, in plain text")
    vertices, faces = int(words[1][:19]), int(words[2][:19])
    _fits(path, 6 * vertices + 4 * faces, size, f"{vertices} vertices and {faces} faces")
    return faces or vertices


def ply(path: Path, size: int) -> int:
    """PLY: the header lists elements, how many there are, and the type of each of their properties."""
    with path.open("rb") as file:
        header = read_header(path, file)
        left = size - file.tell()
    promised = ", ".join(f"{element.count} of {element.name}" for element in header.elements)
    _fits(path, sum(element.least(not header.order) for element in header.elements), left, promised)
    named = {p.name for element in header.elements if element.name == "vertex" for p in element.properties}
    if not {"x", "y", "z"} <= named:
        raise PinnsceneError(f"{path}: the PLY header has no vertex element with x, y and z")
    return header.count("face") or header.count("vertex")


def obj(path: Path, size: int) -> int:
    """OBJ has no header: a face with its share of the vertices takes some 40 bytes; numbers start at 1."""
    zero = re.compile(rb"f\s(?:.*\s)?0+(?:[/\s]|$)")
    with path.open("rb") as file:
        backwards = False
        for line in file:
            if line[:1] == b"f" and zero.match(line):
                raise PinnsceneError(f"{path}: a face names the vertex 0: the vertices of OBJ are numbered from 1")
            if backwards and line[:2] in (b"v ", b"v\t"):  # counted from the end of the whole list they would be others
                raise PinnsceneError(f"{path}: faces count vertices backwards amid the list: number them from 1")
            backwards |= line[:2] in (b"f ", b"f\t") and b"-" in line
    return size // 40


def _fits(path: Path, needed: int, size: int, what: str) -> None:
    if needed > size + 2:  # the last line may lack its end
        raise PinnsceneError(
            f"{path}: the header promises {what}, at least {needed} bytes, but only {size} follow: the file is cut off"
        )


PROMISED: dict[str, Callable[[Path, int], int]] = {
    ".obj": obj, ".ply": ply, ".stl": stl, ".off": off, ".glb": glb, ".gltf": gltf,
}  # fmt: skip
