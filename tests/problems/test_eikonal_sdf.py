"""Signed distances: what is trained on, what is held out, where a shape stands, and that a field gets there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from pinnscene.constraint import Block
from pinnscene.errors import PinnsceneError
from pinnscene.exporting import ExportRequest
from pinnscene.metrics import evaluate
from pinnscene.objective import Objective
from pinnscene.options import build_problem
from pinnscene.plan import make_plan
from pinnscene.problems.distanceconstraints import NEAR, SHARP
from pinnscene.problems.eikonal_sdf import FIELDS, EikonalSdf
from pinnscene.problems.shapesampling import located
from pinnscene.scenes.cloudshape import CloudShape
from pinnscene.scenes.solids import SOLIDS
from pinnscene.seeds import generator
from pinnscene.solution import Solution
from pinnscene.trainer import train
from pinnscene.views import FunctionField

FEW: dict[str, Any] = {"pool": 3000, "n": 400, "slopes": 200}
SMALL = {"levels": 2, "coarsest": 4, "finest": 8, "width": 16}
FAR = np.array([1e6, -2e6, 3e6])
RADIUS = 0.8  # of the built-in sphere


def exact(problem: EikonalSdf, beyond: float = 0.0) -> FunctionField:
    """A built-in shape's true distance, and ``beyond`` more."""
    solid = SOLIDS[problem.shape]
    return FunctionField(lambda p: solid.distance(p.coords) + beyond, ("x", "y", "z"), problem.values)


def ball(radius: float) -> FunctionField:
    return FunctionField(lambda p: p.coords.norm(dim=1, keepdim=True) - radius, ("x", "y", "z"), ("d",))


def blocks(problem: EikonalSdf, u: FunctionField, heldout: bool = False) -> dict[str, Block]:
    drawn = {
        name: constraint.blocks(name, u, constraint.draw(name, generator(3, name), heldout))
        for name, constraint in problem.constraints().items()
    }
    return {block.name: block for found in drawn.values() for block in found}


def largest(block: Block) -> float:
    return float(block.residual.detach().abs().max())


def written(folder: Path, at: Any = 0.0, size: float = 1.0, oriented: bool | None = None, n: int = 400) -> str:
    """A file of a ball of radius ``size`` around ``at``: a mesh, or points with or without normals."""
    if oriented is None:
        body = trimesh.creation.icosphere(3, radius=size)
        body.apply_translation(np.broadcast_to(at, 3))
        (folder / "ball.obj").write_text(str(body.export(file_type="obj", digits=9)))
        return str(folder / "ball.obj")
    normals = np.random.default_rng(0).normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points = size * normals + at
    np.savetxt(folder / "ball.xyz", np.concatenate([points, normals], 1) if oriented else points)
    return str(folder / "ball.xyz")


def solve(problem: EikonalSdf, steps: int, dtype: str = "float32", **knobs: Any) -> Solution:
    spec = problem.field("adam").override(None, {**SMALL, **knobs})
    plan = make_plan(
        "adam", {"adam": {**problem.knobs()["adam"], "lr": 1e-2, "warmup": 10, "steps": steps, "dtype": dtype}}
    )
    return train(problem, spec, plan, device="cpu")


# What is trained on


@pytest.mark.parametrize("shape", ["sphere", "torus", "capsule", "box"])
@pytest.mark.parametrize("heldout", [False, True])
def test_a_true_distance_has_no_residual(shape: str, heldout: bool) -> None:
    problem = build_problem(EikonalSdf, {"shape": shape, **FEW})
    found = blocks(problem, exact(problem), heldout)
    assert set(found) == {"distance", "slope"}
    assert max(map(largest, found.values())) < 1e-9


def test_a_distance_that_is_too_large_has_the_residual_relative_to_the_true_one() -> None:
    problem = EikonalSdf(shape="sphere", **FEW)
    off = 0.05
    found = blocks(problem, exact(problem, off))
    batch = problem.constraints()["distance"].draw("distance", generator(3, "distance"))
    expected = off / (batch.distance.abs() + NEAR * 2 * RADIUS)
    torch.testing.assert_close(found["distance"].residual, expected)
    assert largest(found["slope"]) < 1e-9


def test_a_slope_that_is_too_steep_has_the_difference_as_its_residual() -> None:
    problem = EikonalSdf(shape="sphere", **FEW)
    steep = FunctionField(lambda p: 3 * (p.coords.norm(dim=1, keepdim=True) - RADIUS), ("x", "y", "z"))
    residual = blocks(problem, steep)["slope"].residual
    torch.testing.assert_close(residual.norm(dim=1), torch.full((200,), 2.0, dtype=residual.dtype))


@pytest.mark.parametrize("shape", ["sphere", "torus"])
def test_a_true_distance_has_no_residual_on_points_alone(shape: str) -> None:
    problem = build_problem(EikonalSdf, {"shape": shape, "learn": "points", **FEW})
    found = blocks(problem, exact(problem))
    assert set(found) == {"surface.value", "surface.normal", "eikonal", "off"}
    assert (
        max(largest(r) for name, r in found.items() if name != "off") < 1e-6
    )  # the points are on the surface to four steps of Newton's method


@pytest.mark.parametrize("oriented", [True, False])
def test_terms_of_a_cloud(tmp_path: Path, oriented: bool) -> None:
    problem = EikonalSdf(data=written(tmp_path, size=2.0, oriented=oriented), **FEW)
    right, grown = blocks(problem, ball(2.0)), blocks(problem, ball(1.9))
    last = "far" if oriented else "off"
    assert list(right) == ["surface.value", *(["surface.normal"] if oriented else []), "eikonal", last]
    assert all(largest(right[name]) < 1e-9 for name in right if name != last)
    torch.testing.assert_close(grown["surface.value"].residual, torch.full((200, 1), 0.1 / problem.side).double())
    if oriented:
        # the nearest of the points is a little farther than the surface: a few percent in the mean
        small, large = (float(found["far"].residual.abs().mean()) for found in (right, grown))
        assert small < 0.035
        assert large > 2 * small
    else:
        batch = problem.constraints()["off"].draw("off", generator(3, "off"))
        distance = (batch.xyz.norm(dim=1, keepdim=True) - 2).abs()
        torch.testing.assert_close(right["off"].residual, torch.exp(-SHARP * distance / problem.side))


def test_far_points_have_the_right_side_and_lie_far_from_the_cloud(tmp_path: Path) -> None:
    problem = EikonalSdf(data=written(tmp_path, oriented=True), **FEW)
    batch = problem.constraints()["far"].draw("far", generator(0, "far"))
    true = batch.xyz.norm(dim=1, keepdim=True) - 1
    assert isinstance(problem.truth, CloudShape)
    assert float(batch.distance.abs().min()) > 4 * problem.truth.spacing * 0.9
    assert torch.equal(batch.distance.sign(), true.sign())
    assert {-1.0, 1.0} <= set(batch.distance.sign().flatten().tolist())


def test_a_truncated_distance_is_right_as_it_is_and_however_far_beyond() -> None:
    problem = EikonalSdf(shape="sphere", truncate=0.1, **FEW)
    axes = problem.domain.axes
    far = FunctionField(lambda p: (d := p.coords.norm(dim=1, keepdim=True) - RADIUS) * (1 + 7 * (d.abs() > 0.1)), axes)
    for field in (exact(problem), far):
        assert max(map(largest, blocks(problem, field).values())) < 1e-9
    wrong = blocks(problem, ball(RADIUS + 0.03))
    assert largest(wrong["distance"]) > 0.5


def test_rows_beyond_the_truncation_are_cut_off() -> None:
    p = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    full, cut = (located(EikonalSdf(shape="sphere", **FEW).truth, t)(p) for t in (0.0, 0.1))
    beyond = full.distance[:, 0].abs() > 0.1
    assert 0 < int(beyond.sum()) < 500
    torch.testing.assert_close(cut.distance, full.distance.clamp(-0.1, 0.1))
    assert not cut.slope[beyond].any()
    torch.testing.assert_close(cut.slope[~beyond], full.slope[~beyond])


# Where


@pytest.mark.parametrize("oriented", [True, False])
def test_points_held_out_from_a_cloud_are_never_trained_on(tmp_path: Path, oriented: bool) -> None:
    problem = EikonalSdf(data=written(tmp_path, oriented=oriented, n=60), **FEW)
    assert isinstance(problem.truth, CloudShape) and problem.unseen is not None
    given = {tuple(p) for p in problem.truth.points.tolist()}
    unseen = {tuple(p) for p in problem.unseen[0].tolist()}
    assert len(given) == 60 and len(unseen) == 6 and unseen < given
    surface = problem.constraints()["surface"]
    for heldout, expected in ((False, given - unseen), (True, unseen)):
        batch = surface.draw("surface", generator(0, "test"), heldout)
        assert {tuple(p) for p in batch.xyz.tolist()} == expected
        if oriented:
            torch.testing.assert_close(batch.normal, batch.xyz)  # of the unit ball: with its own points


@pytest.mark.parametrize("margin", [0.02, 0.1, 2.0])
@pytest.mark.parametrize("shape", ["sphere", "capsule"])
def test_the_box_is_the_shape_with_a_margin_all_around(shape: str, margin: float) -> None:
    problem = build_problem(EikonalSdf, {"shape": shape, "margin": margin, **FEW})
    lower, upper = np.array(problem.domain.lower), np.array(problem.domain.upper)
    side = (problem.truth.upper - problem.truth.lower).max()
    np.testing.assert_allclose(problem.truth.lower - lower, margin * side)
    np.testing.assert_allclose(upper - problem.truth.upper, margin * side)
    low, high = map(np.array, problem.frame())
    assert np.ptp(high - low) < 1e-12 and (low <= lower + 1e-12).all() and (high >= upper - 1e-12).all()


# Far away, and in other units


def test_a_shape_far_away_is_solved_about_its_middle_and_written_in_its_place(tmp_path: Path) -> None:
    problem = EikonalSdf(data=written(tmp_path, FAR), **FEW)
    np.testing.assert_allclose(problem.origin, FAR, atol=1e-3)
    assert np.abs([problem.domain.lower, problem.domain.upper]).max() < 1.3
    written_to = problem.export(ball(1.0), ExportRequest(tmp_path / "out.obj", 16)).files[0]
    mesh = trimesh.load_mesh(written_to)
    np.testing.assert_allclose(mesh.bounds, [FAR - 1, FAR + 1], atol=0.02)
    np.testing.assert_allclose(mesh.bounds, [problem.source.lower, problem.source.upper], atol=0.02)


@pytest.mark.parametrize("at", [0.0, 30.0])
def test_a_shape_near_the_origin_stays_where_it_is(tmp_path: Path, at: float) -> None:
    problem = EikonalSdf(data=written(tmp_path, at), **FEW)
    assert not problem.origin.any()
    middle = FunctionField(lambda p: (p.coords - at).norm(dim=1, keepdim=True) - 1, ("x", "y", "z"))
    mesh = trimesh.load_mesh(problem.export(middle, ExportRequest(tmp_path / "out.ply", 16)).files[0])
    np.testing.assert_allclose(mesh.bounds, [[at - 1] * 3, [at + 1] * 3], atol=0.02)


def test_units_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    files = written(tmp_path), written(tmp_path / "large", size=1e3)
    small, large = (EikonalSdf(data=data, **FEW) for data in files)
    p = small.domain.interior(300)(generator(0, "test"))
    values = [
        evaluate(solve(problem, 15, "float64").field, type(p)(p.coords * unit, p.axes)) / unit
        for problem, unit in ((small, 1.0), (large, 1e3))
    ]
    torch.testing.assert_close(values[1], values[0], rtol=0, atol=1e-5)


# That a field gets there


@pytest.mark.parametrize(("learn", "steps", "least"), [("distance", 80, 0.97), ("points", 120, 0.9)])
def test_a_sphere_is_found(learn: str, steps: int, least: float) -> None:
    problem = build_problem(EikonalSdf, {"shape": "sphere", "learn": learn, **FEW, "n": 128, "slopes": 128})
    solution = solve(problem, steps)
    monitor = problem.monitor()
    assert monitor is not None and monitor[0] == "iou"
    assert monitor[1](solution.field) > least


@pytest.mark.parametrize("backbone", FIELDS)
@pytest.mark.parametrize("learn", ["distance", "points"])
def test_every_backbone_makes_a_step_in_single_precision(backbone: str, learn: str) -> None:
    problem = build_problem(EikonalSdf, {"shape": "sphere", "learn": learn, "n": 200, "slopes": 128, "pool": 2000})
    # a narrow network has large values between its layers, which a sharp softplus must bear
    u = problem.field("adam", backbone).override(None, {"width": 32}).build(problem).float()
    objective = Objective(problem.constraints(), 0, torch.device("cpu"), torch.float32)
    torch.stack(list(objective.losses(u, objective.batches(0)).values())).sum().backward()
    for name, weight in u.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all(), name


@pytest.mark.parametrize("seed", range(3))
def test_the_mlp_starts_as_about_a_sphere(seed: int) -> None:
    problem = EikonalSdf(shape="sphere", **FEW)
    u = problem.field("adam", "mlp").build(problem, seed)
    half = problem.frame()[1][0]  # the box is around the origin
    p = problem.domain.interior(2000)(generator(0, "test"))
    found = evaluate(u, p)[:, 0] / half
    radius = p.coords.norm(dim=1) / half
    assert float(torch.corrcoef(torch.stack([found, radius]))[0, 1]) > 0.6
    assert float((found - radius + 0.5).abs().mean()) < 0.35
    assert (found[radius < 0.2] < 0).all() and (found[radius > 1.2] > 0).all()


# What is said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"margin": 0.0}, "margin expected"),
        ({"margin": float("nan")}, "margin expected"),
        ({"margin": 11.0}, "margin expected"),
        ({"pool": 0}, "pool, the points asked about,"),
        ({"pool": 2**26}, "pool expected at most"),
        ({"n": 0}, "n, points a step,"),
        ({"slopes": 0}, "slopes, points a step"),
        ({"truncate": -1.0}, "truncate expected"),
        ({"truncate": float("nan")}, "truncate expected"),
        ({"truncate": 0.1, "learn": "points"}, "leave truncate out"),
        ({"shape": "figur"}, "'figure'"),
        ({"data": "nowhere.ply"}, "there is no shape nowhere.ply"),
        ({"data": "nowhere.ply", "shape": "torus"}, "leave one out"),
    ],
)
def test_mistakes_are_told(options: Mapping[str, Any], said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        build_problem(EikonalSdf, ({} if "data" in options else {"shape": "sphere"}) | options)


@pytest.mark.parametrize(
    ("n", "options", "said"),
    [
        (9, {}, "ball.xyz has 9 points: expected at least 10"),
        (20, {"learn": "distance"}, "a cloud has learn=points"),
        (20, {"truncate": 0.1}, "leave truncate out"),
    ],
)
def test_mistakes_with_clouds_are_told(tmp_path: Path, n: int, options: Mapping[str, Any], said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        build_problem(EikonalSdf, {"data": written(tmp_path, oriented=True, n=n), **options})


@pytest.mark.parametrize(("pool", "n"), [(1, 1), (1, 50), (7, 1)])
def test_pools_may_be_tiny(pool: int, n: int) -> None:
    for learn in ("distance", "points"):
        problem = build_problem(EikonalSdf, {"shape": "sphere", "pool": pool, "n": n, "slopes": 2, "learn": learn})
        assert all(block.residual.isfinite().all() for block in blocks(problem, exact(problem)).values())


def test_a_field_without_a_surface_has_figures_and_scores_nonetheless(quick_shapes: None, tmp_path: Path) -> None:
    problem = EikonalSdf(shape="sphere", **FEW)
    nowhere = exact(problem, 9.0)
    assert [path.name for path in problem.figures(nowhere, tmp_path)] == ["slices.png", "distance_error.png"]
    assert [path.name for path in problem.figures(exact(problem), tmp_path)][-1] == "view.png"
    scores = problem.metrics(nowhere)
    assert scores["iou"] == 0 and scores["f_score"] == 0


def test_a_true_distance_scores_as_one(quick_shapes: None) -> None:
    problem = EikonalSdf(shape="sphere", **FEW)
    scores = problem.metrics(exact(problem))
    assert list(scores) == problem.metric_names()
    assert scores["iou"] == 1 and scores["f_score"] == 1
    assert max(scores["eikonal_p99"], scores["distance_mae"]) < 1e-9
    assert scores["normal_consistency"] > 0.98


@pytest.mark.parametrize(("n", "least", "most"), [(100, 16, 16), (2000, 24, 34), (30_000, 64, 64)])
def test_cells_are_no_smaller_than_a_clouds_points_are_apart(n, least, most, tmp_path):
    """Smaller ones bend between the points: 640 points of a sphere came out 36 times as far off."""
    data = written(tmp_path, oriented=True, n=n)
    assert least <= EikonalSdf(data=data).field("adam").resolve().knobs["finest"] <= most
