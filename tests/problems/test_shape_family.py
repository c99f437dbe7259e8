"""Families of shapes: both methods on two ellipsoids far from the origin, their samples, views and mistakes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from pinnscene import PinnsceneError, gradient, hessian
from pinnscene.batch import Points
from pinnscene.cli.render import _same
from pinnscene.conditions import ConditionSpec
from pinnscene.exporting import ExportRequest
from pinnscene.metrics import evaluate
from pinnscene.problems import familyfigures, familyfitting, familymethods, shapefamily
from pinnscene.problems.familyfigures import render_interpolation
from pinnscene.problems.familyfitting import Cloud, Clouds, given_cloud, observations, together
from pinnscene.problems.familymethods import METHODS
from pinnscene.problems.familyreconstruction import around, read_cloud, reconstruct
from pinnscene.problems.familysampling import HALF, CloudPoints, CloudSampler, Pool, draw_pool
from pinnscene.problems.familyscoring import member_iou
from pinnscene.problems.familyshapes import Family, Frame, Member, folder_shapes, split
from pinnscene.problems.familyviews import Placed, interpolate
from pinnscene.problems.shapefamily import ShapeFamily
from pinnscene.problems.truefield import TrueField
from pinnscene.render.request import RenderRequest
from pinnscene.seeds import generator
from pinnscene.solve import Settings, begin, configure, reopen
from pinnscene.views import FunctionField

FAR = np.array([100.0, 0.0, -50.0])
AXES = {"disc.ply": (20.0, 20.0, 9.0), "egg.ply": (12.0, 12.0, 20.0)}
SMALL: dict[str, Any] = {"n": 512, "shapes": 2, "points": 64, "code": 4, "unseen": 0.0}
FIELD = {"width": 24, "depth": 2}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ellipsoids as files."""
    made = tmp_path_factory.mktemp("ellipsoids")
    for name, axes in AXES.items():
        body = trimesh.creation.icosphere(2)
        body.apply_scale(axes)
        body.apply_translation(FAR)
        body.export(made / name)
    (made / ".hidden").write_text("passed over")
    return made


@pytest.fixture(autouse=True)
def few_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(familymethods, "KEPT", 1500)
    monkeypatch.setattr(familymethods, "SURFACE", 600)
    monkeypatch.setattr(familyfitting, "STEPS", 100)
    monkeypatch.setattr(familyfigures, "COARSE", 12)
    monkeypatch.setattr(shapefamily, "STARTS", 2)


def problem_of(folder: Path, method: str = "decoder", **options: Any) -> ShapeFamily:
    return ShapeFamily(**{"data": str(folder), "method": method, **SMALL, **options})


def solid_family(box: bool = False) -> Member:
    body = trimesh.creation.box((2.0, 1.0, 0.6)) if box else trimesh.creation.icosphere(3, 0.7)
    from pinnscene.scenes.meshshape import mesh_shape

    shape = mesh_shape(np.asarray(body.vertices) + FAR, np.asarray(body.faces), "body")
    return Member(shape, Frame.around(shape.lower, shape.upper))


# ---- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "steps", "least"), [("decoder", 200, 0.85), ("encoder", 700, 0.7)])
def test_two_shapes_are_learned_and_come_back_from_points(folder: Path, method: str, steps: int, least: float) -> None:
    problem = problem_of(folder, method)
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


def test_the_iou_tells_two_shapes_apart(folder: Path) -> None:
    problem = problem_of(folder)
    disc, egg = problem.members.trained
    own, other = member_iou(TrueField(disc.shape), disc), member_iou(TrueField(egg.shape), disc)
    assert own == 1.0
    assert 0.3 < other < 0.7


@pytest.mark.parametrize("found", [-1.0, 1.0])
def test_points_that_saw_nothing_of_a_member_are_no_success(folder: Path, found: float) -> None:
    """None of them inside, whatever the reconstruction says."""
    member = replace(problem_of(folder).members.trained[0], frame=Frame(FAR + 1000, 40.0))
    assert member_iou(FunctionField(lambda p: p["x"] * 0 + found, ("x", "y", "z")), member, 100) == 0.0


# ---- samples ---------------------------------------------------------------------------------------------------------


def test_the_pool_holds_true_distances_in_the_cube() -> None:
    member = solid_family()
    method = METHODS["decoder"](Family((member,), ()), 4, 64, 0.0, 128, 1)
    pool = draw_pool((member,), method.known, 400, 100, 0)
    # the sphere of radius 0.7 has a cube of side 1.4; its mesh is off by some 1e-3
    torch.testing.assert_close(pool.target, pool.xyz.norm(dim=2, keepdim=True) - 0.5, atol=4e-3, rtol=0)
    torch.testing.assert_close(pool.surface.norm(dim=2), torch.full((1, 100), 0.5), atol=4e-3, rtol=0)
    assert pool.xyz.abs().max() <= HALF
    assert (pool.target.abs() < 0.05).float().mean() > 0.4
    assert (pool.target.abs() > 0.1).float().mean() > 0.1


def test_clouds_and_points_are_mirrored_and_stretched_alike() -> None:
    """Of a box the bounding box of the cloud tells what is inside, before and after."""
    member = solid_family(box=True)
    method = METHODS["encoder"](Family((member,), ()), 4, 500, 0.0, 400, 1)
    pool = draw_pool((member,), method.known, 3000, 3000, 0)
    sampler = CloudSampler(lambda: pool, 400, 1, points=500, turn=0.0)
    sizes = []
    for step in range(4):
        batch = sampler(generator(0, step))
        assert isinstance(batch, CloudPoints)
        half = batch.clouds[0].amax(0)
        torch.testing.assert_close(half, -batch.clouds[0].amin(0), atol=1e-5, rtol=0)
        assert abs(float(half.max()) - 0.5) < 1e-5
        inside = (batch.xyz.abs() < half).all(1, keepdim=True)
        assert (inside == batch.target.bool()).float().mean() > 0.97
        assert 0.2 < batch.target.mean() < 0.8
        sizes.append(half / half.max())
    assert (torch.stack(sizes).std(0) > 0.01).any()  # stretched anew each time


def test_clouds_are_turned() -> None:
    """A turned box fills less of its bounding box, and what is inside stays so: the share of the volume."""
    member = solid_family(box=True)
    q = torch.rand(4000, 3, generator=generator(0), dtype=torch.float64) - 0.5
    pool = Pool(*(t.float()[None] for t in (q, member.inside(q), member.surface(4000, generator(1))[0])))
    batch = CloudSampler(lambda: pool, 4000, 1, points=2000, stretch=1.0, turn=0.5)(generator(2))
    inside = batch.xyz[batch.target[:, 0] > 0]
    reach = batch.clouds[0].amax(0)
    assert (inside.abs() <= reach + 0.02).all()
    assert (batch.xyz.abs() < reach).all(1).float().mean() > 1.2 * batch.target.mean()
    # no point that is inside lies beyond the cloud, seen from the middle along any direction
    for direction in torch.randn(20, 3, generator=generator(3)):
        assert (inside @ direction).max() <= (batch.clouds[0] @ direction).max() + 0.03 * direction.norm()


def test_a_batch_of_clouds_is_thinned_and_moved_whole() -> None:
    clouds = torch.zeros(2, 5, 3, dtype=torch.float64)
    batch = CloudPoints(torch.zeros(6, 3), torch.tensor([0, 0, 0, 1, 1, 1]), torch.ones(6, 1), clouds)
    part = batch[torch.tensor([1, 4])].to("cpu", torch.float32)
    assert len(batch) == 6 and len(part) == 2
    assert part.clouds.shape == (2, 5, 3) and part.clouds.dtype == torch.float32
    assert part.shape.tolist() == [0, 1]


def test_the_noise_of_given_points_is_a_share_of_the_side() -> None:
    member = solid_family()
    off = [np.linalg.norm(given_cloud(member, 500, noise, 0).points - FAR, axis=1) - 0.7 for noise in (0.0, 0.05)]
    assert np.abs(off[0]).max() < 0.01
    assert abs(off[1].std() / (0.05 * 1.4) - 1) < 0.2


def test_points_beside_the_surface_have_the_distance_they_are_said_to(folder: Path) -> None:
    member = solid_family()
    cloud = given_cloud(member, 50, 0.0, 0)
    xyz, target = observations(together([cloud], [member.frame]))
    assert xyz.shape == (1, 150, 3)
    torch.testing.assert_close(xyz[0].norm(dim=1, keepdim=True) - 0.5, target[0], atol=5e-3, rtol=0)
    bare, zero = observations(Clouds(xyz, None))
    assert bare is xyz and not zero.any()


def test_the_split_is_a_share_and_keeps_two() -> None:
    shapes = [solid_family().shape] * 10
    parts = {unseen: split(shapes, unseen, 0) for unseen in (0.0, 0.2, 0.99)}
    assert [len(f.trained) for f in parts.values()] == [10, 8, 2]
    assert [len(f.scored) for f in parts.values()] == [10, 2, 8]


# ---- views -----------------------------------------------------------------------------------------------------------


def test_a_placed_field_has_the_derivatives_of_its_place() -> None:
    inner = FunctionField(lambda p: p["x"] ** 2 * p["y"] + torch.sin(p["z"]), ("x", "y", "z"))
    placed = Placed(inner, (100.0, 0.0, -50.0), 4.0, 3.0)
    direct = FunctionField(
        lambda p: 3 * (((p["x"] - 100) / 4) ** 2 * (p["y"] / 4) + torch.sin((p["z"] + 50) / 4)), ("x", "y", "z")
    )
    p = torch.from_numpy(FAR) + torch.rand(5, 3, generator=generator(0), dtype=torch.float64)
    for take in (lambda u: u(p), lambda u: gradient(u, p), lambda u: hessian(u, p)):
        torch.testing.assert_close(take(placed), take(direct))


def test_a_turned_field_has_the_derivatives_of_its_place() -> None:
    inner = FunctionField(lambda p: p["x"] ** 2 * p["y"] + torch.sin(p["z"] * p["x"]), ("x", "y", "z"))
    turn = torch.matrix_exp(torch.tensor([[0, -0.3, 0.2], [0.3, 0, -0.5], [-0.2, 0.5, 0]], dtype=torch.float64))
    placed = Placed(inner, (1.0, 0.0, -2.0), 2.0, 2.0, turn)
    place = torch.tensor([1.0, 0.0, -2.0], dtype=torch.float64)
    direct = FunctionField(lambda p: 2 * inner((p.coords - place) @ turn / 2), ("x", "y", "z"))
    p = place + torch.rand(5, 3, generator=generator(0), dtype=torch.float64)
    for take in (lambda u: u(p), lambda u: gradient(u, p), lambda u: hessian(u, p)):
        torch.testing.assert_close(take(placed), take(direct))


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


def test_a_turned_shifted_cloud_is_fitted_by_its_pose(folder: Path) -> None:
    """A network that knows one ellipsoid alone finds it turned, from points of a part of it."""
    problem = problem_of(folder)
    known, scale = ellipsoid(), SCALE
    normal = torch.nn.functional.normalize(torch.randn(300, 3, generator=generator(0), dtype=torch.float64), dim=1)
    body = normal[normal[:, 0] > -0.7] / scale
    turn = torch.matrix_exp(torch.tensor([[0, -0.2, 0.1], [0.2, 0, -0.15], [-0.1, 0.15, 0]], dtype=torch.float64))
    (found,) = problem.learner.reconstruct(known, [Cloud((7 * body @ turn.T).numpy() + FAR)])
    p = torch.randn(2000, 3, generator=generator(1), dtype=torch.float64) * 3
    truth = known(p @ turn / 7) < 0
    inside = found(p + torch.from_numpy(FAR)) < 0
    assert (truth & inside).sum() / (truth | inside).sum() > 0.8


def test_half_a_cloud_gives_the_whole(folder: Path) -> None:
    """The middle of the whole is not that of its half: fits from several places find it, one does not."""
    problem, known, half = problem_of(folder), ellipsoid(), ellipsoid_cloud(600, 0.0)
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


def test_a_cloud_is_drawn_and_written_in_its_own_place(folder: Path, tmp_path: Path) -> None:
    cloud = ellipsoid_cloud(500, -0.8)
    assert cloud.normals is not None
    np.savetxt(tmp_path / "part.xyz", np.concatenate([cloud.points, cloud.normals], 1))
    problem = problem_of(folder, cloud=str(tmp_path / "part.xyz"))
    request = RenderRequest(tmp_path / "a.png", (60, 30), what="normal", samples=1, up="z", beside=True)
    problem.check_render(request)
    assert problem.render(ellipsoid(), request) == [request.out]
    with Image.open(request.out) as picture:
        assert picture.size == (60, 30)
    with pytest.raises(PinnsceneError, match="--what is an option of surfaces"):
        problem_of(folder).check_render(request)
    assert "npz" not in problem.formats()
    written = problem.export(ellipsoid(), ExportRequest(tmp_path / "a.ply", 24))
    mesh = trimesh.load(written.files[0])
    assert isinstance(mesh, trimesh.Trimesh) and mesh.is_watertight
    value = ellipsoid()(torch.from_numpy((np.asarray(mesh.vertices) - FAR) / 7))
    assert value.abs().max() < 0.03  # of half axes 0.2 to 0.5
    # without a cloud one of the family's own shapes, from its own points
    other = problem_of(folder, member=1).export(ellipsoid(), ExportRequest(tmp_path / "b.obj", 16))
    assert np.abs(np.asarray(trimesh.load(other.files[0]).bounds).mean(0) - FAR).max() < 5


def test_files_of_clouds(folder: Path, tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    np.savetxt(tmp_path / "bare.xyz", points)
    all_of_it, some = read_cloud(str(tmp_path / "bare.xyz"), 60), read_cloud(str(tmp_path / "bare.xyz"), 20)
    assert all_of_it.normals is None and all_of_it.points.tolist() == points.tolist()
    assert len(np.unique(some.points, axis=0)) == 20 and {*map(tuple, some.points)} <= {*map(tuple, points)}
    of_mesh = read_cloud(str(folder / "disc.ply"), 30)
    assert of_mesh.points.shape == (30, 3) and of_mesh.normals is not None
    assert [problem_of(folder, m).learner.most for m in METHODS] == [familymethods.MOST, SMALL["points"]]
    # a run can be opened without the cloud that was once drawn with it
    problem = problem_of(folder, cloud=str(tmp_path / "gone.xyz"))
    with pytest.raises(PinnsceneError, match=r"there is no shape .*gone\.xyz"):
        problem.check_render(RenderRequest(tmp_path / "a.png"))


def test_the_box_holds_the_turned_cube() -> None:
    turn = torch.matrix_exp(torch.tensor([[0, -0.5, 0.2], [0.5, 0, -0.3], [-0.2, 0.3, 0]], dtype=torch.float64))
    placed = Placed(ellipsoid(), (1.0, 2.0, 3.0), 2.0, 2.0, turn)
    box = around(placed)
    ends = torch.tensor([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=torch.float64)
    corners = ends * HALF * 2 @ turn.T + torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert np.allclose(box.lower, corners.amin(0)) and np.allclose(box.upper, corners.amax(0))


def test_far_from_the_origin_single_precision_is_enough(folder: Path) -> None:
    """A place is subtracted in float64, before the field's own precision."""
    inner = FunctionField(lambda p: p["x"].float(), ("x", "y", "z"))
    placed = Placed(inner, (1e7, 0.0, 0.0), 1.0, 1.0)
    p = torch.tensor([[1e7 + 0.25, 0, 0]], dtype=torch.float64)
    assert float(placed(p)) == 0.25


def test_the_truth_has_slopes() -> None:
    member = solid_family()
    p = torch.from_numpy(FAR) + torch.randn(20, 3, generator=generator(0), dtype=torch.float64)
    slope = gradient(TrueField(member.shape), p)
    torch.testing.assert_close(slope.norm(dim=1), torch.ones(20, dtype=torch.float64), atol=1e-2, rtol=0)


def test_interpolation_ends_at_the_two_codes(folder: Path) -> None:
    problem = problem_of(folder)
    u = problem.field("adam").override(None, FIELD).build(problem)
    a, b = problem.learner.codes(u, (0, 1))
    p = torch.rand(9, 3, generator=generator(0), dtype=torch.float64) - 0.5
    between = interpolate(u, a, b, 5)
    assert len(between) == 5
    assert torch.equal(between[0](p), u.bind(u.code(0))(p))
    assert torch.equal(between[-1](p), u.bind(u.code(1))(p))
    torch.testing.assert_close(between[2].code, (a + b) / 2)
    with pytest.raises(PinnsceneError, match="at least 2 steps"):
        interpolate(u, a, b, 1)


@pytest.mark.parametrize("method", METHODS)
def test_pictures_of_the_way_between_two(folder: Path, tmp_path: Path, method: str) -> None:
    problem = problem_of(folder, method)
    u = problem.field("adam").override(None, FIELD).build(problem)
    (strip,) = render_interpolation(problem, u, RenderRequest(tmp_path / "a.png", (130, 40)))
    with Image.open(strip) as picture:
        assert picture.size == (130, 40)
    with pytest.raises(PinnsceneError, match="expected a folder"):
        render_interpolation(problem, u, RenderRequest(tmp_path / "a.txt"))


# ---- runs ------------------------------------------------------------------------------------------------------------


def test_what_is_drawn_makes_no_other_run(folder: Path, tmp_path: Path) -> None:
    """Options of pictures and files leave the run the same; the folder of shapes belongs to it."""
    data = copy_of(folder, tmp_path / "shapes", *AXES)
    settings = Settings(steps=1, device="cpu", knobs={"field": FIELD, "adam": {"warmup": 0}})
    configured = configure(problem_of(data), settings, "shape-family")
    run = begin(problem_of(data), configured, tmp_path / "run")
    run.conclude({"status": "max_steps"})
    alike = problem_of(data, cloud="part.xyz", between=(1, 0), member=1)
    other = problem_of(data, points=65)
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


# ---- mistakes --------------------------------------------------------------------------------------------------------


def copy_of(folder: Path, to: Path, *names: str) -> Path:
    to.mkdir()
    for name in names:
        (to / name).write_bytes((folder / name).read_bytes())
    return to


def test_one_bad_file_is_named(folder: Path, tmp_path: Path) -> None:
    made = copy_of(folder, tmp_path / "some", *AXES)
    (made / "broken.ply").write_text("ply\nno header")
    with pytest.raises(PinnsceneError, match=r"broken\.ply"):
        problem_of(made)
    (made / "broken.ply").unlink()
    (made / "notes.md").write_text("what these are")
    with pytest.raises(PinnsceneError, match=r"notes\.md"):
        problem_of(made)


def test_folders_that_are_no_family(folder: Path, tmp_path: Path) -> None:
    one, none = copy_of(folder, tmp_path / "one", "egg.ply"), copy_of(folder, tmp_path / "none")
    for path, said in [
        (one, "at least 2 shape files .* got 1"),
        (none, "at least 2 shape files .* got 0"),
        (folder / "egg.ply", "expected a folder .* got the file"),
        (tmp_path / "gone", "there is no folder"),
    ]:
        with pytest.raises(PinnsceneError, match=said):
            problem_of(path)


def test_a_cloud_without_a_sign_is_told(folder: Path, tmp_path: Path) -> None:
    made = copy_of(folder, tmp_path / "mixed", "egg.ply")
    np.savetxt(made / "bare.xyz", np.random.default_rng(0).normal(size=(200, 3)))
    for method in METHODS:
        with pytest.raises(PinnsceneError, match=r"bare.*\(cloud\)"):
            problem_of(made, method)


def test_options_out_of_range_are_told(folder: Path) -> None:
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
            problem_of(folder, **options)
    with pytest.raises(PinnsceneError, match="take --solver adam"):
        problem_of(folder).solve(solver="head")
    with pytest.raises(PinnsceneError, match="a family of fields is trained with adam"):
        problem_of(folder).solve(solver="adam,head", steps=1, knobs={"field": FIELD})


def test_clouds_that_differ_in_size_are_told() -> None:
    clouds = [Cloud(np.random.default_rng(0).normal(size=(n, 3))) for n in (5, 6)]
    with pytest.raises(PinnsceneError, match=r"one common number of points, got \[5, 6\]"):
        together(clouds, [cloud.frame for cloud in clouds])
    with pytest.raises(PinnsceneError, match="extent above 0"):
        _ = Cloud(np.ones((4, 3))).frame


def test_files_are_read_by_name(folder: Path) -> None:
    names = [shape.name for shape in folder_shapes(folder)]
    assert [Path(name).stem for name in names] == ["disc", "egg"]
