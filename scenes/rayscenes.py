"""The built-in scenes, and their pictures as views made on the spot."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.rays import PosedCamera
from pinnscene.scenes.rayrig import rig, standoff
from pinnscene.scenes.rayscene import Scene
from pinnscene.scenes.rayscenefile import load_scene
from pinnscene.scenes.raytruth import Truth, geometry, pictures, truth
from pinnscene.scenes.views import Views

FOLDER = Path(__file__).parent / "data"
SCENES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
DEFAULT = "still-life"
MARGIN = 0.03  # of the box's diagonal, left around the objects
AHEAD = 1 << 19  # pixels that are made at a time, whole pictures
KEPT = 256 << 20  # bytes of pictures that are remembered
FAR = 40.0  # radii of the scene after which nothing is left of a ground
T = TypeVar("T", bound=NDArray[Any])


@cache
def built_in_scene(name: str) -> Scene:
    """A built-in scene; an unknown name raises with those near it."""
    if name not in SCENES:
        raise unknown("scene", name, SCENES)
    return load_scene(FOLDER / f"{name}.toml")


def find_scene(given: str | Path | Scene) -> Scene:
    """A scene as it is, by its built-in name, or from a TOML file.

    Raises:
        PinnsceneError: an unknown name, or a file that is not there or wrong.
    """
    if isinstance(given, Scene):
        return given
    return load_scene(given) if Path(given).suffix.lower() == ".toml" else built_in_scene(str(given))


def scene_truth_camera(given: str | Path | Scene) -> Callable[[PosedCamera], Truth]:
    """What any camera truly sees of a scene."""
    scene = find_scene(given)
    return lambda camera: truth(scene, camera)


def scene_views(
    given: str | Path | Scene = DEFAULT, size: tuple[int, int] = (128, 128), train: int = 60, test: int = 10
) -> Views:
    """Views of a scene by its ``rig``; pictures are rendered when they are first read, and remembered.

    Raises:
        PinnsceneError: an unknown scene, a bad file, or a bad size.
    """
    scene = find_scene(given)
    if train < 1 or test < 0 or min(size) < 1:
        raise PinnsceneError(f"expected at least one view and a size above 0, got {train}, {test} and {size}")
    cameras = rig(scene, train, test, size)
    ahead = max(1, AHEAD // (size[0] * size[1]))
    most = max(2 * ahead, KEPT // (size[0] * size[1] * 4))
    lower, upper = scene.box
    margin = MARGIN * float(np.linalg.norm(upper - lower))
    distance, open_ended = standoff(scene), scene.ground is not None or scene.sky.shown
    near, far = max(0.05 * distance, distance - 1.05 * scene.radius), distance + 1.05 * scene.radius
    return Views(
        cameras=cameras,
        read=Remembered(lambda some: pictures(scene, [cameras[k] for k in some]), len(cameras), ahead, most),
        train=tuple(range(train)),
        test=tuple(range(train, train + test)),
        lower=lower - margin,
        upper=upper + margin,
        near=near if not open_ended else 0.05 * distance,
        far=far if not open_ended else FAR * scene.radius,
        background=None if scene.sky.shown else (1.0, 1.0, 1.0),
        unbounded=open_ended,
        read_depth=Remembered(lambda some: [geometry(scene, cameras[k])[0] for k in some], len(cameras), 1, most),
        notes=_notes(scene, size, train, test, distance),
    )


class Remembered(Generic[T]):
    """A function of the numbers below ``count``, made several at a time ahead, the latest ``most`` answers kept."""

    def __init__(self, make: Callable[[list[int]], Iterable[T]], count: int, ahead: int, most: int) -> None:
        self._make, self._count, self._ahead, self._most = make, count, ahead, most
        self._kept: OrderedDict[int, T] = OrderedDict()

    def __call__(self, k: int) -> T:
        if k not in self._kept:
            numbers = [j for j in range(k, min(k + self._ahead, self._count)) if j not in self._kept]
            for j, made in zip(numbers, self._make(numbers), strict=True):
                made.setflags(write=False)
                self._kept[j] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(k)
        return self._kept[k]


def _notes(scene: Scene, size: tuple[int, int], train: int, test: int, distance: float) -> list[str]:
    low, high = scene.shoot.elevation
    behind = "the sky behind" if scene.sky.shown else "transparent, on white"
    return [
        f"scene {scene.name}: {len(scene.items)} objects, {len(scene.lights)} lamps, {behind}",
        f"{train} views to train on and {test} held out between them, {size[0]}x{size[1]}, rendered on the spot",
        f"cameras {distance:.2f} from the middle, {low:g} to {high:g} degrees up, angle of view {scene.shoot.fov:g}",
    ]
