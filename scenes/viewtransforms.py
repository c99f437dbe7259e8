"""Frames of ``transforms*.json``, as Blender's set, instant-ngp and nerfstudio have them.

Their poses are camera to world in the convention of OpenGL, as here; intrinsics stand in the file, in a frame, or both,
and a frame's own win. Angles of view are in radians (``camera_angle_x``) or, instant-ngp's ``x_fov``, in degrees.
"""

from collections.abc import Mapping
from math import radians
from pathlib import Path
from typing import Any

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.viewchecks import frames_of, inside, is_file, matrix_of, number, read_json, text
from pinnscene.scenes.viewshots import Sensor, Shot, lens_of

ENDINGS = (".png", ".jpg", ".jpeg", ".JPG", ".PNG", ".webp")
COEFFICIENTS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
ADVICE = (
    "expected fl_x (and fl_y), the focal length in pixels, with w and h, or camera_angle_x, the angle of view "
    "across in radians, for the whole file or in each frame"
)


def read_frames(path: Path, split: str = "") -> tuple[dict[str, Any], list[Shot]]:
    """The whole file and its shots, all of one ``split``.

    Raises:
        PinnsceneError: no JSON, no frames or too many, poses, intrinsics or names that cannot be, missing intrinsics,
            or paths out of the file's folder.
    """
    tree = read_json(path)
    shots = []
    for k, frame in enumerate(frames_of(tree, path)):
        name = text(frame, "file_path", f"{path}: frame {k + 1}")
        if name is None:
            raise PinnsceneError(f"{path}: frame {k + 1} has no file_path: expected the name of its picture")
        where = f"{path}: {name}"
        shots.append(
            Shot(
                name,
                _picture(path.parent, name, str(path)),
                matrix_of(frame.get("transform_matrix"), where),
                sensor_of({**tree, **frame}, where),
                split,
                _other(path.parent, frame, ("mask_path",), where),
                _other(path.parent, frame, ("depth_file_path", "depth_path"), where),
            )
        )
    return tree, shots


def sensor_of(tree: Mapping[str, Any], where: str) -> Sensor:
    """The intrinsics among the entries of a transforms file.

    Raises:
        PinnsceneError: none, ones that are no numbers or not above 0, or a camera model that is not known.
    """
    wanted = ("w", "h", "fl_x", "fl_y", "cx", "cy", "camera_angle_x", "camera_angle_y", "x_fov", "y_fov")
    v = {key: number(tree, key, where) for key in (*wanted, *COEFFICIENTS)}
    for key in wanted:
        value = v[key]
        least = 1 if key in ("w", "h") else 1e-9
        if value is not None and value < least and key not in ("cx", "cy"):
            raise PinnsceneError(f"{where}: expected {key} above 0, got {value:g}")
    across, down = v["camera_angle_x"], v["camera_angle_y"]
    across = radians(v["x_fov"]) if across is None and v["x_fov"] is not None else across
    down = radians(v["y_fov"]) if down is None and v["y_fov"] is not None else down
    focal = (v["fl_x"] or v["fl_y"] or 0.0, v["fl_y"] or v["fl_x"] or 0.0)
    if not focal[0] and across is None and down is None:
        raise PinnsceneError(f"{where} has no intrinsics: {ADVICE}")
    size = (round(v["w"]), round(v["h"])) if v["w"] and v["h"] else None
    centre = (v["cx"], v["cy"]) if v["cx"] is not None and v["cy"] is not None else None
    model = text(tree, "camera_model", where) or ("OPENCV_FISHEYE" if tree.get("is_fisheye") is True else "OPENCV")
    lens = lens_of(model, {key: v[key] or 0.0 for key in COEFFICIENTS}, where)
    return Sensor(focal if focal[0] else None, (across, down), size, centre, lens)


def _picture(folder: Path, name: str, where: str) -> Path:
    """The picture's path; names without an ending get the first one that there is a file of."""
    path = inside(folder, name, where)
    if is_file(path):
        return path
    found = (path.with_name(path.name + ending) for ending in ENDINGS)
    return next((other for other in found if is_file(other)), path)


def _other(folder: Path, frame: Mapping[str, Any], keys: tuple[str, ...], where: str) -> Path | None:
    """The path of a mask or of depths, None where the frame names none.

    Raises:
        PinnsceneError: a file that is not there.
    """
    for key in keys:
        name = text(frame, key, where)
        if name is not None:
            path = inside(folder, name, where)
            if not is_file(path):
                raise PinnsceneError(f"{where}: there is no file {path}, which {key} names")
            return path
    return None
