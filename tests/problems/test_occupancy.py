"""Occupancy: the side of every point, its loss, and surfaces with their normals outwards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from torch.nn import functional as F

from pinnscene.errors import PinnsceneError
from pinnscene.exporting import ExportRequest
from pinnscene.objective import Objective
from pinnscene.operators import gradient
from pinnscene.options import build_problem
from pinnscene.plan import make_plan
from pinnscene.problems.occupancy import FIELDS, Negated, Occupancy
from pinnscene.problems.shapesampling import Pool, Sided
from pinnscene.scenes.solids import SOLIDS
from pinnscene.seeds import generator
from pinnscene.trainer import train
from pinnscene.views import FunctionField

FEW: dict[str, Any] = {"pool": 3000, "n": 400}
AXES = ("x", "y", "z")


def logit(shape: str = "sphere", sharpness: float = 20.0, offset: float = 0.0) -> FunctionField:
    """A logit that is right everywhere where ``offset`` is 0."""
    solid = SOLIDS[shape]
    return FunctionField(lambda p: offset - sharpness * solid.distance(p.coords), AXES, ("l",))


def cloud(folder: Path, oriented: bool, n: int = 500) -> str:
    normals = np.random.default_rng(0).normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    np.savetxt(folder / "ball.xyz", np.concatenate([normals, normals], 1) if oriented else normals)
    return str(folder / "ball.xyz")


@pytest.mark.parametrize("shape", ["sphere", "torus", "csg"])
@pytest.mark.parametrize("heldout", [False, True])
def test_sides_are_those_of_the_formula(shape: str, heldout: bool) -> None:
    problem = build_problem(Occupancy, {"shape": shape, **FEW})
    batch = problem.constraints()["sides"].draw("sides", generator(0, "test"), heldout)
    assert torch.equal(batch.side, SOLIDS[shape].distance(batch.xyz).sign())
    assert set(batch.side.flatten().tolist()) == {-1.0, 1.0}


def test_sides_of_a_cloud_are_those_of_its_surface(tmp_path: Path) -> None:
    problem = Occupancy(data=cloud(tmp_path, True), **FEW)
    batch = problem.constraints()["sides"].draw("sides", generator(0, "test"))
    distance = batch.xyz.norm(dim=1, keepdim=True) - 1
    clear = distance.abs() > 0.15  # a spacing of the points
    assert torch.equal(batch.side[clear], distance[clear].sign())


@pytest.mark.parametrize("offset", [0.0, -3.0, 40.0])
def test_the_loss_is_binary_cross_entropy_of_the_logit(offset: float) -> None:
    problem = Occupancy(shape="sphere", **FEW)
    u, constraint = logit(offset=offset), problem.constraints()["sides"]
    batch = constraint.draw("sides", generator(0, "test"))
    (block,) = constraint.blocks("sides", u, batch)
    inside = (batch.side < 0).double()
    expected = F.binary_cross_entropy_with_logits(u(batch.xyz), inside, reduction="none")
    torch.testing.assert_close(block.penalty.value(block.residual), expected)
    objective = Objective(problem.constraints(), 0, torch.device("cpu"), torch.float64)
    assert objective.heldout(u) > 0
    assert objective.heldout(logit(sharpness=1e5)) < 0.1 < objective.heldout(logit(sharpness=-20))


def test_held_out_rows_are_others(tmp_path: Path) -> None:
    problem = Occupancy(shape="sphere", pool=100, n=3000)
    constraint = problem.constraints()["sides"]
    trained, unseen = (constraint.draw("sides", generator(0, "test"), heldout).xyz for heldout in (False, True))
    assert (len(trained.unique(dim=0)), len(unseen.unique(dim=0))) == (100, 5)
    assert len(torch.cat([trained, unseen]).unique(dim=0)) == 105


def test_rows_move_to_a_device_once() -> None:
    """The meta device stands for an accelerator: it holds shapes only."""
    asked: list[int] = []
    problem = Occupancy(shape="sphere", **FEW)

    def ask(p: np.ndarray) -> Sided:
        asked.append(len(p))
        return Sided(torch.from_numpy(p), torch.ones(len(p), 1))

    pool = Pool(problem.places(), 50, ask)
    first, second = (pool(0, False, torch.device("meta")) for _ in range(2))
    assert first is second and first.xyz.device.type == "meta"
    assert pool(0, False).xyz.device.type == "cpu" and asked == [50]


def test_the_view_as_a_distance_is_negated_with_its_slopes() -> None:
    u = logit("torus")
    seen = Negated(u)
    p = Occupancy(shape="torus", **FEW).domain.interior(50)(generator(0, "test"))
    assert torch.equal(seen(p), -u(p))
    assert torch.equal(gradient(seen, p), -gradient(u, p))
    assert seen.axes == AXES and seen.values == ("-l",)


def test_an_exported_surface_looks_outwards(tmp_path: Path) -> None:
    problem = Occupancy(shape="torus", **FEW)
    found = problem.export(logit("torus"), ExportRequest(tmp_path / "torus.ply", 40))
    mesh = trimesh.load_mesh(found.files[0])
    assert mesh.is_watertight and mesh.volume > 0 and found.report["genus"] == 1
    np.testing.assert_allclose(mesh.bounds, [problem.truth.lower, problem.truth.upper], atol=0.01)


def test_a_right_logit_scores_as_one_whatever_its_slope(quick_shapes: None) -> None:
    problem = Occupancy(shape="sphere", **FEW)
    for sharpness in (0.01, 500.0):
        scores = problem.metrics(logit(sharpness=sharpness))
        assert list(scores) == problem.metric_names()
        assert scores["iou"] == 1 and scores["f_score"] == 1 and scores["normal_consistency"] > 0.98
    assert not any("distance" in name or "eikonal" in name for name in scores)
    assert problem.metrics(logit(sharpness=-5))["iou"] == 0
    monitor = problem.monitor()
    assert monitor is not None and monitor[1](logit()) == 1 and monitor[1](logit(offset=1e4)) < 0.5


def test_figures_show_no_error_of_a_distance(quick_shapes: None, tmp_path: Path) -> None:
    problem = Occupancy(shape="sphere", **FEW)
    assert [path.name for path in problem.figures(logit(), tmp_path)] == ["slices.png", "view.png"]
    assert [path.name for path in problem.figures(logit(offset=1e4), tmp_path)] == ["slices.png"]


def test_a_cloud_without_normals_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PinnsceneError, match="nothing is known of its inside"):
        Occupancy(data=cloud(tmp_path, False))


def test_a_torus_is_found() -> None:
    problem = Occupancy(shape="torus", **FEW)
    spec = problem.field("adam").override(None, {"levels": 2, "coarsest": 8, "finest": 16, "features": 4, "width": 16})
    plan = make_plan("adam", {"adam": {**problem.knobs()["adam"], "lr": 1e-2, "warmup": 10, "steps": 100}})
    solution = train(problem, spec, plan, device="cpu")
    monitor = problem.monitor()
    assert monitor is not None and monitor[1](solution.field) > 0.9


@pytest.mark.parametrize("backbone", FIELDS)
def test_every_backbone_makes_a_step_in_single_precision(backbone: str) -> None:
    problem = Occupancy(shape="sphere", **FEW)
    u = problem.field("adam", backbone).build(problem).float()
    objective = Objective(problem.constraints(), 0, torch.device("cpu"), torch.float32)
    torch.stack(list(objective.losses(u, objective.batches(0)).values())).sum().backward()
    for name, weight in u.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all(), name


def test_a_level_of_the_export_is_one_of_the_logit(tmp_path: Path) -> None:
    """A logit of 4 (0.8 - |x|) is 1 on the sphere of 0.55, and -1 on that of 1.05, which leaves the box."""
    problem = Occupancy(shape="sphere", pool=200, n=64)
    logit = FunctionField(lambda p: 4 * (0.8 - p.coords.norm(dim=1, keepdim=True)), ("x", "y", "z"), ("l",))
    made = problem.export(logit, ExportRequest(tmp_path / "out.ply", 24, level=1.0))
    assert made.report["volume"] == pytest.approx(4 / 3 * np.pi * 0.55**3, rel=0.03)
