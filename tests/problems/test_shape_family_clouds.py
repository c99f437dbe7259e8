"""Families of shapes: clouds of points, whole and in part, fitted, drawn and written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from pinnscene import PinnsceneError
from pinnscene.conditions import ConditionSpec
from pinnscene.exporting import ExportRequest
from pinnscene.problems import familymethods
from pinnscene.problems.familyfitting import Cloud
from pinnscene.problems.familymethods import METHODS
from pinnscene.problems.familyreconstruction import around, read_cloud, reconstruct
from pinnscene.problems.familysampling import HALF
from pinnscene.problems.familyviews import Placed
from pinnscene.problems.shapefamily import ShapeFamily
from pinnscene.render.request import RenderRequest
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

FAR = np.array([100.0, 0.0, -50.0])  # where the bodies stand
Make = Callable[..., ShapeFamily]
pytestmark = pytest.mark.usefixtures("few_of_everything")


class Ellipsoid(FunctionField):
    """An ellipsoid of half axes 1 / SCALE, whatever the code."""

    device, dtype = torch.device("cpu"), torch.float64
    condition = ConditionSpec("codes", {"count": 2, "size": 4}).build().double()

    def bind(self, code: torch.Tensor) -> FunctionField:
        return self


SCALE = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)


def ellipsoid() -> Ellipsoid:
    return Ellipsoid(lambda p: ((p.coords * SCALE).norm(dim=1, keepdim=True) - 1) / 3, ("x", "y", "z"))


def ellipsoid_cloud(n: int, least: float) -> Cloud:
    """Points of the ellipsoid seven times as large and far away, with normals, those whose x is not below ``least``."""
    normal = torch.nn.functional.normalize(torch.randn(n, 3, generator=generator(0), dtype=torch.float64), dim=1)
    normal = normal[normal[:, 0] > least]
    outward = torch.nn.functional.normalize(normal * SCALE, dim=1)
    return Cloud((7 * normal / SCALE).numpy() + FAR, outward.numpy())


def test_a_turned_shifted_cloud_is_fitted_by_its_pose(problem_of: Make) -> None:
    """A network that knows one ellipsoid alone finds it turned, from points of a part of it."""
    problem = problem_of()
    known, scale = ellipsoid(), SCALE
    normal = torch.nn.functional.normalize(torch.randn(300, 3, generator=generator(0), dtype=torch.float64), dim=1)
    body = normal[normal[:, 0] > -0.7] / scale
    turn = torch.matrix_exp(torch.tensor([[0, -0.2, 0.1], [0.2, 0, -0.15], [-0.1, 0.15, 0]], dtype=torch.float64))
    (found,) = problem.learner.reconstruct(known, [Cloud((7 * body @ turn.T).numpy() + FAR)])
    p = torch.randn(2000, 3, generator=generator(1), dtype=torch.float64) * 3
    truth = known(p @ turn / 7) < 0
    inside = found(p + torch.from_numpy(FAR)) < 0
    assert (truth & inside).sum() / (truth | inside).sum() > 0.8


def test_half_a_cloud_gives_the_whole(problem_of: Make) -> None:
    """The middle of the whole is not that of its half: fits from several places find it, one does not."""
    problem, known, half = problem_of(), ellipsoid(), ellipsoid_cloud(600, 0.0)
    p = torch.randn(2000, 3, generator=generator(1), dtype=torch.float64) * 3
    truth = known(p / 7) < 0
    found = []
    for starts in (1, 8):
        (made,) = problem.learner.reconstruct(known, [half], starts)
        inside = made(p + torch.from_numpy(FAR)) < 0
        found.append(float((truth & inside).sum() / (truth | inside).sum()))
    assert found[1] > 0.8
    assert found[0] < found[1] - 0.03
    made = reconstruct(problem.learner, known, half, 8)
    shifted = p + torch.from_numpy(FAR - np.array(made.origin))
    assert (made.u(shifted) < 0).equal(inside)


def test_a_cloud_is_drawn_and_written_in_its_own_place(problem_of: Make, tmp_path: Path) -> None:
    cloud = ellipsoid_cloud(500, -0.8)
    assert cloud.normals is not None
    np.savetxt(tmp_path / "part.xyz", np.concatenate([cloud.points, cloud.normals], 1))
    problem = problem_of(cloud=str(tmp_path / "part.xyz"))
    request = RenderRequest(tmp_path / "a.png", (60, 30), what="normal", samples=1, up="z", beside=True)
    problem.check_render(request)
    assert problem.render(ellipsoid(), request) == [request.out]
    with Image.open(request.out) as picture:
        assert picture.size == (60, 30)
    with pytest.raises(PinnsceneError, match="--what is an option of surfaces"):
        problem_of().check_render(request)
    assert "npz" not in problem.formats()
    written = problem.export(ellipsoid(), ExportRequest(tmp_path / "a.ply", 24))
    mesh = trimesh.load(written.files[0])
    assert isinstance(mesh, trimesh.Trimesh) and mesh.is_watertight
    value = ellipsoid()(torch.from_numpy((np.asarray(mesh.vertices) - FAR) / 7))
    assert value.abs().max() < 0.03  # of half axes 0.2 to 0.5
    # without a cloud one of the family's own shapes, from its own points
    other = problem_of(member=1).export(ellipsoid(), ExportRequest(tmp_path / "b.obj", 16))
    assert np.abs(np.asarray(trimesh.load(other.files[0]).bounds).mean(0) - FAR).max() < 5


def test_files_of_clouds(ellipsoids: Path, problem_of: Make, tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    np.savetxt(tmp_path / "bare.xyz", points)
    all_of_it, some = read_cloud(str(tmp_path / "bare.xyz"), 60), read_cloud(str(tmp_path / "bare.xyz"), 20)
    assert all_of_it.normals is None and all_of_it.points.tolist() == points.tolist()
    assert len(np.unique(some.points, axis=0)) == 20 and {*map(tuple, some.points)} <= {*map(tuple, points)}
    of_mesh = read_cloud(str(ellipsoids / "disc.ply"), 30)
    assert of_mesh.points.shape == (30, 3) and of_mesh.normals is not None
    assert [problem_of(m).learner.most for m in METHODS] == [familymethods.MOST, problem_of().points]
    # a run can be opened without the cloud that was once drawn with it
    problem = problem_of(cloud=str(tmp_path / "gone.xyz"))
    with pytest.raises(PinnsceneError, match=r"there is no shape .*gone\.xyz"):
        problem.check_render(RenderRequest(tmp_path / "a.png"))


def test_the_box_holds_the_turned_cube() -> None:
    turn = torch.matrix_exp(torch.tensor([[0, -0.5, 0.2], [0.5, 0, -0.3], [-0.2, 0.3, 0]], dtype=torch.float64))
    placed = Placed(ellipsoid(), (1.0, 2.0, 3.0), 2.0, 2.0, turn)
    box = around(placed)
    ends = torch.tensor([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=torch.float64)
    corners = ends * HALF * 2 @ turn.T + torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert np.allclose(box.lower, corners.amin(0)) and np.allclose(box.upper, corners.amax(0))
