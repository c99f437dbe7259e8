"""Cameras in JSON files: our own, which export writes, and the camera paths that nerfstudio's viewer saves.

Our own:

    {
      "format": "pinnscene-cameras",
      "fps": 24,                             of a film; may be left out
      "cameras": [
        {
          "name": "r_0",                     may be left out
          "matrix": [[...], ...],            camera to world, 4 rows of 4: right, up, backwards and the position
          "size": [800, 800],                width and height in pixels
          "focal": [1111.1, 1111.1],         across and down in pixels; one number stands for both
          "centre": [400, 400],              the principal point in pixels; the middle where left out
          "lens": {"kind": "radial", "over": [k1, k2], "under": [], "tangential": [p1, p2]}
        }                                    or {"kind": "fisheye", "coefficients": [k1, k2, k3, k4]}; none: pinhole
      ]
    }

nerfstudio's: ``render_width``, ``render_height``, ``fps``, and ``camera_path``, each entry with ``camera_to_world``
(16 numbers, row after row), ``fov`` (vertical, degrees) and ``aspect``.

Places are the data's own, in its units, and cameras look along their own -z with +y up.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, radians, tan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.files import write_text
from pinnscene.rays.lens import PINHOLE, FisheyeLens, Lens, RadialLens
from pinnscene.rays.posed import PosedCamera

FORMAT = "pinnscene-cameras"
MOST_BYTES, MOST = 64 << 20, 10_000  # of a file, and cameras in it
LONGEST = 65_535  # pixels along a side


@dataclass(frozen=True, eq=False)
class CameraFile:
    """What a file of cameras says: the ``cameras`` about an origin, and the frames a second of their film, or None."""

    cameras: list[PosedCamera]
    fps: int | None = None


def write_cameras(path: Path, cameras: Sequence[PosedCamera], origin: ArrayLike = (0.0, 0.0, 0.0)) -> Path:
    """Write cameras in our own format; ``origin`` [3] is added to their places."""
    entries = [_entry(camera, np.asarray(origin, dtype=float)) for camera in cameras]
    write_text(path, json.dumps({"format": FORMAT, "cameras": entries}, indent=1) + "\n")
    return path


def read_cameras(path: Path, size: tuple[int, int] | None = None, origin: ArrayLike = (0.0, 0.0, 0.0)) -> CameraFile:
    """Read cameras in either format.

    Args:
        path: the JSON file.
        size: of pictures for cameras whose file does not say.
        origin: what is subtracted from their places [3].

    Raises:
        PinnsceneError: a file that is not there, is no JSON, is of another format, has no cameras or far too many, or
            whose numbers make no camera.
    """
    tree = _load(path)
    known = {"cameras": _own, "camera_path": _nerfstudio}
    key = next((key for key in known if key in tree), None)
    if key is None:
        raise PinnsceneError(f"{path} holds no cameras: expected a list 'cameras' or nerfstudio's 'camera_path'")
    entries = tree[key]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST:
        got = f"{len(entries)}" if isinstance(entries, list) else f"{entries!r:.40}"
        raise PinnsceneError(f"{path}: expected a list of 1 to {MOST} cameras in '{key}', got {got}")
    made = []
    for k, entry in enumerate(entries):
        where = f"{path}, camera {k}"
        if not isinstance(entry, dict):
            raise PinnsceneError(f"{where}: expected an object, got {entry!r:.40}")
        made.append(known[key](entry, tree, size, np.asarray(origin, dtype=float), where))
    fps = tree.get("fps")
    if fps is not None and not (isinstance(fps, int | float) and 1 <= fps <= 240):
        raise PinnsceneError(f"{path}: expected an fps of 1 to 240, got {fps!r:.40}")
    return CameraFile(made, None if fps is None else round(fps))


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise PinnsceneError(f"{path} has {path.stat().st_size >> 20} MiB: expected cameras in at most 64 MiB")
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise PinnsceneError(f"cannot read the cameras of {path}: {cause.strerror or cause}") from None
    except (ValueError, RecursionError) as cause:
        raise PinnsceneError(f"{path} is no JSON: {cause}") from None
    if not isinstance(tree, dict):
        raise PinnsceneError(f"{path}: expected a JSON object with a list 'cameras', got a {type(tree).__name__}")
    return tree


def _own(
    entry: Mapping[str, Any], tree: Mapping[str, Any], size: tuple[int, int] | None, origin: NDArray, where: str
) -> PosedCamera:
    if tree.get("format", FORMAT) != FORMAT:
        raise PinnsceneError(f"{where}: expected the format '{FORMAT}', got {tree['format']!r:.40}")
    given = _pixels(entry["size"], f"{where}, size") if "size" in entry else size
    if given is None:
        raise PinnsceneError(f"{where} has no size: give its width and height, or --size")
    focal = entry.get("focal")
    pair = [focal, focal] if isinstance(focal, int | float) else focal
    across, down = _numbers(pair, 2, f"{where}, focal")
    middle = [given[0] / 2, given[1] / 2]
    x, y = _numbers(entry.get("centre", middle), 2, f"{where}, centre")
    name, matrix = str(entry.get("name", "")), _matrix(entry.get("matrix"), origin, f"{where}, matrix")
    return _camera(where, matrix, given, (across, down), (x, y), _lens(entry.get("lens"), f"{where}, lens"), name)


def _nerfstudio(
    entry: Mapping[str, Any], tree: Mapping[str, Any], size: tuple[int, int] | None, origin: NDArray, where: str
) -> PosedCamera:
    kind = tree.get("camera_type", "perspective")
    if kind not in ("perspective", "pinhole"):
        raise PinnsceneError(f"{where}: expected cameras of the type 'perspective', got {kind!r:.40}")
    given = size
    if size is None or "render_width" in tree:
        given = _pixels([tree.get("render_width"), tree.get("render_height")], f"{where}, render_width and _height")
    assert given is not None
    (fov,) = _numbers([entry.get("fov")], 1, f"{where}, fov")
    if not 0 < fov < 180:
        raise PinnsceneError(f"{where}: expected a fov from 0 to 180 degrees, got {fov:g}")
    focal = given[1] / (2 * tan(radians(fov) / 2))
    matrix = _matrix(entry.get("camera_to_world"), origin, f"{where}, camera_to_world")
    return _camera(where, matrix, given, (focal, focal), (given[0] / 2, given[1] / 2), PINHOLE, "")


def _camera(where: str, matrix: NDArray, size: tuple[int, int], *rest: Any) -> PosedCamera:
    focal, centre, lens, name = rest
    try:
        return PosedCamera(matrix, size, focal, centre, lens, name)
    except PinnsceneError as cause:
        raise PinnsceneError(f"{where}: {' '.join(str(cause).split())}") from None


def _matrix(given: Any, origin: NDArray, where: str) -> NDArray[np.float64]:
    """A rigid motion [4, 4] of rows or of 16 numbers."""
    rows = given
    if isinstance(given, list) and given and all(isinstance(row, list) for row in given):
        rows = [x for row in given for x in row]
    matrix = np.array(_numbers(rows, 16, where)).reshape(4, 4)
    if not np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-6):
        raise PinnsceneError(f"{where}: expected a last row of 0, 0, 0, 1, got {matrix[3].tolist()}")
    if not np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-3):
        raise PinnsceneError(f"{where}: expected a rotation and a position, its first three columns are no rotation")
    matrix[:3, 3] -= origin
    return matrix


def _numbers(given: Any, count: int, where: str) -> list[float]:
    fine = isinstance(given, list | tuple) and len(given) == count
    if not fine or not all(isinstance(x, int | float) and not isinstance(x, bool) and _finite(x) for x in given):
        raise PinnsceneError(f"{where}: expected {count} finite number{'s' * (count > 1)}, got {given!r:.60}")
    return [float(x) for x in given]


def _finite(x: float) -> bool:
    try:
        return isfinite(x)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _pixels(given: Any, where: str) -> tuple[int, int]:
    width, height = _numbers(given, 2, where)
    if not all(side == int(side) and 1 <= side <= LONGEST for side in (width, height)):
        raise PinnsceneError(f"{where}: expected whole numbers of 1 to {LONGEST} pixels, got {given!r:.60}")
    return int(width), int(height)


def _lens(given: Any, where: str) -> Lens:
    if given is None:
        return PINHOLE
    kind = given.get("kind") if isinstance(given, dict) else given
    if kind == "fisheye":
        return FisheyeLens(tuple(_listed(given, "coefficients", where)))
    if kind == "radial":
        p1, p2 = _numbers(given.get("tangential", [0, 0]), 2, f"{where}, tangential")
        return RadialLens(tuple(_listed(given, "over", where)), tuple(_listed(given, "under", where)), (p1, p2))
    raise PinnsceneError(f"{where}: expected a lens of the kind 'radial' or 'fisheye', got {kind!r:.40}")


def _listed(given: Mapping[str, Any], name: str, where: str) -> list[float]:
    values = given.get(name, [])
    return _numbers(values, len(values) if isinstance(values, list) and len(values) <= 6 else 6, f"{where}, {name}")


def _entry(camera: PosedCamera, origin: NDArray) -> dict[str, Any]:
    matrix = np.array(camera.matrix, dtype=float)
    matrix[:3, 3] += origin
    facts = {"name": camera.name, "matrix": matrix.tolist(), "size": list(camera.size)}
    facts |= {"focal": list(map(float, camera.focal)), "centre": list(map(float, camera.centre))}
    if isinstance(camera.lens, RadialLens):
        lens = camera.lens
        facts["lens"] = {"kind": "radial", "over": lens.over, "under": lens.under, "tangential": lens.tangential}
    elif isinstance(camera.lens, FisheyeLens):
        facts["lens"] = {"kind": "fisheye", "coefficients": camera.lens.coefficients}
    return facts
