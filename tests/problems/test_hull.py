"""The visual hull: it holds what there is and little more, and asks for each picture once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pinnscene.problems.hull import silhouettes, tightened, visual_hull
from pinnscene.scenes.rayscenefile import load_scene
from pinnscene.scenes.rayscenes import scene_views
from pinnscene.scenes.views import Views

CENTRE, RADIUS = np.array([0.3, -0.2, 0.1]), 0.4
BALL = f"""
title = "ball"
[camera]
fill = 0.25
[[objects]]
shape = "ball"
params = {{ radius = {RADIUS} }}
position = {CENTRE.tolist()}
"""


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Views:
    path = tmp_path_factory.mktemp("ball") / "ball.toml"
    path.write_text(BALL)
    made = scene_views(load_scene(path), (96, 96), 24, 2)
    return replace(made, lower=CENTRE - 1, upper=CENTRE + 1)  # a box five times as wide as the ball


def centres(views: Views, cells: int) -> np.ndarray:
    along = (np.arange(cells) + 0.5) / cells
    grid = np.stack(np.meshgrid(along, along, along, indexing="ij"), -1)
    return views.lower + grid * (views.upper - views.lower)


def test_the_hull_holds_the_ball_and_little_more(views: Views) -> None:
    held = visual_hull(views, silhouettes(views), 64)
    assert held is not None
    away = np.linalg.norm(centres(views, 64) - CENTRE, axis=3)
    assert held.numpy()[away < RADIUS].all()
    assert not held.numpy()[away > RADIUS + 0.25].any()


def test_the_box_is_tightened_around_the_ball(views: Views) -> None:
    made = tightened(views, silhouettes(views))
    assert (made.lower <= CENTRE - RADIUS).all() and (made.upper >= CENTRE + RADIUS).all()
    assert (made.upper - made.lower < 2 * RADIUS + 0.5).all()
    assert len(made.notes) == len(views.notes) + 1


def test_each_picture_is_asked_for_once(views: Views) -> None:
    asked: list[int] = []

    def read(k: int) -> np.ndarray:
        asked.append(k)
        return views.read(k)

    counted = replace(views, read=read)
    shots = silhouettes(counted)
    visual_hull(tightened(counted, shots), shots, 32)
    assert asked == list(views.train)


def test_pictures_that_show_nothing_are_told(views: Views) -> None:
    clear = replace(views, read=lambda k: 0 * views.read(k))
    made = tightened(clear, silhouettes(clear))
    assert any("transparent all over" in note for note in made.notes) and made.lower is views.lower


def test_pictures_without_opacity_have_no_hull(views: Views) -> None:
    opaque = replace(views, background=None, read=lambda k: views.read(k)[..., :3])
    assert silhouettes(opaque) == [] and visual_hull(opaque, [], 32) is None
    assert tightened(opaque, []) is opaque


def test_a_picture_that_shows_nothing_empties_what_it_sees_whole(views: Views) -> None:
    empty = replace(views, read=lambda k: torch.zeros(96, 96, 4, dtype=torch.uint8).numpy())
    held = visual_hull(empty, silhouettes(empty), 16)
    assert held is not None and not bool(held[8, 8, 8])
