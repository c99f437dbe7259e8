"""Blender's synthetic set: ``transforms_train.json`` beside ``transforms_test.json`` and ``transforms_val.json``.

NeRF, Mildenhall et al. 2020: an object about the origin, +z up, transparent PNG files named without their ending.
"""

from pathlib import Path

from pinnscene.scenes.viewshots import Capture
from pinnscene.scenes.viewtransforms import read_frames


def load_blender(folder: Path) -> Capture:
    """The training views and, where there are any, the test views; validation views stand in for missing test views.

    Raises:
        PinnsceneError: as ``read_frames`` does.
    """
    files = {name: folder / f"transforms_{name}.json" for name in ("test", "val")}
    there = [name for name, path in files.items() if path.is_file()]
    _, shots = read_frames(folder / "transforms_train.json", "train" if there else "")
    notes = []
    if there:
        shots += read_frames(files[there[0]], "test")[1]
        notes.append(f"split: the views of {files[there[0]].name} are held out")
    if len(there) == 2:
        notes.append("the views of transforms_val.json are left aside")
    return Capture("Blender transforms", folder, shots, notes=notes)
