"""Cameras around a scene: spread evenly for training, and between those for tests."""

from math import pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PosedCamera
from pinnscene.render.camera import Camera
from pinnscene.scenes.rayscene import Scene

CANDIDATES = 2000  # places that a camera for tests may stand at
GOLDEN = pi * (3 - sqrt(5))  # the angle that spreads seeds on a sunflower


def rig(scene: Scene, train: int = 60, test: int = 10, size: tuple[int, int] = (128, 128)) -> list[PosedCamera]:
    """Cameras on a part of a sphere about the scene: first those for training, then those for tests.

    The first are a spiral of Fibonacci, evenly over the area between the lowest and the highest elevation; the
    tests' are another one, each moved to the next place that is well between cameras of the first.

    Raises:
        PinnsceneError: no camera, or numbers below 0.
    """
    if train < 1 or test < 0 or min(size) < 1:
        raise PinnsceneError(f"expected at least one camera and a size above 0, got {train}, {test} and {size}")
    places = [*spiral(scene, train), *between(scene, train, test)]
    distance, target = standoff(scene), tuple(scene.centre.tolist())
    made = []
    for k, place in enumerate(places):
        x, y, z = (scene.centre + distance * place).tolist()
        camera = Camera((x, y, z), target, fov=scene.shoot.fov)
        made.append(PosedCamera.of(camera, size, name=f"{'train' if k < train else 'test'} {k}"))
    return made


def standoff(scene: Scene) -> float:
    """How far cameras stand from the middle of a scene, so that the ball around it takes its share of the picture."""
    half = radians(scene.shoot.fov) / 2
    return scene.radius / sin(min(1.4, half * scene.shoot.fill))


def spiral(scene: Scene, count: int) -> NDArray[np.float64]:
    """Unit vectors [count, 3] spread evenly over the elevations that a scene is seen from."""
    low, high = (sin(radians(e)) for e in scene.shoot.elevation)
    k = np.arange(count)
    z = low + (high - low) * (k + 0.5) / max(count, 1)
    angle, across = GOLDEN * k, np.sqrt(1 - z * z)
    return np.stack([across * np.cos(angle), across * np.sin(angle), z], 1)


def between(scene: Scene, train: int, test: int) -> NDArray[np.float64]:
    """Unit vectors [test, 3] spread over the same elevations, apart from those of the cameras for training."""
    places = spiral(scene, CANDIDATES)
    apart = np.arccos((places @ spiral(scene, train).T).clip(-1, 1)).min(1)
    free = places[apart >= np.quantile(apart, 0.7)]
    return free[(spiral(scene, test) @ free.T).argmax(1)]
