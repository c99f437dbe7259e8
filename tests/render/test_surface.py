"""Surfaces: rays, light and pictures against closed forms, and against the same surface written otherwise."""

from collections.abc import Callable
from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.render import tone
from pinnscene.render.baking import Baked, bake
from pinnscene.render.camera import Camera, view
from pinnscene.render.lattice import lattice
from pinnscene.render.shading import occlusion, shadow, studio
from pinnscene.render.shot import Shot, Style
from pinnscene.render.surface import picture
from pinnscene.render.tracing import CUT, NOTHING, SURFACE, Hits, march, sharpen, touch
from pinnscene.views import FunctionField

AXES = ("x", "y", "z")
BOX = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
SIZE = (48, 48)
SIDE = Camera((4.0, 0.0, 0.0), fov=30.0)


def field(f: Callable[[Tensor], Tensor]) -> FunctionField:
    return FunctionField(lambda p: f(p.coords)[:, None], AXES)


def cube(x: Tensor, half: float) -> Tensor:
    q = x.abs() - half
    return q.clamp_min(0).norm(dim=1) + q.amax(1).clamp_max(0)


SPHERE = field(lambda x: x.norm(dim=1) - 0.7)
SPHERE_BAKED = bake(SPHERE, BOX, coarse=24)
CUBE = field(lambda x: cube(x, 0.5))


def traced(u: FunctionField, baked: Baked, camera: Camera, samples: int = 1) -> tuple[Tensor, Tensor, Hits]:
    (rays,) = camera.rays(SIZE, samples)
    hits = march(baked, (rays.origins - baked.centre).float(), rays.directions.float())
    return rays.origins, rays.directions, sharpen(u, baked, rays.origins, rays.directions, hits)


def test_the_silhouette_of_a_sphere_has_the_area_of_its_cone() -> None:
    *_, hits = traced(SPHERE, SPHERE_BAKED, SIDE, 16)
    radius = SIDE.focal(48) * 0.7 / sqrt(16 - 0.49)
    assert float((hits.kind == SURFACE).sum()) / 16 == pytest.approx(pi * radius**2, rel=0.005)


def test_hits_and_normals_of_a_sphere_are_the_fields_own() -> None:
    o, d, hits = traced(SPHERE, SPHERE_BAKED, SIDE, 4)
    rows = (hits.kind == SURFACE).nonzero()[:, 0]
    found = touch(SPHERE, SPHERE_BAKED, o[rows], d[rows], hits.t[rows])
    p = o[rows] + found.t[:, None] * d[rows]
    along = (o[rows] * d[rows]).sum(1)
    clear = along.square() - (16 - 0.49) > 1e-3  # rays that do not merely graze
    assert clear.double().mean() > 0.95
    assert float((p.norm(dim=1) - 0.7)[clear].abs().max()) < 1e-6
    assert bool((found.t < -along)[clear].all()), "the near side"
    assert float((found.normal - p / 0.7)[clear].norm(dim=1).max()) < 1e-4


def test_depth_at_the_centre() -> None:
    middle = SIDE.through(torch.tensor([0]), torch.full((1, 2), 0.5, dtype=torch.float64), (1, 1))
    hits = march(SPHERE_BAKED, middle.origins.float(), middle.directions.float())
    found = touch(SPHERE, SPHERE_BAKED, middle.origins, middle.directions, hits.t)
    assert float(found.t) == pytest.approx(3.3, abs=1e-12)
    assert found.normal[0].tolist() == pytest.approx([1, 0, 0], abs=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 5 * (x.norm(dim=1) - 0.7) ** 3,
        lambda x: 30 * (x.square().sum(1) - 0.49),
        lambda x: (4 * (x.norm(dim=1) - 0.7)).tanh(),
        lambda x: 1e-6 * (x.norm(dim=1) - 0.7),
    ],
)
def test_what_is_no_distance_gives_the_same_picture(f: Callable[[Tensor], Tensor]) -> None:
    camera = view(SPHERE_BAKED.points.numpy())
    made, true = (Shot(u, bake(u, BOX, coarse=24), camera, SIZE).pixels().astype(int) for u in (field(f), SPHERE))
    assert np.abs(made - true).mean() < 1.0
    assert np.quantile(np.abs(made - true), 0.995) < 16


def test_baked_distances_are_near_the_true_ones(rng: torch.Generator) -> None:
    for u, coarse in ((SPHERE, 24), (CUBE, 24)):
        baked = bake(u, BOX, coarse=coarse)
        p = torch.rand(4000, 3, generator=rng) * 2 - 1
        true = u(p.double())[:, 0].float()
        error = (baked.distance(p) - true).abs()
        assert float(error.max()) < 2.0 * baked.cell * 3 and float(error.mean()) < baked.cell
        assert ((baked.distance(p) < 0) == (true < 0))[true.abs() > 0.5 * baked.cell].all()
    outside = torch.tensor([[3.0, 0.0, 0.0]])
    assert float(SPHERE_BAKED.around(outside)) == pytest.approx(2.3, abs=0.05)


def test_bounds_are_those_of_the_surface() -> None:
    low, high = bake(field(lambda x: (x - x.new_tensor([0.1, 0, 0])).norm(dim=1) - 0.5), BOX, coarse=16).bounds
    np.testing.assert_allclose(low, [-0.4, -0.5, -0.5], atol=2e-3)
    np.testing.assert_allclose(high, [0.6, 0.5, 0.5], atol=2e-3)


@pytest.mark.parametrize("at", [0.0, 0.0137, 0.0251])
def test_a_plate_of_one_cell_is_not_missed(at: float) -> None:
    plate = field(lambda x: torch.maximum((x[:, 0] - at).abs() - 0.0155, x[:, 1:].abs().amax(1) - 0.8))
    baked = bake(plate, BOX, coarse=22)
    assert 0.029 < baked.cell < 0.031
    *_, hits = traced(plate, baked, Camera((6.0, 0.3, 0.2), (0, 0, 0), fov=12.0), 1)
    assert bool((hits.kind == SURFACE).all())


def test_sharp_edges_are_those_of_the_field_and_not_of_the_lattice() -> None:
    camera, off = Camera((4.0, 0.0, 0.0), fov=24.0), field(lambda x: cube(x, 0.495))
    o, d, hits = traced(off, bake(off, BOX, coarse=24), camera, 16)
    front = o + (3.505 / -d[:, :1]) * d  # where rays pass the cube's front face, which hides all else
    inside = front[:, 1:].abs().amax(1) < 0.495
    wrong = inside != (hits.kind == SURFACE)
    assert float(wrong.double().mean()) < 0.001, "the lattice alone has 0.004 wrong"


def test_the_inside_is_cut_open_at_the_walls_of_the_box() -> None:
    half = field(lambda x: x[:, 2] - 0.1)
    baked = bake(half, BOX, coarse=12)
    *_, hits = traced(half, baked, Camera((4.0, 0.0, 0.05), fov=20.0), 1)
    kinds = hits.kind.reshape(SIZE[::-1])[:, 24]
    assert kinds[30] == CUT and kinds[0] == NOTHING
    made = Shot(half, baked, Camera((4.0, 0.0, 0.05), fov=20.0), SIZE, Style("normal")).pixels()
    assert made[30, 24].tolist() == [255, 128, 128], "the wall's normal is +x"


def test_a_camera_inside_sees_the_surface_from_behind() -> None:
    camera = Camera((0.0, 0.0, 0.0), (1.0, 0.2, 0.1), fov=70.0)
    o, d, hits = traced(SPHERE, SPHERE_BAKED, camera)
    assert bool((hits.kind == SURFACE).all())
    assert float(touch(SPHERE, SPHERE_BAKED, o, d, hits.t, within=True).t.sub(0.7).abs().max()) < 1e-9
    made = Shot(SPHERE, SPHERE_BAKED, camera, SIZE, Style("normal", 1)).pixels()
    facing = tone.to_bytes(tone.decode((0.5 - 0.5 * d).float())).reshape(48, 48, 3)
    assert np.abs(made.astype(int) - facing).max() <= 1


def test_shadows_fall_where_the_light_cannot_reach(rng: torch.Generator) -> None:
    room = studio(SPHERE_BAKED, view(SPHERE_BAKED.points.numpy()), (0, 0, 1))
    p = torch.rand(3000, 3, generator=rng) * 6 - 3
    p[:, 2] = room.floor
    assert room.floor == pytest.approx(-0.7, abs=1e-3)
    along = -(p @ room.light)
    clear = (p + along[:, None] * room.light).norm(dim=1) - 0.7
    key = shadow(room, p)
    dark, free = (clear < -0.03) & (along > 0), (clear > 0.2 * along.abs() + 0.1) | (along < 0)
    assert int(dark.sum()) > 50 and int(free.sum()) > 500
    assert float(key[dark].max()) == 0 and float(key[free].min()) > 0.95
    assert bool(((key > 0) & (key < 1)).any()), "soft"


def test_occlusion_is_strongest_at_the_contact() -> None:
    room = studio(SPHERE_BAKED, view(SPHERE_BAKED.points.numpy()), (0, 0, 1))
    away = torch.tensor([0.05, 0.3, 0.5, 0.8, 3.0])
    p = torch.stack([away, torch.zeros(5), torch.full((5,), room.floor)], 1)
    unhidden = occlusion(room, p, room.up.expand_as(p))
    assert bool((unhidden.diff() > 0).all()) and float(unhidden[0]) < 0.4 and float(unhidden[-1]) == pytest.approx(1)


LOPSIDED = lambda x: torch.minimum((x - x.new_tensor([0.2, 0.1, 0.0])).norm(dim=1) - 0.4, cube(x, 0.25) - 0.05)


@pytest.mark.parametrize(("up", "order"), [("x", [1, 2, 0]), ("y", [2, 0, 1])])
def test_up_axes_are_turns_of_each_other(up: str, order: list[int]) -> None:
    def drawn(f: Callable[[Tensor], Tensor], up: str) -> np.ndarray:
        baked = bake(field(f), BOX, coarse=16)
        return Shot(field(f), baked, view(baked.points.numpy(), up=up), SIZE).pixels().astype(int)

    upright, turned = drawn(LOPSIDED, "z"), drawn(lambda x: LOPSIDED(x[:, order]), up)
    assert upright.std() > 10
    assert np.quantile(np.abs(upright - turned), 0.99) <= 1


def test_far_from_the_origin_and_large() -> None:
    far = field(lambda x: ((x - 1e6) / 50).norm(dim=1) - 0.7)
    box = Box(x=(1e6 - 50, 1e6 + 50), y=(1e6 - 50, 1e6 + 50), z=(1e6 - 50, 1e6 + 50))
    baked = bake(far, box, coarse=24)
    camera = view(baked.points.double().numpy() + baked.centre.numpy())
    near = Shot(SPHERE, SPHERE_BAKED, view(SPHERE_BAKED.points.numpy()), SIZE).pixels().astype(int)
    assert np.quantile(np.abs(Shot(far, baked, camera, SIZE).pixels() - near), 0.99) <= 2


def test_the_light_is_what_lights() -> None:
    shot = Shot(SPHERE, SPHERE_BAKED, SIDE, SIZE, Style(samples=1))
    left, right = (
        replace(shot, style=Style(samples=1, key=(k, 0.5, 0.5))).pixels().astype(int)[12:36, 12:36] for k in (-1, 1)
    )
    assert left[:, :10].mean() > left[:, -10:].mean() + 20
    np.testing.assert_allclose(left, right[:, ::-1], atol=12)


def test_samples_are_averaged() -> None:
    shot = Shot(CUBE, bake(CUBE, BOX, coarse=12), replace(SIDE, target=(0.0, 0.013, 0.0)), SIZE, Style("normal", 4))
    row = shot.linear()[24, :24, 0]
    face, behind = float(row.max()), float(row[0])
    quarters = 4 * (row - behind) / (face - behind)
    partly = quarters[(quarters > 0.5) & (quarters < 3.5)]
    assert len(partly) > 0 and float((partly - partly.round()).abs().max()) < 0.25


def test_curvature_is_coloured_by_its_sign() -> None:
    shot = Shot(SPHERE, SPHERE_BAKED, SIDE, SIZE, Style("curvature", 1))
    assert shot.limits == pytest.approx((-1 / 0.7, 1 / 0.7), rel=1e-3)
    red, _, blue = shot.pixels()[24, 24].astype(int)
    hollow = field(lambda x: 0.7 - x.norm(dim=1))
    inverse = Shot(hollow, bake(hollow, BOX, coarse=12), Camera((0.9, 0, 0), (0, 0, 0)), SIZE, Style("curvature", 1))
    assert red > blue + 40 and inverse.limits == pytest.approx(shot.limits, rel=1e-3)


def test_a_depth_picture_darkens_with_depth() -> None:
    shot = Shot(SPHERE, SPHERE_BAKED, SIDE, SIZE, Style("depth", 1))
    low, high = shot.limits
    assert low == pytest.approx(3.3, abs=0.01) and high == pytest.approx(4.7, abs=0.01)
    exact = tone.to_bytes(tone.mapped(torch.tensor([3.3]), low, high, "viridis_r"))[0]
    np.testing.assert_allclose(shot.pixels()[24, 24].astype(int), exact, atol=3)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: x.norm(dim=1) + 1, "no zero set .* positive"),
        (lambda x: x.norm(dim=1) - 9, "no zero set .* negative"),
        (lambda x: (x[:, 0] - 0.5).log(), "finite values"),
        (lambda x: 0 * x[:, 0] - 1, "no zero set"),
    ],
)
def test_nothing_to_draw_is_told(f: Callable[[Tensor], Tensor], said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        bake(field(f), BOX, coarse=8)


def test_fields_that_are_no_surface_are_told() -> None:
    with pytest.raises(PinnsceneError, match="3 axes"):
        bake(FunctionField(lambda p: p["x"], ("x", "y")), Box(x=(0, 1), y=(0, 1)))
    with pytest.raises(PinnsceneError, match="one output"):
        bake(FunctionField(lambda p: p.coords, AXES, ("a", "b", "c")), BOX)
    with pytest.raises(PinnsceneError, match="did you mean normal"):
        picture(SPHERE, BOX, SIDE, SIZE, style=Style("normals"))


def test_lattices_have_cells_that_are_nearly_cubes() -> None:
    assert lattice(BOX, 10) == (10, 10, 10)
    assert lattice(Box(x=(0, 8), y=(0, 1), z=(0, 1)), 10) == (40, 5, 5)
    assert min(lattice(Box(x=(0, 1000), y=(0, 1), z=(0, 1)), 10)) >= 4


def test_light_becomes_bytes() -> None:
    shown = torch.linspace(0, 0.99, 50)
    torch.testing.assert_close(tone.curve(tone.uncurve(shown)), shown, rtol=0, atol=1e-5)
    torch.testing.assert_close(tone.encode(tone.decode(shown)), shown, rtol=0, atol=1e-6)
    assert tone.to_bytes(torch.tensor([-1.0, 0.0, 0.21404, 1.0, 9.0])).tolist() == [0, 0, 127, 255, 255]


def test_threads_share_a_look_up(rng: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    p = torch.rand(5001, 3, generator=rng) * 2 - 1
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    shared = SPHERE_BAKED.distance(p)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    torch.testing.assert_close(shared, SPHERE_BAKED.distance(p), rtol=0, atol=0)
