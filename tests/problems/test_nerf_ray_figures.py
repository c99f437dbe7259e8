"""Scores, remarks, figures and ways of the camera of a scene of rays, on a field of a few steps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pinnscene.errors import PinnsceneError
from pinnscene.problems import rayscores
from pinnscene.problems.nerf_ray import NerfRay, as_light
from pinnscene.problems.rayrender import Stretch, sized, way
from pinnscene.problems.rayscores import Scores
from pinnscene.radiance import RadianceField
from pinnscene.rays.paths import focus
from pinnscene.render.raycameras import write_cameras
from pinnscene.render.request import RenderRequest


@pytest.fixture(scope="module")
def problem() -> NerfRay:
    return NerfRay(scene="trio", size=16, train=6, n=64)


@pytest.fixture(scope="module")
def u(problem: NerfRay) -> RadianceField:
    knobs = {"field": {"finest": 16, "levels": 1, "cells": 16, "samples": 24, "width": 16, "colour": 16}}
    return as_light(problem.solve(steps=3, knobs=knobs).field)


def test_scores_are_taken_once_and_anew_when_a_weight_changes(
    problem: NerfRay, u: RadianceField, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    original = rayscores.score
    monkeypatch.setattr(rayscores, "score", lambda *given: looks.append(1) or original(*given))
    made = replace(problem)
    first, remarks = made.metrics(u), made.remarks(u)
    assert len(looks) == 1 and list(first) == made.metric_names()
    names = [made.posed.cameras[k].name for k in made.posed.test]
    assert len(remarks) == (len(names) > 1) and all(remark.startswith("worst views: ") for remark in remarks)
    with torch.no_grad():
        u.head.bias[0] += 3.0
    try:
        assert made.metrics(u) != first and len(looks) == 2
    finally:
        with torch.no_grad():
            u.head.bias[0] -= 3.0


def test_the_worst_views_are_named_in_order() -> None:
    scores = Scores([4, 5, 6, 7], ["a", "b", "c", "d"], [30.0, 20.0, 40.0, 25.0], [])
    assert scores.order() == [1, 3, 0, 2]
    assert scores.remarks(2) == ["worst views: b 20.00 dB, d 25.00 dB; best: c 40.00 dB"]
    assert scores.means() == {"psnr": pytest.approx(28.75)}
    assert Scores([0], ["a"], [30.0], [0.5]).remarks() == []


@pytest.mark.parametrize("held_out", [True, False])
def test_figures(problem: NerfRay, u: RadianceField, tmp_path: Path, held_out: bool) -> None:
    made = replace(problem)
    if not held_out:
        vars(made)["posed"] = replace(made.posed, train=(0,), test=(), read_depth=None)
    drawn = made.figures(u, tmp_path)
    assert [path.name for path in drawn] == ["views.png", "geometry.png", "cameras.png"]
    for path in drawn:
        with Image.open(path) as image:
            assert min(image.size) > 200 and np.asarray(image.convert("L")).std() > 5


def test_render_gives_the_size_asked_for_and_all_kinds(problem: NerfRay, u: RadianceField, tmp_path: Path) -> None:
    files = problem.render(u, RenderRequest(tmp_path / "a.png", (20, 12), what="rgb,depth,normal,opacity", samples=2))
    with Image.open(files[0]) as image:
        assert image.size == (80, 12)
    assert {path.name for path in problem.render(u, RenderRequest(tmp_path / "made", (20, 12), frames=2))} == {
        "view.png",
        "orbit.mp4",
    }


@pytest.mark.parametrize("name", ["orbit", "spiral", "interpolate", "dataset"])
def test_ways(problem: NerfRay, tmp_path: Path, name: str) -> None:
    made = way(problem.posed, RenderRequest(tmp_path, frames=5, camera=name))
    assert made.name == name and made.moving is (name != "dataset")
    assert len(made.cameras) == (len(problem.posed.test) if name == "dataset" else 5)
    assert made.cameras[0].size == ((16, 16) if name == "dataset" else (256, 256))
    if name in ("orbit", "spiral"):
        posed = problem.posed
        target = focus([posed.cameras[k] for k in posed.train], posed.lower, posed.upper)
        for camera in made.cameras:
            np.testing.assert_allclose(camera.project([target])[0, :2], [128, 128], atol=1e-6)


def test_a_capture_from_one_side_is_seen_from_there(problem: NerfRay, tmp_path: Path) -> None:
    posed = problem.posed
    k = posed.train[0]
    beside = [replace(posed.cameras[k], matrix=posed.cameras[k].matrix + d * np.eye(4, k=3)) for d in (0.0, 0.2, 0.4)]
    some = replace(posed, cameras=beside, train=(0, 1, 2), test=())
    assert way(some, RenderRequest(tmp_path)).name == "spiral"
    assert way(posed, RenderRequest(tmp_path)).name == "orbit"


def test_cameras_of_a_file(problem: NerfRay, u: RadianceField, tmp_path: Path) -> None:
    moved = replace(problem.posed, origin=np.array([5.0, 6.0, 7.0]))
    path = write_cameras(tmp_path / "my way.json", problem.posed.cameras[:3], moved.origin)
    made = way(moved, RenderRequest(tmp_path, camera=str(path)))
    assert (made.name, made.moving, len(made.cameras)) == ("my way", True, 3)
    np.testing.assert_allclose(made.cameras[1].matrix, problem.posed.cameras[1].matrix, atol=1e-12)
    write_cameras(path, problem.posed.cameras[:3])
    files = problem.render(u, RenderRequest(tmp_path / "made", camera=str(path), what="rgb,opacity"))
    assert {file.name for file in files} == {"view.png", "view-opacity.png", "my way.mp4", "my way-opacity.mp4"}


def test_where_to_look_moves_along_with_the_camera(problem: NerfRay) -> None:
    stretch = Stretch(np.zeros(3), 4.0, 2.0, 6.0, False)
    camera = problem.posed.cameras[0]
    for away, expected in ((4.0, (2.0, 6.0)), (10.0, (8.0, 12.0)), (1.0, (0.1, 3.0))):
        matrix = np.eye(4)
        matrix[2, 3] = away
        assert stretch.from_place(replace(camera, matrix=matrix)) == pytest.approx(expected)
        near, far = replace(stretch, unbounded=True).from_place(replace(camera, matrix=matrix))
        assert near == 2.0 and far == pytest.approx(max(6.0, expected[1]))


def test_sizes_have_even_sides() -> None:
    assert sized((1008, 756), 256) == (342, 256) and sized((100, 300), 256) == (256, 768)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"camera": "orbitt"}, "did you mean orbit.*or give a JSON file"),
        ({"camera": "none.json"}, "cannot read the cameras"),
        ({"camera": "spiral", "azimuth": 3.0}, "for orbits"),
        ({"what": "shaded"}, "unknown kind of picture 'shaded'"),
        ({"what": "rgb,,depth"}, "unknown kind of picture"),
        ({"beside": True}, "option of surfaces"),
        ({"size": (60_000, 60_000)}, "too much memory"),
        ({"size": (8192, 8192), "samples": 64}, "too much memory"),
        ({"camera": "large.json"}, "20000x20000 takes too much memory"),
    ],
)
def test_requests_that_no_scene_can_be_drawn_as(
    problem: NerfRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_cameras(Path("large.json"), [problem.posed.cameras[0].scaled((20_000, 20_000))])
    with pytest.raises(PinnsceneError, match=said):
        problem.check_render(RenderRequest(Path("a.png"), **given))
