"""Posed pictures from files: which format a folder has, and the way from it to views."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.viewassembly import Colour, assemble
from pinnscene.scenes.viewblender import load_blender
from pinnscene.scenes.viewcolmap import find_model, load_colmap
from pinnscene.scenes.viewllff import load_llff
from pinnscene.scenes.viewnerfstudio import load_transforms
from pinnscene.scenes.views import Views
from pinnscene.scenes.viewshots import Capture

KNOWN = "transforms_train.json, transforms.json, poses_bounds.npy, or sparse/0 with cameras and images (.bin or .txt)"


def load_views(path: str | Path, downscale: int = 1, background: Sequence[float] | None = None) -> Views:
    """The posed pictures of a data folder, or of a transforms file or ``poses_bounds.npy`` in it.

    A folder is taken for the first of: Blender's set (``transforms_train.json``), nerfstudio's or instant-ngp's
    ``transforms.json``, LLFF's ``poses_bounds.npy``, a COLMAP model (``sparse/0``, ``sparse``, ``colmap/sparse/0`` or
    the folder itself). Pictures are decoded when they are asked for. What was found and decided is in ``notes``.

    Args:
        path: the folder or file.
        downscale: how many pixels along each side become one; the rest at an edge is shared out.
        background: colour from 0 to 1 behind transparent pixels, white unless given.

    Raises:
        PinnsceneError: nothing there, nothing known there, or files that are broken, see the loaders.
    """
    if isinstance(downscale, bool) or not isinstance(downscale, int) or downscale < 1:
        raise PinnsceneError(f"expected downscale to be a whole number of at least 1, got {downscale}")
    return assemble(_capture(Path(path), downscale), downscale, _colour(background))


def _capture(path: Path, downscale: int) -> Capture:
    if not path.exists():
        raise PinnsceneError(f"there is no data {path}: expected a folder with posed pictures")
    if path.is_file():
        if path.suffix.lower() == ".json":
            return load_transforms(path)
        if path.suffix.lower() == ".npy":
            return load_llff(path, downscale)
        raise PinnsceneError(
            f"{path} is no file of posed pictures: expected a folder, a transforms .json or poses_bounds.npy"
        )
    if (path / "transforms_train.json").is_file():
        return load_blender(path)
    if (path / "transforms.json").is_file():
        return load_transforms(path / "transforms.json")
    if (path / "poses_bounds.npy").is_file():
        return load_llff(path / "poses_bounds.npy", downscale)
    model = find_model(path)
    if model is None:
        raise PinnsceneError(f"{path} has no posed pictures: expected {KNOWN}")
    return load_colmap(path, model)


def _colour(background: Sequence[float] | None) -> Colour | None:
    if background is None:
        return None
    if len(background) != 3 or not all(isfinite(x) and 0 <= x <= 1 for x in background):
        raise PinnsceneError(f"expected a background of three numbers from 0 to 1, got {list(background)}")
    red, green, blue = map(float, background)
    return red, green, blue
