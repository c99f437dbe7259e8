"""True pictures of scenes: depth and normals in closed form, opacity, light, cameras around, the same bits twice."""

from math import asin, degrees, pi

import numpy as np
import pytest
import torch
import trimesh

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PosedCamera
from pinnscene.render.camera import Camera
from pinnscene.scenes.rayitems import SolidItem
from pinnscene.scenes.raylights import Light, Sky
from pinnscene.scenes.raymaterials import PATTERNS, Material
from pinnscene.scenes.raymesh import MeshItem, Painted, sample
from pinnscene.scenes.rayrig import between, rig, spiral, standoff
from pinnscene.scenes.rayscene import Ground, Scene
from pinnscene.scenes.rayscenes import SCENES, built_in_scene, scene_truth_camera, scene_views
from pinnscene.scenes.raytruth import geometry, picture, pictures, truth
from pinnscene.scenes.solids import Cuboid, Difference, Gyroid, Moved, Solid, Sphere, Torus

SIZE = (40, 30)
CAMERA = PosedCamera.of(Camera((2.6, -1.9, 1.4), (0.1, 0.0, 0.0), fov=40), SIZE)
WHITE = Material((1.0, 1.0, 1.0), roughness=1.0, shine=0.0)


def scene(*solids: Solid, ground: float | None = None, sky: Sky | None = None, **light: float) -> Scene:
    """White solids under a plain sky."""
    items = tuple(SolidItem(solid, WHITE) for solid in solids)
    plane = None if ground is None else Ground(ground, WHITE)
    plain = sky or Sky((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0)
    return Scene("made", items, plain, tuple(Light(direction=(0.3, -0.4, 1.0), **light) for _ in light), plane)


def rays() -> tuple[np.ndarray, np.ndarray]:
    beams = CAMERA.rays(torch.arange(SIZE[0] * SIZE[1]))
    shape = (SIZE[1], SIZE[0], 3)
    return beams.origins.numpy().reshape(shape), beams.directions.numpy().reshape(shape)


def test_a_ball_is_met_where_the_quadratic_says() -> None:
    centre, radius = np.array([0.1, 0.2, -0.1]), 0.7
    depth, normal = geometry(scene(Moved(Sphere(radius), (0.1, 0.2, -0.1))), CAMERA)
    o, d = rays()
    b = ((o - centre) * d).sum(2)
    root = b * b - ((o - centre) ** 2).sum(2) + radius**2
    t = np.where(root > 0, -b - np.sqrt(np.maximum(root, 0)), np.nan)
    assert (np.isnan(depth) == np.isnan(t)).mean() > 0.999 and np.isfinite(t).sum() > 200
    clear = root > 1e-3
    np.testing.assert_allclose(depth[clear], t[clear], atol=1e-6)
    np.testing.assert_allclose(normal[clear], ((o + t[..., None] * d - centre) / radius)[clear], atol=2e-6)


def test_the_ground_is_met_where_the_plane_is() -> None:
    depth, normal = geometry(scene(Moved(Sphere(0.05), (50.0, 0.0, 0.0)), ground=-0.4), CAMERA)
    o, d = rays()
    down = d[..., 2] < -1e-3
    np.testing.assert_allclose(depth[down], ((-0.4 - o[..., 2]) / d[..., 2])[down], rtol=1e-6)
    assert (normal[down] == [0, 0, 1]).all() and np.isnan(depth[d[..., 2] > 0]).all()


@pytest.mark.parametrize("solid", [Torus(0.6, 0.2), Gyroid(0.9, 0.9, 0.1), Difference(Cuboid(), Sphere(1.2))])
def test_depths_lie_on_the_first_surface_and_normals_are_its_slopes(solid: Solid) -> None:
    depth, normal = geometry(scene(solid), CAMERA)
    o, d = rays()
    hit = np.isfinite(depth)
    assert hit.sum() > 150
    p = torch.from_numpy((o + depth[..., None] * d)[hit])
    assert solid.distance(p).abs().max() < 2e-6  # float32 depths of about 3
    back, ahead = (torch.from_numpy((o + (depth[..., None] + s) * d)[hit]) for s in (-1e-4, 1e-4))
    facing = torch.from_numpy(-(normal * d).sum(2)[hit])
    smooth = facing > 0.3
    assert (solid.distance(back)[:, 0][smooth] > 0).all() and (solid.distance(ahead)[:, 0][smooth] < 0).all()
    for share in torch.linspace(0.3, 0.999, 300):  # nothing in front
        assert solid.distance(torch.from_numpy((o + share.item() * depth[..., None] * d)[hit])).min() > -1e-3
    steps = 1e-6 * torch.eye(3, dtype=torch.float64)
    slope = torch.cat([(solid.distance(p + h) - solid.distance(p - h)) / 2e-6 for h in steps], 1)
    slope = slope / slope.norm(dim=1, keepdim=True)
    away = (slope - torch.from_numpy(normal[hit])).norm(dim=1)
    assert away[smooth].median() < 1e-5 and (away[smooth] < 1e-3).double().mean() > 0.97  # not at sharp edges


def test_a_cube_of_triangles_is_the_box() -> None:
    cube = trimesh.creation.box((1.2, 0.9, 0.7))
    mesh = MeshItem(Painted(np.array(cube.vertices), np.array(cube.faces, np.int64)))
    seen = geometry(Scene("cube", (mesh,)), CAMERA)
    boxed = geometry(scene(Cuboid((0.6, 0.45, 0.35))), CAMERA)
    both = np.isfinite(seen[0]) & np.isfinite(boxed[0])
    assert (np.isfinite(seen[0]) != np.isfinite(boxed[0])).mean() < 0.003 and both.sum() > 100
    np.testing.assert_allclose(seen[0][both], boxed[0][both], atol=1e-5)
    same = (np.abs(seen[1] - boxed[1])[both] < 1e-5).all(1)
    assert same.mean() > 0.99  # the edges may be either face's


def test_textures_are_read_at_the_right_texel() -> None:
    texture = np.random.default_rng(0).random((4, 6, 3))
    for row, column in [(0, 0), (3, 5), (2, 1)]:
        place = np.array([[(column + 0.5) / 6, 1 - (row + 0.5) / 4]])
        np.testing.assert_allclose(sample(texture, place)[0], texture[row, column], atol=1e-12)
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    square = Painted(corners, np.array([[0, 1, 2], [0, 2, 3]]), None, corners[:, :2], texture)
    p = torch.tensor([[(1 + 0.5) / 6, 1 - (2 + 0.5) / 4, 0.0], [(5 + 0.5) / 6, 1 - (3 + 0.5) / 4, 0.0]])
    np.testing.assert_allclose(MeshItem(square).base(p).numpy(), texture[[2, 3], [1, 5]], atol=1e-5)


def test_white_under_an_even_sky_is_as_bright_as_the_sky_and_never_brighter() -> None:
    shown = Sky((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0, shown=True)
    seen = picture(scene(Sphere(0.6), sky=shown), CAMERA)
    assert (seen[..., 3] == 255).all()
    assert np.ptp(seen[..., :3].astype(int)) <= 3  # it vanishes before it: the furnace test
    for roughness in (0.05, 0.4, 1.0):
        glossy = SolidItem(Sphere(0.6), Material((1.0, 1.0, 1.0), roughness=roughness, shine=0.5))
        brightest = picture(Scene("glossy", (glossy,), shown), CAMERA)[..., :3].max()
        assert brightest <= seen[..., :3].max() + 2


def test_lamps_light_the_side_that_faces_them_and_shadows_fall_away_from_them() -> None:
    dark = Sky((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    lit = Scene("lit", (SolidItem(Sphere(0.3), WHITE),), dark, (Light(direction=(1.0, 0.0, 1.0), radius=2.0),))
    above = PosedCamera.of(Camera((0.0, -0.01, 4.0), fov=20), (41, 41))
    assert picture(lit, above)[20, 24:27, 0].min() > picture(lit, above)[20, 14:17, 0].max() + 50
    stage = Scene("stage", lit.items, dark, lit.lights, Ground(-0.3, WHITE))
    row = picture(stage, above)[20, :, 0].astype(int)
    shadow = above.project([[-0.45, 0.0, -0.3]])[0, 0]
    assert row[int(shadow)] < 20 and row[36] > 100


def test_opacity_is_the_share_of_samples_that_meet_something() -> None:
    ball = scene(Sphere(0.6))
    alpha = picture(ball, CAMERA, samples=4)[..., 3]
    assert set(np.unique(alpha)) <= {0, 64, 128, 191, 255} and len(np.unique(alpha)) > 3
    fine = picture(ball, PosedCamera.scaled(CAMERA, (SIZE[0] * 8, SIZE[1] * 8)), samples=1)[..., 3] / 255
    mean = fine.reshape(SIZE[1], 8, SIZE[0], 8).mean((1, 3))
    assert np.abs(mean - alpha / 255).max() < 0.3 and np.abs(mean - alpha / 255).mean() < 0.01
    half = asin(0.6 / np.linalg.norm(CAMERA.position - 0))
    assert alpha.mean() / 255 * SIZE[0] * SIZE[1] == pytest.approx(pi * (CAMERA.focal[0] * half) ** 2, rel=0.05)


def test_what_shines_changes_with_the_view_and_chalk_does_not() -> None:
    lamp = (Light(position=(2.0, -2.0, 3.0)),)
    top = torch.tensor([[0.0, 0.0, 0.6]])
    seen = []
    for material in (WHITE, Material(roughness=0.1, metal=1.0)):
        ball = Scene("ball", (SolidItem(Sphere(0.6), material),), Sky(), lamp)
        colours = []
        for place in ((2.0, 0.0, 2.5), (-1.4, 1.4, 2.0)):
            camera = PosedCamera.of(Camera(place, (0.0, 0.0, 0.6), fov=8), (9, 9))
            assert camera.project(top.numpy())[0, :2] == pytest.approx((4.5, 4.5))
            colours.append(picture(ball, camera)[4, 4, :3].astype(int))
        seen.append(np.abs(colours[0] - colours[1]).max())
    assert seen[0] <= 1 and seen[1] > 20


def test_the_same_view_has_the_same_bits_alone_and_among_others() -> None:
    made = scene(Sphere(0.5), Moved(Torus(0.5, 0.2), (0.3, 0.0, 0.2)), ground=-0.5)
    cameras = rig(made, 3, 0, (16, 16))
    first = pictures(made, cameras)
    assert (pictures(made, cameras) == first).all()
    assert (picture(made, cameras[1]) == first[1]).mean() > 0.999


@pytest.mark.parametrize("name", SCENES)
def test_built_in_scenes_fill_their_pictures(name: str) -> None:
    made = built_in_scene(name)
    lower, upper = made.box
    assert (lower > -1.05).all() and (upper < 1.05).all()
    views = scene_views(name, (16, 16), 2, 1)
    assert views.train == (0, 1) and views.test == (2,) and len(views.cameras) == 3
    assert (views.background is None) == made.sky.shown and len(views.notes) == 3
    for k in range(3):
        seen = views.read(k)
        assert seen.shape == (16, 16, 4) and seen.dtype == np.uint8 and seen[..., :3].std() > 10
        assert views.read(k) is seen
        if not made.sky.shown:
            assert 0.15 < (seen[..., 3] > 0).mean() < 0.8 and seen[0, 0, 3] == 0
    assert views.read_depth is not None
    depth = views.read_depth(0)
    assert np.nanmin(depth) > views.near and (views.unbounded or np.nanmax(depth) < views.far)


def test_cameras_are_spread_and_those_for_tests_stand_between() -> None:
    made = built_in_scene("still-life")
    train, test = spiral(made, 60), between(made, 60, 10)
    nearest = np.sort(np.arccos((train @ train.T).clip(-1, 1)), 1)[:, 1]
    assert nearest.min() > 0.6 * nearest.mean()
    apart = np.arccos((test @ train.T).clip(-1, 1)).min(1)
    assert apart.min() > 0.4 * nearest.mean() and apart.max() < 1.2 * nearest.mean()
    assert np.sort(np.arccos((test @ test.T).clip(-1, 1)), 1)[:, 1].min() > 0.3
    low, high = made.shoot.elevation
    up = np.degrees(np.arcsin(train[:, 2]))
    assert up.min() > low and up.max() < high and up.max() - up.min() > 0.8 * (high - low)
    for camera in rig(made, 2, 1):
        assert np.linalg.norm(camera.position - made.centre) == pytest.approx(standoff(made))
    half = degrees(asin(made.radius / standoff(made)))
    assert half == pytest.approx(made.shoot.fov / 2 * made.shoot.fill)


def test_any_camera_can_be_asked() -> None:
    seen = scene_truth_camera("trio")(PosedCamera.of(Camera((2.0, 1.0, 1.0)), (16, 12)))
    assert seen.rgba.shape == (12, 16, 4) and seen.depth.shape == (12, 16) and seen.normal.shape == (12, 16, 3)
    assert (np.isfinite(seen.depth) == np.isfinite(seen.normal).all(2)).all()
    inside = truth(scene(Sphere(0.8)), PosedCamera.of(Camera((0.1, 0.0, 0.0)), (8, 8)))
    assert (np.abs(inside.depth - 0.9) < 0.02).all()  # a camera within an object sees its inner side


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_stay_between_their_colours(pattern: str, rng: torch.Generator) -> None:
    material = Material((0.0, 0.2, 0.4), (1.0, 0.8, 0.6), pattern, 0.3)
    base = material.base(torch.rand(4000, 3, generator=rng) * 2 - 1)
    assert base.min() >= 0 and base.max() <= 1
    assert pattern == "plain" or base[:, 0].std() > 0.1


@pytest.mark.parametrize("bad", [{"train": 0}, {"test": -1}, {"size": (0, 4)}, {"given": "stil-life"}])
def test_views_say_what_they_expected(bad: dict) -> None:
    with pytest.raises(PinnsceneError, match=r"expected|did you mean still-life"):
        scene_views(**({"size": (8, 8), "train": 1, "test": 0} | bad))


@pytest.mark.parametrize("roughness", [0.0, 0.3, 0.6])
def test_a_lamp_sends_the_same_light_however_much_it_is_blurred(roughness: float) -> None:
    k = torch.arange(200_000)
    z, angle = 1 - (k + 0.5) / 100_000, k * (pi * (3 - 5**0.5))
    d = torch.stack([(1 - z * z).sqrt() * angle.cos(), (1 - z * z).sqrt() * angle.sin(), z], 1)
    lamp = Light(direction=(1.0, -2.0, 0.5), radius=8.0, strength=2.0)
    arriving = lamp.lobe(torch.zeros_like(d), d, roughness).mean(0) * 4 * pi
    assert arriving.numpy() == pytest.approx([2 * pi] * 3, rel=0.02)
