"""From what a file says of its pictures to posed views: what is there, how large, which are held out, and where."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PINHOLE, PosedCamera
from pinnscene.scenes.shapechecks import counted
from pinnscene.scenes.viewchecks import is_file, listed, rigid
from pinnscene.scenes.viewframe import Frame, frame_of
from pinnscene.scenes.viewpictures import Header, read_header, read_pixels
from pinnscene.scenes.viewreader import Reader, check_lens, sensor_key
from pinnscene.scenes.views import EVERY, Views, hold_out
from pinnscene.scenes.viewshots import Capture, Shot

Colour = tuple[float, float, float]
WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Found:
    """A shot whose picture is there."""

    shot: Shot
    header: Header


def assemble(capture: Capture, downscale: int = 1, background: Colour | None = None) -> Views:
    """The views of a capture, with pictures ``downscale`` times smaller.

    Args:
        capture: what the loader read.
        downscale: how many pixels along each side become one.
        background: behind transparent pixels; None for white.

    Raises:
        PinnsceneError: none of the pictures is there, poses that are not rigid, pictures that do not fit their
            intrinsics, a lens that folds over, or pictures smaller than ``downscale``.
    """
    found, notes = _there(capture)
    shots = [one.shot for one in found]
    shrink = 1 if capture.shrunk == downscale else downscale
    poses, stretched = _poses(shots)
    cameras = [_camera(one, pose, shrink) for one, pose in zip(found, poses, strict=True)]
    alpha = _transparent(found)
    frame = frame_of(cameras, capture, alpha)
    cameras = [replace(camera, matrix=_moved(camera.matrix, frame)) for camera in cameras]
    train, test, split = _split(shots)
    reader = Reader(shots, cameras, alpha, capture.depth_unit)
    lens = _lens_notes(cameras)
    masked = any(shot.mask for shot in shots) or any("dark" in line for line in lens)
    behind = (background or WHITE) if alpha else None
    said = [
        f"{capture.kind}: {counted(len(found), 'picture')} {_sizes(found, cameras)}",
        *notes,
        "poses: camera to world, right, up and backwards (OpenGL); the file's own units and upright axis",
        *stretched,
        *capture.notes,
        *lens,
        *split,
        *frame.notes,
        _box_note(frame),
        _background_note(behind),
    ]
    points = None if capture.points is None else (capture.points[0] - frame.origin, capture.points[1])
    return Views(
        cameras,
        reader.pixels,
        train,
        test,
        frame.lower,
        frame.upper,
        frame.near,
        frame.far,
        behind,
        not alpha,
        frame.origin,
        reader.depth if any(shot.depth for shot in shots) else None,
        reader.mask if masked else None,
        points,
        said,
    )


def _there(capture: Capture) -> tuple[list[Found], list[str]]:
    """The shots whose pictures are there, each picture once, and what was passed over."""
    found, missing, broken, seen = [], [], [], Counter[str]()
    for shot in capture.shots:
        seen[str(shot.picture)] += 1
        if seen[str(shot.picture)] > 1:
            continue
        if not is_file(shot.picture):
            missing.append(shot.name)
            continue
        try:
            found.append(Found(shot, read_header(shot.picture)))
        except PinnsceneError as cause:
            if "million pixels" in str(cause):
                raise
            broken.append(shot.name)
    if not found:
        raise PinnsceneError(
            f"none of the {len(capture.shots)} pictures can be read in {capture.folder}: expected "
            f"{listed(missing or broken)}"
        )
    twice = [name for name, times in seen.items() if times > 1]
    notes = [
        f"warning: {counted(len(names), 'picture')} skipped, {why}: {listed(names)}"
        for names, why in ((missing, "not there"), (broken, "not readable"))
        if names
    ]
    return found, notes + (
        [f"warning: {counted(len(twice), 'picture')} listed twice, the first counts"] if twice else []
    )


def _poses(shots: Sequence[Shot]) -> tuple[list[NDArray[np.float64]], list[str]]:
    both = [rigid(shot.matrix, shot.name) for shot in shots]
    scales = [scale for _, scale in both if abs(scale - 1) > 1e-3]
    notes = (
        [f"warning: axes of length {np.median(scales):g} in {counted(len(scales), 'pose')}: divided out"]
        if scales
        else []
    )
    return [pose for pose, _ in both], notes


def _camera(one: Found, pose: NDArray[np.float64], downscale: int) -> PosedCamera:
    name, size = one.shot.name, one.header.size
    if min(size) < downscale:
        raise PinnsceneError(f"{name} has {size[0]}x{size[1]} pixels: expected downscale up to {min(size)}")
    focal, centre = one.shot.sensor.on(size, name)
    full = PosedCamera(pose, size, focal, centre, one.shot.sensor.lens, name)
    return full.scaled((round(size[0] / downscale), round(size[1] / downscale)))


def _transparent(found: Sequence[Found]) -> bool:
    """Whether pictures are transparent anywhere: three of those that may be are looked at."""
    able = [one for one in found if one.header.transparent]
    tried = {0, len(able) // 2, len(able) - 1} if able else set()
    return any(read_pixels(able[k].shot.picture, able[k].header.size, True)[:, :, 3].min() < 255 for k in tried)


def _moved(matrix: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
    moved = np.array(matrix)
    moved[:3, 3] -= frame.origin
    return moved


def _split(shots: Sequence[Shot]) -> tuple[tuple[int, ...], tuple[int, ...], list[str]]:
    if any(shot.split for shot in shots):
        train, test = (tuple(k for k, s in enumerate(shots) if s.split == name) for name in ("train", "test"))
        if not train:
            raise PinnsceneError("none of the pictures to train on is there: expected those of the training split")
        return train, test, [f"{len(train)} to train on, {len(test)} held out"]
    train, test = hold_out(len(shots))
    if not test:
        return train, test, ["warning: one picture does not tell how far anything is; it is trained and scored on"]
    how = f"the first and every {EVERY}th after it"
    return train, test, [f"split: {len(train)} to train on, {len(test)} held out ({how})"]


def _sizes(found: Sequence[Found], cameras: Sequence[PosedCamera]) -> str:
    sizes = Counter(camera.size for camera in cameras)
    ((size, _),) = sizes.most_common(1)
    first = next(one.header.size for one, camera in zip(found, cameras, strict=True) if camera.size == size)
    shrunk = "" if first == size else f", downscaled from {first[0]}x{first[1]}"
    many = f"; {len(sizes)} sizes, this is the most common" if len(sizes) > 1 else ""
    return f"of {size[0]}x{size[1]} pixels{shrunk}{many}"


def _lens_notes(cameras: Sequence[PosedCamera]) -> list[str]:
    """The lenses; each sensor is checked once."""
    sensors = {sensor_key(camera): camera for camera in cameras}
    shares = [check_lens(camera) for camera in sensors.values()]
    kinds = Counter("pinhole" if c.lens == PINHOLE else type(c.lens).__name__ for c in sensors.values())
    words = {"RadialLens": "radial and tangential distortion", "FisheyeLens": "fisheye", "pinhole": "pinhole"}
    across = [2 * np.degrees(np.arctan(c.size[0] / c.focal[0] / 2)) for c in sensors.values() if c.lens == PINHOLE]
    view = f", {np.median(across):.1f} degrees across" if across else ""
    notes = [f"lens: {' and '.join(words[kind] for kind in kinds)}{view}; {len(sensors)} different"]
    if min(shares) < 1:
        notes.append(
            f"warning: the lens folds over and leaves up to {1 - min(shares):.1%} dark: these pixels do not count"
        )
    return notes


def _box_note(frame: Frame) -> str:
    lower, upper = (", ".join(f"{x:.4g}" for x in end) for end in (frame.lower, frame.upper))
    middle = ", ".join(f"{x:.4g}" for x in (frame.lower + frame.upper) / 2)
    return f"centre ({middle}), box ({lower}) to ({upper}), near {frame.near:.4g}, far {frame.far:.4g}"


def _background_note(behind: Colour | None) -> str:
    if behind is None:
        return "background: part of the pictures, unbounded"
    return f"background: {'white' if behind == WHITE else behind} behind transparent pixels"
