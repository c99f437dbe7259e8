"""Binary PLY files whose faces have different numbers of corners, such as triangles among quadrilaterals.

Where each record starts depends on the lengths of all lists before it, so the lists are walked one by one.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.plyheader import Element, read_header

INDICES = ("vertex_indices", "vertex_index")


def polygons(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The vertices [v, 3] and the faces [f, 3] of a binary PLY file, polygons cut into fans of triangles.

    Raises:
        PinnsceneError: the file is cut off.
    """
    with path.open("rb") as file:
        header = read_header(path, file)
        data = file.read()
    vertices, faces, at = np.empty((0, 3)), np.empty((0, 3), np.int64), 0
    for element in header.elements:
        if any(p.counter for p in element.properties):
            starts, lengths, at = _walk(path, data, at, element, header.order)
            if element.name == "face":
                kind = next(p.kind for p in element.properties if p.counter and p.name in INDICES)
                faces = _fans(data, starts, lengths, np.dtype(header.order + kind))
            continue
        record = np.dtype([(p.name, header.order + p.kind) for p in element.properties])
        rows = np.frombuffer(data, record, element.count, at)
        at += rows.nbytes
        if element.name == "vertex":
            vertices = np.stack([rows[axis].astype(np.float64) for axis in "xyz"], 1)
    return vertices, faces


def _walk(
    path: Path, data: bytes, at: int, element: Element, order: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Where the indices of each record start, how many they are, and where the element ends."""
    little = "little" if order == "<" else "big"
    steps = [(int((p.counter or "u0")[1]), int(p.kind[1]), p.name in INDICES) for p in element.properties]
    starts, lengths = np.zeros(element.count, np.int64), np.zeros(element.count, np.int64)
    for i in range(element.count):
        for counter, size, wanted in steps:
            if counter == 0:  # no list
                at += size
                continue
            length = int.from_bytes(data[at : at + counter], little)
            at += counter
            if wanted:
                starts[i], lengths[i] = at, length
            at += length * size
        if at > len(data):
            raise PinnsceneError(f"{path}: the lists of element '{element.name}' end after the file: it is cut off")
    return starts, lengths, at


def _fans(data: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64], kind: np.dtype) -> NDArray[np.int64]:
    """Triangles (first, i, i + 1) of each polygon, those of one length at a time."""
    raw, triangles = np.frombuffer(data, np.uint8), [np.empty((0, 3), np.int64)]
    for length in np.unique(lengths[lengths >= 3]).tolist():
        rows = starts[lengths == length, None] + np.arange(length * kind.itemsize)
        corners = raw[rows].view(kind).astype(np.int64)
        triangles += [corners[:, [0, i, j]] for i, j in pairwise(range(1, length))]
    return np.concatenate(triangles)
