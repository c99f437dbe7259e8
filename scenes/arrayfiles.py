"""Shapes in NumPy's files: clouds are arrays [n, 3] or [n, 6], volumes have three axes."""

import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.memory import Told
from pinnscene.scenes.cloudshape import cloud_shape, from_columns
from pinnscene.scenes.shapechecks import GIB, afford, explained, not_empty
from pinnscene.scenes.shapes import Numbers, Shape
from pinnscene.scenes.volumeshape import volume_shape

PEAK = 8  # times the bytes of the array as float64: what a distance transform and a mesh take, measured
HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], tuple[tuple[int, ...], bool, np.dtype]]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


def load_array(path: Path, told: Told = lambda line: None) -> Shape:
    """The cloud or the volume in an NPY or NPZ file.

    In an NPZ file, ``values`` is a volume and ``points`` with optional ``normals`` a cloud; else the first array that
    could be either is taken. A volume takes ``spacing`` and ``origin`` from beside it.

    Raises:
        PinnsceneError: an empty or broken file, a header that promises more than the file holds, pickled objects,
            anything but real numbers, or arrays of other shapes.
    """
    size = not_empty(path)
    with explained(path):
        if path.suffix.lower() == ".npz":
            return _named(path, _members(path, told))
        with path.open("rb") as file:
            array = _array(path, file, size, told)
    return _unnamed(path, array)


def _members(path: Path, told: Told) -> dict[str, NDArray]:
    """The arrays of an NPZ file by name."""
    with zipfile.ZipFile(path) as archive:
        arrays = {}
        for entry in archive.infolist():
            if entry.filename.endswith(".npy"):
                with archive.open(entry) as file:
                    arrays[entry.filename[:-4]] = _array(path, file, entry.file_size, told)
    return arrays


def _array(path: Path, file: IO[bytes], size: int, told: Told) -> NDArray:
    """One array of real numbers, its header held against the ``size`` of the file first."""
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise PinnsceneError(f"{path}: expected an NPY file of version 1 or 2, got {version[0]}.{version[1]}")
    shape, _, dtype = HEADERS[version](file)
    if dtype.hasobject:
        raise PinnsceneError(f"{path} holds pickled objects, which are never loaded: save an array of numbers")
    if dtype.kind not in "biuf":
        raise PinnsceneError(f"{path}: expected real numbers, got an array of {dtype}")
    needed = prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or needed > size:
        raise PinnsceneError(f"{path}: the header promises {needed / GIB:.3g} GiB, the file has {size} bytes")
    if not needed:
        raise PinnsceneError(f"{path} holds an empty array of shape {list(shape)}: expected a shape")
    afford(path, f"an array of {list(shape)}", PEAK * 8 * prod(shape), told)
    file.seek(0)
    return npy.read_array(file, allow_pickle=False)


def _named(path: Path, arrays: dict[str, NDArray]) -> Shape:
    if "values" in arrays:
        return _volume(path, arrays, "values")
    if "points" in arrays:
        return _cloud(path, arrays["points"].astype(np.float64), arrays.get("normals"))
    for name, array in arrays.items():
        if array.ndim == 3:
            return _volume(path, arrays, name)
        if array.ndim == 2 and array.shape[1] in (3, 6):
            return _unnamed(path, array)
    found = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items()) or "no arrays"
    raise PinnsceneError(f"{path}: expected points [n, 3], normals [n, 3] or values of three axes, got {found[:160]}")


def _volume(path: Path, arrays: dict[str, NDArray], name: str) -> Shape:
    """The array of that name, with the archive's spacing and origin."""
    spacing, origin = _triple(path, arrays, "spacing", 1.0), _triple(path, arrays, "origin", 0.0)
    return volume_shape(arrays[name], spacing, origin, path.name)


def _cloud(path: Path, points: Numbers, normals: NDArray | None) -> Shape:
    if normals is None:
        return from_columns(points, path.name)
    if points.ndim != 2 or points.shape[1] != 3 or normals.shape != points.shape:
        shapes = f"{list(points.shape)} and {list(normals.shape)}"
        raise PinnsceneError(f"{path}: expected points and normals of shape [n, 3], got {shapes}")
    return cloud_shape(points, normals.astype(np.float64), path.name)


def _unnamed(path: Path, array: NDArray) -> Shape:
    if array.ndim == 3:
        return volume_shape(array, np.ones(3), np.zeros(3), path.name)
    if array.ndim == 2:
        return from_columns(array.astype(np.float64), path.name)
    raise PinnsceneError(f"{path}: expected an array [n, 3], [n, 6] or of three axes, got shape {list(array.shape)}")


def _triple(path: Path, arrays: dict[str, NDArray], name: str, default: float) -> Numbers:
    """One number an axis; a single one counts for all three."""
    given = np.asarray(arrays.get(name, default), np.float64)
    if given.shape not in ((), (1,), (3,)) or not np.isfinite(given).all():
        raise PinnsceneError(f"{path}: expected {name} to be one or three finite numbers, got {given.tolist()}"[:200])
    return np.broadcast_to(given, 3).copy()
