"""Exports of a scene of rays: a ball of known density comes back as a mesh, points, depths and a lattice, in place."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.exporting import Exported, ExportRequest, Kind, choose_kind
from pinnscene.mesh import Mesh
from pinnscene.mesh.bodies import bodies, without_crumbs
from pinnscene.problems.nerf_ray import NerfRay
from pinnscene.radiance import RadianceField
from pinnscene.render.raycameras import read_cameras

ORIGIN = np.array([100.0, -200.0, 50.0])
PEAK, STEEP, RADIUS = 400.0, 30.0, 0.5  # density PEAK / (1 + exp(STEEP (r - RADIUS))) in half sides of the box


@pytest.fixture(scope="module")
def problem() -> NerfRay:
    """A problem in a cubic box away from the file's origin."""
    made = NerfRay(scene="trio", size=16, train=6)
    cube = replace(made.posed, lower=np.full(3, -1.2), upper=np.full(3, 1.2), origin=ORIGIN, unbounded=False,
                   background=(1.0, 1.0, 1.0), near=0.1, far=20.0)  # fmt: skip
    vars(made)["posed"] = cube  # in the place of the cached one
    return made


@pytest.fixture(scope="module")
def ball(problem: NerfRay) -> RadianceField:
    u = problem.field("adam").build(problem)
    assert isinstance(u, RadianceField)

    def emit(y: Tensor, *more: Any) -> tuple[Tensor, Tensor]:
        return PEAK * torch.sigmoid(STEEP * (RADIUS - y.norm(dim=1))), y.new_zeros(len(y), u.head.weight.shape[-2] - 1)

    object.__setattr__(u, "emit", emit)
    object.__setattr__(u, "height", lambda y, *more: -y.norm(dim=1))
    return u


def exported(problem: NerfRay, u: RadianceField, out: Path, what: str, **given: Any) -> Exported:
    return problem.export(u, ExportRequest(out, what=what, **{"resolution": 32, **given}))


def radius_seen() -> float:
    """Where a ray towards the middle ends in the mean: 2 - integral of the transmittance, in the scene's units."""
    r = np.linspace(0, 2, 20_001)
    return 1.2 * (2 - float(np.trapezoid(np.exp(-PEAK / STEEP * np.log1p(np.exp(STEEP * (RADIUS - r)))), r)))


def radius_at(density: float) -> float:
    """Where the ball has a density per half side, in the scene's units."""
    return 1.2 * (RADIUS + log(PEAK / density - 1) / STEEP)


@pytest.mark.parametrize("level", [None, 100.0])
def test_a_mesh_is_the_level_set_in_the_files_own_place(
    problem: NerfRay, ball: RadianceField, tmp_path: Path, level: float | None
) -> None:
    made = exported(problem, ball, tmp_path / "a.ply", "mesh", level=level)
    mesh = trimesh.load_mesh(made.files[0], process=False)
    radius = np.linalg.norm(mesh.vertices - ORIGIN, axis=1)
    half = log(2) / ball.step if level is None else level  # of which a usual stretch takes half of the light
    np.testing.assert_allclose(radius, radius_at(1.2 * half), rtol=0.03)
    assert mesh.is_watertight and made.report["watertight"] and made.report["genus"] == 0 and mesh.volume > 0
    assert mesh.visual.vertex_colors.shape == (len(mesh.vertices), 4)
    assert any("density of" in note for note in made.notes)


def test_vertices_have_the_colour_that_is_seen_from_outside(
    problem: NerfRay, ball: RadianceField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ball.colours, "forward", lambda features, d: 0.5 + 0.5 * d)
    mesh = trimesh.load_mesh(exported(problem, ball, tmp_path / "a.glb", "mesh").files[0], force="mesh", process=False)
    inwards = ORIGIN - mesh.vertices
    inwards /= np.linalg.norm(inwards, axis=1, keepdims=True)
    np.testing.assert_allclose(mesh.visual.vertex_colors[:, :3] / 255, 0.5 + 0.5 * inwards, atol=0.05)


def test_what_leaves_the_box_or_is_never_looked_at_is_cut_off(
    problem: NerfRay, ball: RadianceField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = lambda y, *more: (PEAK + 0 * y[:, 0], y.new_zeros(len(y), 15))
    monkeypatch.setattr(ball, "emit", full)
    assert exported(problem, ball, tmp_path / "a.ply", "mesh").report["volume"] == pytest.approx(2.4**3, rel=0.15)
    assert ball.occupancy is not None
    kept = ball.occupancy.occupied.clone()
    try:
        ball.occupancy.occupied[: len(kept) // 2] = False
        half = exported(problem, ball, tmp_path / "a.ply", "mesh")
    finally:
        ball.occupancy.occupied.copy_(kept)
    assert half.report["watertight"] and half.report["volume"] == pytest.approx(2.4**3 / 2, rel=0.15)


def meshed(
    problem: NerfRay, u: RadianceField, path: Path, density: Callable[[Tensor], Tensor], **given: Any
) -> Exported:
    """The mesh of a density per half side of the box."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(u, "emit", lambda y, *more: (density(y), y.new_zeros(len(y), 15)))
        return exported(problem, u, path, "mesh", **given)


def test_a_wall_is_where_it_is_whatever_its_density(problem: NerfRay, ball: RadianceField, tmp_path: Path) -> None:
    """The average of what is opaque on one side of a plane is one half on the plane."""
    for density in (1e3, 1e6):
        wall = lambda y, density=density: density * (y[:, 0] < 0.11)
        meshed(problem, ball, tmp_path / "a.ply", wall, resolution=40)
        mesh = trimesh.load_mesh(tmp_path / "a.ply", process=False)
        x = mesh.vertices[(np.abs(mesh.vertices - ORIGIN)[:, 1:] < 1).all(1), 0] - ORIGIN[0]
        assert np.abs(x[x > 0] - 1.2 * 0.11).max() < 2.4 / 40 / 2  # half a cell of its lattice


def test_what_no_ray_can_reach_is_solid(problem: NerfRay, ball: RadianceField, tmp_path: Path) -> None:
    """A hollow without a way in is filled; one that is open stays."""
    shell = lambda y: PEAK * ((y.norm(dim=1) - RADIUS).abs() < 0.1)
    closed = meshed(problem, ball, tmp_path / "a.ply", shell, resolution=64).report
    full = 4 / 3 * np.pi * (1.2 * (RADIUS + 0.1)) ** 3
    assert closed["volume"] == pytest.approx(full, rel=0.05) and closed["bodies"] == 1
    cup = lambda y: shell(y) * (y[:, 2] < 0.3)
    hollow = meshed(problem, ball, tmp_path / "a.ply", cup, resolution=64).report
    assert hollow["volume"] < 0.75 * full and hollow["bodies"] == 1


def test_a_rough_density_has_a_smooth_surface(problem: NerfRay, ball: RadianceField, tmp_path: Path) -> None:
    """Densities of a ball that differ tenfold from place to place, as trained ones do."""

    def rough(y: Tensor) -> Tensor:
        speckle = torch.sin(1e4 * (y * y.new_tensor([1.0, 2.3, 3.1])).sum(1))
        return 100 * 10**speckle * (y.norm(dim=1) < RADIUS)

    report = meshed(problem, ball, tmp_path / "a.ply", rough, resolution=64).report
    mesh = trimesh.load_mesh(tmp_path / "a.ply", process=False)
    assert (report["genus"], report["bodies"]) == (0, 1)
    assert np.abs(np.linalg.norm(mesh.vertices - ORIGIN, axis=1) - 1.2 * RADIUS).max() < 2.4 / 64


@pytest.mark.parametrize("ending", ["ply", "npz"])
def test_points_lie_on_the_ball_with_normals_outwards(
    problem: NerfRay, ball: RadianceField, tmp_path: Path, ending: str
) -> None:
    path = exported(problem, ball, tmp_path / f"a.{ending}", "points", points=150).files[0]
    if ending == "npz":
        with np.load(path, allow_pickle=False) as data:
            places, normals, colours = data["points"], data["normals"], data["colours"]
            np.testing.assert_allclose((normals * (places - ORIGIN)).sum(1), np.linalg.norm(places - ORIGIN, axis=1),
                                       rtol=3e-3)  # fmt: skip
    else:
        cloud = trimesh.load(path, process=False)
        places, colours = cloud.vertices, cloud.colors
    assert len(places) == len(colours) == 150
    radius = np.linalg.norm(places - ORIGIN, axis=1)
    assert radius.min() > radius_seen() - 0.02 and np.median(radius) == pytest.approx(radius_seen(), abs=0.03)


def test_depths_of_every_picture(problem: NerfRay, ball: RadianceField, tmp_path: Path) -> None:
    made = exported(problem, ball, tmp_path / "depths", "depth", ending="tiff")
    assert len(made.files) == len(problem.posed.cameras)
    with Image.open(made.files[0]) as image:
        depth = np.asarray(image)
    camera = problem.posed.cameras[0]
    nearest = np.linalg.norm(camera.position) - radius_seen()
    assert depth.dtype == np.float32 and np.isnan(depth).any()
    assert np.nanmin(depth) == pytest.approx(nearest, abs=0.02)


def test_cameras_are_read_again(problem: NerfRay, ball: RadianceField, tmp_path: Path) -> None:
    path = exported(problem, ball, tmp_path / "a.json", "cameras").files[0]
    found = read_cameras(path, origin=ORIGIN).cameras
    np.testing.assert_allclose([c.matrix for c in found], [c.matrix for c in problem.posed.cameras], atol=1e-9)
    place = json.loads(path.read_text())["cameras"][0]["matrix"]
    np.testing.assert_allclose(np.array(place)[:3, 3], problem.posed.cameras[0].position + ORIGIN)


def test_the_density_on_a_lattice(problem: NerfRay, ball: RadianceField, tmp_path: Path) -> None:
    path = exported(problem, ball, tmp_path / "a.npz", "grid", resolution=9).files[0]
    with np.load(path, allow_pickle=False) as data:
        assert data["names"].tolist() == ["density"] and data["values"].shape == (9, 9, 9, 1)
        assert data["values"][4, 4, 4, 0] == pytest.approx(PEAK / (1 + exp(-STEEP * RADIUS)) / 1.2, rel=1e-4)
        np.testing.assert_allclose(data["y"], ORIGIN[1] + np.linspace(-1.2, 1.2, 9))


@pytest.mark.parametrize(
    ("what", "given", "said"),
    [
        ("mesh", {"level": 0.0}, "density above 0"),
        ("mesh", {"level": 1e9}, r"no surface that is half opaque at a density of 1e\+09"),
        ("points", {"level": 1.0}, "level is for meshes"),
    ],
)
def test_what_cannot_be_exported(
    problem: NerfRay, ball: RadianceField, tmp_path: Path, what: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(PinnsceneError, match=said):
        exported(problem, ball, tmp_path / "a.ply", what, **given)
    assert not list(tmp_path.iterdir())


def test_rays_that_end_on_nothing_make_no_cloud(
    problem: NerfRay, ball: RadianceField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ball, "emit", lambda y, *more: (0 * y[:, 0], y.new_zeros(len(y), 15)))
    with pytest.raises(PinnsceneError, match="ends on anything"):
        exported(problem, ball, tmp_path / "a.ply", "points", points=10)


KNOWN = {"mesh": Kind(("ply", "glb")), "points": Kind(("ply", "npz")), "depth": Kind(("tiff",), folder=True)}


@pytest.mark.parametrize(
    ("what", "wanted", "out", "chosen"),
    [
        (None, None, None, ("mesh", "ply")),
        (None, "npz", None, ("points", "npz")),
        (None, None, "a.GLB", ("mesh", "glb")),
        ("points", None, "a.ply", ("points", "ply")),
        ("depth", None, "folder", ("depth", "tiff")),
    ],
)
def test_kinds_of_exports(what: str | None, wanted: str | None, out: str | None, chosen: tuple[str, str]) -> None:
    assert choose_kind(KNOWN, what, wanted, Path(out) if out else None) == chosen


@pytest.mark.parametrize(
    ("what", "wanted", "out", "said"),
    [
        ("meshes", None, None, "did you mean mesh"),
        ("points", "glb", None, "exports ply, npz"),
        (None, "tiff", None, "unknown format"),
        ("depth", None, "a.tiff", "expected a folder"),
        ("mesh", None, "folder", "an ending"),
    ],
)
def test_exports_that_there_are_not(what: str | None, wanted: str | None, out: str | None, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        choose_kind(KNOWN, what, wanted, Path(out) if out else None)


def test_crumbs_are_left_out() -> None:
    large, small = trimesh.creation.icosphere(2), trimesh.creation.icosphere(1, 0.05)
    both = trimesh.util.concatenate([small.apply_translation([2, 0, 0]), large])
    mesh = Mesh(np.asarray(both.vertices), np.asarray(both.faces), np.asarray(both.vertex_normals))
    assert len(np.unique(bodies(mesh))) == 2
    kept, dropped = without_crumbs(mesh, 0.01)
    assert dropped == 1 and len(kept.faces) == len(large.faces) and kept.normals is not None
    np.testing.assert_allclose(kept.vertices, large.vertices)
    assert np.abs((kept.normals * kept.vertices).sum(1) - 1).max() < 0.02
    assert without_crumbs(mesh, 1e-6)[1] == 0 and without_crumbs(mesh, 0.999)[1] == 1
