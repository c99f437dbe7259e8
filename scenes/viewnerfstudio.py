"""One ``transforms.json`` with all pictures: nerfstudio's and instant-ngp's, which share their keys."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.viewchecks import number
from pinnscene.scenes.viewshots import Capture, Shot
from pinnscene.scenes.viewtransforms import read_frames

MILLIMETRES = 1e-3  # what nerfstudio takes the numbers of depth files for
UNUSED = {
    "ply_file_path": "points are not read",
    "applied_transform": "poses are used as they are",
    "applied_scale": "poses are used as they are",
    "aabb_scale": "the box is found from the cameras",
    "scale": "lengths are the file's own",
    "offset": "places are the file's own",
}


def load_transforms(path: Path) -> Capture:
    """The pictures of a transforms file and its split, where it has one.

    Raises:
        PinnsceneError: as ``read_frames`` does, or a split that is no list of names.
    """
    tree, shots = read_frames(path)
    notes = [f"{key} = {json.dumps(tree[key])[:60]}: {why}" for key, why in UNUSED.items() if key in tree]
    unit = number(tree, "depth_unit_scale_factor", str(path)) or number(tree, "integer_depth_scale", str(path))
    if any(shot.depth for shot in shots):
        notes.append(f"depth: numbers of the files times {unit or MILLIMETRES:g}, along the view; 0 is unknown")
    shots, said = _split(tree, shots, path)
    kind = "instant-ngp transforms" if "aabb_scale" in tree else "nerfstudio transforms"
    return Capture(kind, path.parent, shots, depth_unit=unit or MILLIMETRES, notes=notes + said)


def _split(tree: Mapping[str, Any], shots: list[Shot], path: Path) -> tuple[list[Shot], list[str]]:
    """Shots with the split of train_filenames and test_filenames (or val_filenames), those in neither left out."""
    lists = {key: tree.get(f"{key}_filenames") for key in ("train", "test", "val")}
    for key, names in lists.items():
        if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise PinnsceneError(f"{path}: expected {key}_filenames to be a list of names")
    held = "test" if lists["test"] else "val"
    if not lists["train"] and not lists[held]:
        return shots, []
    test = set(lists[held] or ())
    train = set(lists["train"] or (shot.name for shot in shots if shot.name not in test))
    chosen = [
        replace(shot, split="test" if shot.name in test else "train") for shot in shots if shot.name in train | test
    ]
    if not any(shot.split == "train" for shot in chosen):
        raise PinnsceneError(f"{path}: none of the frames is named by train_filenames: expected their file_path")
    said = f"split: {held}_filenames are held out" if test else "split: train_filenames has all, nothing is held out"
    return chosen, [said]
