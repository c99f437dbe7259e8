"""COLMAP's sparse models (Schoenberger and Frahm 2016), text or binary, beside the folders ``images`` and ``masks``.

A model gives each picture's world to camera as a quaternion and a shift, for cameras whose axes point right, down and
forwards; here cameras look along their own -z, so two axes are turned.
"""

from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.scenes import viewcolmapbinary, viewcolmaptext
from pinnscene.scenes.viewchecks import MOST_FRAMES, inside, is_file
from pinnscene.scenes.viewcolmaprecords import CameraRecord, ImageRecord
from pinnscene.scenes.viewshots import MODELS, Capture, Sensor, Shot, lens_of

PLACES = ("sparse/0", "sparse", "colmap/sparse/0", "0", "")  # of a model in a data folder


class Model(NamedTuple):
    """A model's folder and the ending of its files."""

    folder: Path
    ending: str


def find_model(folder: Path) -> Model | None:
    """The model in a data folder, or in the folder itself."""
    for place in PLACES:
        for ending in (".bin", ".txt"):
            if all((folder / place / f"{name}{ending}").is_file() for name in ("cameras", "images")):
                return Model(folder / place, ending)
    return None


def load_colmap(folder: Path, model: Model) -> Capture:
    """The pictures, cameras and points of a model, the pictures sorted by name.

    Raises:
        PinnsceneError: broken files, no pictures, lenses without a formula here, or no folder ``images``.
    """
    reader = viewcolmapbinary if model.ending == ".bin" else viewcolmaptext
    cameras = reader.read_cameras(model.folder / f"cameras{model.ending}")
    images = sorted(reader.read_images(model.folder / f"images{model.ending}"), key=lambda image: image.name)
    path, root = model.folder / f"images{model.ending}", _root(folder)
    if not images:
        raise PinnsceneError(f"{path} has no pictures: expected a model with posed ones")
    if len(images) > MOST_FRAMES:
        raise PinnsceneError(f"{path} has {len(images)} pictures: at most {MOST_FRAMES} are read")
    sensors = {number: _sensor(camera, path.with_stem("cameras")) for number, camera in cameras.items()}
    shots = [_shot(image, sensors, root, path) for image in images]
    masked = sum(shot.mask is not None for shot in shots)
    points, notes = _points(model, reader)
    kind = f"COLMAP {'binary' if model.ending == '.bin' else 'text'} model"
    turned = "poses inverted and turned from right, down, forwards to right, up, back"
    if masked:
        notes.append(f"masks of {masked} of {len(shots)} pictures: dark pixels do not count")
    elif root.with_name("masks").is_dir():
        notes.append("warning: no file in masks has the name of a picture, with .png after it or as its ending")
    return Capture(kind, root.parent, shots, points=points, notes=[turned, *notes])


def _root(folder: Path) -> Path:
    """The folder ``images`` beside the model or above it."""
    above = [folder, *folder.resolve().parents[:2]]
    root = next((place / "images" for place in above if (place / "images").is_dir()), None)
    if root is None:
        raise PinnsceneError(f"{folder} has no folder 'images': expected the pictures of the COLMAP model there")
    return root


def _sensor(camera: CameraRecord, path: Path) -> Sensor:
    where = f"{path}: camera {camera.number}"
    lens_of(camera.model, {}, where)  # raises on a model that is not known
    names = MODELS[camera.model][1].split()
    if len(camera.params) != len(names) or not np.isfinite(camera.params).all():
        raise PinnsceneError(f"{where}: {camera.model} has the {len(names)} parameters {' '.join(names)}, got others")
    k = dict(zip(names, camera.params, strict=True))
    focal = (k["f"], k["f"]) if "f" in k else (k["fx"], k["fy"])
    if min(focal) <= 0 or min(camera.size) < 1:
        raise PinnsceneError(f"{where}: expected a size and focal lengths above 0, got {camera.size} and {focal}")
    return Sensor(focal, size=camera.size, centre=(k["cx"], k["cy"]), lens=lens_of(camera.model, k, where))


def _shot(image: ImageRecord, sensors: dict[int, Sensor], root: Path, path: Path) -> Shot:
    where = f"{path}: {image.name}"
    if image.camera not in sensors:
        raise PinnsceneError(f"{where} was taken by camera {image.camera}, which the model does not have")
    pose = np.array([*image.turn, *image.shift])
    if not (np.abs(pose) < 1e15).all() or not np.linalg.norm(image.turn) > 1e-6:
        raise PinnsceneError(f"{where}: its pose is NaN, infinite or of no length: expected a unit quaternion")
    turn = rotation(np.array(image.turn))
    matrix = np.eye(4)
    matrix[:3, :3] = turn.T * [1, -1, -1]
    matrix[:3, 3] = -turn.T @ image.shift
    picture = inside(root, image.name, str(path))
    return Shot(image.name, picture, matrix, sensors[image.camera], mask=_mask(root.with_name("masks"), image.name))


def _mask(folder: Path, name: str) -> Path | None:
    """The mask of a picture in ``folder``: its name and .png (COLMAP), or .png in place of its ending (nerfstudio)."""
    path = folder / name
    return next((one for one in (path.with_name(f"{path.name}.png"), path.with_suffix(".png")) if is_file(one)), None)


def rotation(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation matrix [3, 3] of a quaternion w, x, y, z of any length."""
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _points(
    model: Model, reader: ModuleType
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]] | None, list[str]]:
    path = model.folder / f"points3D{model.ending}"
    if not path.is_file():
        return None, [f"warning: there is no {path.name}: the box is found from the cameras alone"]
    places, colours = reader.read_points(path)
    good = np.isfinite(places).all(1)
    if not good.any():
        return None, ["warning: the COLMAP model has zero points: the box is found from the cameras alone"]
    notes = [f"{int(good.sum())} points"] + ([f"{int((~good).sum())} points are not finite"] if not good.all() else [])
    return (places[good], colours[good] / 255), notes
