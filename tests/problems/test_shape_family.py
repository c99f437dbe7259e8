"""Families of shapes: both methods on two ellipsoids far from the origin, their runs and mistakes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pinnscene import PinnsceneError
from pinnscene.batch import Points
from pinnscene.cli.render import _same
from pinnscene.metrics import evaluate
from pinnscene.problems.familyfitting import Cloud, given_cloud, together
from pinnscene.problems.familymethods import METHODS
from pinnscene.problems.familyscoring import member_iou
from pinnscene.problems.familyshapes import Frame, folder_shapes
from pinnscene.problems.shapefamily import ShapeFamily
from pinnscene.problems.truefield import TrueField
from pinnscene.solve import Settings, begin, configure, reopen
from pinnscene.views import FunctionField

FAR = np.array([100.0, 0.0, -50.0])  # where the bodies stand
AXES = "disc.ply", "egg.ply"
FIELD = {"width": 24, "depth": 2}
Make = Callable[..., ShapeFamily]
pytestmark = pytest.mark.usefixtures("few_of_everything")


@pytest.mark.parametrize(("method", "steps", "least"), [("decoder", 200, 0.85), ("encoder", 700, 0.7)])
def test_two_shapes_are_learned_and_come_back_from_points(
    problem_of: Make, method: str, steps: int, least: float
) -> None:
    problem = problem_of(method)
    adam = {"lr": 5e-3, "warmup": 10, "every": 1000}
    solution = problem.solve(steps=steps, device="cpu", knobs={"field": FIELD, "adam": adam})
    assert solution.metrics["iou_worst"] > least
    assert solution.metrics["iou"] >= solution.metrics["iou_worst"]
    # in the files' own units and place, whatever part of the cloud's order
    u, member = solution.field, problem.members.trained[0]
    (found,) = problem.learner.reconstruct(u, [given_cloud(member, 64, 0.0, 5)])
    assert member_iou(found, member) > least
    p = Points(torch.from_numpy(FAR + np.array([[0.0, 0, 0], [0, 0, 25], [25, 0, 0], [15, 0, 0]])), ("x", "y", "z"))
    assert (evaluate(found, p)[:, 0] < 0).tolist() == [True, False, False, True]
    if method == "decoder":
        assert float(evaluate(found, p)[0, 0]) < -3  # of -9, cut off at a tenth of the side of 40
        own = problem.learner.place(u.bind(u.code(0)), member.frame)
        assert member_iou(own, member) > least
        assert u.condition.table.norm(dim=1).min() > 0.05  # from 0.01 a number


def test_the_iou_tells_two_shapes_apart(problem_of: Make) -> None:
    problem = problem_of()
    disc, egg = problem.members.trained
    own, other = member_iou(TrueField(disc.shape), disc), member_iou(TrueField(egg.shape), disc)
    assert own == 1.0
    assert 0.3 < other < 0.7


@pytest.mark.parametrize("found", [-1.0, 1.0])
def test_points_that_saw_nothing_of_a_member_are_no_success(problem_of: Make, found: float) -> None:
    """None of them inside, whatever the reconstruction says."""
    member = replace(problem_of().members.trained[0], frame=Frame(FAR + 1000, 40.0))
    assert member_iou(FunctionField(lambda p: p["x"] * 0 + found, ("x", "y", "z")), member, 100) == 0.0


def test_what_is_drawn_makes_no_other_run(ellipsoids: Path, problem_of: Make, tmp_path: Path) -> None:
    """Options of pictures and files leave the run the same; the folder of shapes belongs to it."""
    data = copy_of(ellipsoids, tmp_path / "shapes", *AXES)
    settings = Settings(steps=1, device="cpu", knobs={"field": FIELD, "adam": {"warmup": 0}})
    configured = configure(problem_of(data=data), settings, "shape-family")
    run = begin(problem_of(data=data), configured, tmp_path / "run")
    run.conclude({"status": "max_steps"})
    alike = problem_of(data=data, cloud="part.xyz", between=(1, 0), member=1)
    other = problem_of(data=data, points=65)
    same = [_same(run, configure(p, settings, "shape-family"), p.view_options()) for p in (alike, other)]
    assert same == [True, False]
    made, _ = reopen(run, {"cloud": "part.xyz", "member": "1"})
    assert isinstance(made, ShapeFamily) and (made.cloud, made.member) == ("part.xyz", 1)
    (data / "egg.ply").write_bytes((data / "disc.ply").read_bytes())
    with pytest.raises(PinnsceneError, match="shapes is not the folder of this run"):
        reopen(run)
    data.rename(tmp_path / "moved")
    with pytest.raises(PinnsceneError, match=r"the data folder .*shapes is gone"):
        reopen(run)


def copy_of(folder: Path, to: Path, *names: str) -> Path:
    to.mkdir()
    for name in names:
        (to / name).write_bytes((folder / name).read_bytes())
    return to


def test_one_bad_file_is_named(ellipsoids: Path, problem_of: Make, tmp_path: Path) -> None:
    made = copy_of(ellipsoids, tmp_path / "some", *AXES)
    (made / "broken.ply").write_text("ply\nno header")
    with pytest.raises(PinnsceneError, match=r"broken\.ply"):
        problem_of(data=made)
    (made / "broken.ply").unlink()
    (made / "notes.md").write_text("what these are")
    with pytest.raises(PinnsceneError, match=r"notes\.md"):
        problem_of(data=made)


def test_folders_that_are_no_family(ellipsoids: Path, problem_of: Make, tmp_path: Path) -> None:
    one, none = copy_of(ellipsoids, tmp_path / "one", "egg.ply"), copy_of(ellipsoids, tmp_path / "none")
    for path, said in [
        (one, "at least 2 shape files .* got 1"),
        (none, "at least 2 shape files .* got 0"),
        (ellipsoids / "egg.ply", "expected a folder .* got the file"),
        (tmp_path / "gone", "there is no folder"),
    ]:
        with pytest.raises(PinnsceneError, match=said):
            problem_of(data=path)


def test_a_cloud_without_a_sign_is_told(ellipsoids: Path, problem_of: Make, tmp_path: Path) -> None:
    made = copy_of(ellipsoids, tmp_path / "mixed", "egg.ply")
    np.savetxt(made / "bare.xyz", np.random.default_rng(0).normal(size=(200, 3)))
    for method in METHODS:
        with pytest.raises(PinnsceneError, match=r"bare.*\(cloud\)"):
            problem_of(method, data=made)


def test_options_out_of_range_are_told(problem_of: Make) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"data": None, "count": 1}, "at least 2 shapes"),
        ({"data": None, "count": 10**8}, "count expected at most 10000"),
        ({"code": 10**8}, "code expected at most 1024"),
        ({"points": 10**8}, "points expected at most 100000"),
        ({"unseen": 1.0}, "unseen and noise"),
        ({"noise": -0.1}, "unseen and noise"),
        ({"split": -1}, "family and split"),
        ({"code": 0}, "code"),
        ({"points": 0}, "points"),
        ({"shapes": 0}, "shapes"),
        ({"between": (0, 2)}, r"from 0 to 1, got \(0, 2\)"),
        ({"member": 2}, "one of the trained shapes from 0 to 1, got 2"),
        ({"member": -1}, "member"),
    ]
    for options, said in cases:
        with pytest.raises(PinnsceneError, match=said):
            problem_of(**options)
    with pytest.raises(PinnsceneError, match="take --solver adam"):
        problem_of().solve(solver="head")
    with pytest.raises(PinnsceneError, match="a family of fields has codes"):
        problem_of().solve(solver="adam,head", steps=1, knobs={"field": FIELD})


def test_clouds_that_differ_in_size_are_told() -> None:
    clouds = [Cloud(np.random.default_rng(0).normal(size=(n, 3))) for n in (5, 6)]
    with pytest.raises(PinnsceneError, match=r"one common number of points, got \[5, 6\]"):
        together(clouds, [cloud.frame for cloud in clouds])
    with pytest.raises(PinnsceneError, match="extent above 0"):
        _ = Cloud(np.ones((4, 3))).frame


def test_files_are_read_by_name(ellipsoids: Path) -> None:
    names = [shape.name for shape in folder_shapes(ellipsoids)]
    assert [Path(name).stem for name in names] == ["disc", "egg"]
