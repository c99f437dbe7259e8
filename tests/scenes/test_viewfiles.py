"""One rig of cameras before two spheres, saved in every format there is: rays must hit the same pixels in all."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from pinnscene.scenes.viewfiles import load_views
from pinnscene.scenes.views import Views

Numbers = NDArray[np.float64]
WIDTH, HEIGHT, FOCAL, CENTRE = 36, 28, (40.0, 42.0), (18.5, 13.0)
K, P = (-0.12, 0.03), (0.002, -0.001)  # k1, k2 and p1, p2 of OpenCV's model
SPHERES = (((0.3, 0.0, 0.1), 0.5, (220, 60, 40)), ((-0.5, 0.2, -0.2), 0.35, (40, 90, 200)))
COUNT = 9


def pose(k: int) -> Numbers:
    """Camera to world: right, up and backwards, and a place on a ring that rises and falls."""
    turn = 2 * np.pi * k / COUNT
    place = 4 * np.array([np.cos(turn) * 0.9, np.sin(turn) * 0.9, 0.3 + 0.2 * np.sin(2 * turn)])
    back = place / np.linalg.norm(place)
    right = np.cross([0, 0, 1], back) / np.linalg.norm(np.cross([0, 0, 1], back))
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, np.cross(back, right), back, place], 1)
    return matrix


def directions(k: int, bent: bool) -> Numbers:
    """Unit directions [h, w, 3] through the pixels' centres; lenses are inverted by fixed-point iteration."""
    i, j = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    seen = np.stack([(i - CENTRE[0]) / FOCAL[0], (j - CENTRE[1]) / FOCAL[1]], 2)
    x, y = np.moveaxis(seen, 2, 0)
    for _ in range(60 * bent):
        r2 = x * x + y * y
        f = 1 + K[0] * r2 + K[1] * r2**2
        dx, dy = 2 * P[0] * x * y + P[1] * (r2 + 2 * x * x), P[0] * (r2 + 2 * y * y) + 2 * P[1] * x * y
        x, y = (seen[:, :, 0] - dx) / f, (seen[:, :, 1] - dy) / f
    ray = np.stack([x, -y, -np.ones_like(x)], 2) @ pose(k)[:3, :3].T
    return ray / np.linalg.norm(ray, axis=2, keepdims=True)


def hits(origin: Numbers, ray: Numbers) -> NDArray[np.uint8]:
    """What rays [..., 3] see: colours and opacity [..., 4] of the nearest sphere."""
    seen, nearest = np.zeros((*ray.shape[:-1], 4), np.uint8), np.full(ray.shape[:-1], np.inf)
    for centre, radius, colour in SPHERES:
        arm = origin - np.array(centre)
        b = (ray * arm).sum(-1)
        root = b * b - (arm * arm).sum(-1) + radius**2
        t = np.where(root > 0, -b - np.sqrt(np.maximum(root, 0)), np.inf)
        closer = t < nearest
        seen[closer], nearest = (*colour, 255), np.minimum(t, nearest)
    return seen


def picture(k: int, bent: bool) -> NDArray[np.uint8]:
    return hits(pose(k)[:3, 3], directions(k, bent))


def save(folder: Path, bent: bool, alpha: bool = True) -> list[str]:
    """The pictures in ``images``; their names."""
    (folder / "images").mkdir(parents=True)
    for k in range(COUNT):
        pixels = picture(k, bent)
        Image.fromarray(pixels if alpha else pixels[:, :, :3]).save(folder / "images" / f"view {k:02}.png")
    return [f"view {k:02}.png" for k in range(COUNT)]


def intrinsics(bent: bool) -> dict[str, float]:
    plain = {"fl_x": FOCAL[0], "fl_y": FOCAL[1], "cx": CENTRE[0], "cy": CENTRE[1], "w": WIDTH, "h": HEIGHT}
    return plain | ({"k1": K[0], "k2": K[1], "p1": P[0], "p2": P[1]} if bent else {})


def write_transforms(folder: Path, bent: bool, per_frame: bool = False, **more: object) -> None:
    names = save(folder, bent)
    own = intrinsics(bent) if per_frame else {}
    frames = [{"file_path": f"./images/{n}", "transform_matrix": pose(k).tolist(), **own} for k, n in enumerate(names)]
    tree = {**({} if per_frame else intrinsics(bent)), **more, "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(tree), encoding="utf-8")


def write_blender(folder: Path, bent: bool) -> None:
    names = save(folder, bent)
    frames = [
        {"file_path": f"images/{n.removesuffix('.png')}", "transform_matrix": pose(k).tolist()}
        for k, n in enumerate(names)
    ]
    tree = {**intrinsics(bent), "frames": frames}
    (folder / "transforms_train.json").write_text(json.dumps(tree), encoding="utf-8")


def world_to_camera(k: int) -> tuple[Numbers, Numbers]:
    """The quaternion w, x, y, z and the shift of a camera with axes right, down and forwards."""
    turn = (pose(k)[:3, :3] @ np.diag([1, -1, -1])).T
    return Rotation.from_matrix(turn).as_quat(scalar_first=True), -turn @ pose(k)[:3, 3]


def camera_parameters(bent: bool) -> tuple[str, int, list[float]]:
    return ("OPENCV", 4, [*FOCAL, *CENTRE, *K, *P]) if bent else ("PINHOLE", 1, [*FOCAL, *CENTRE])


def write_colmap_text(folder: Path, bent: bool) -> None:
    names, (model, _, params) = save(folder, bent), camera_parameters(bent)
    (folder / "sparse/0").mkdir(parents=True)
    line = f"# a remark\n7 {model} {WIDTH} {HEIGHT} {' '.join(map(repr, params))}\n"
    (folder / "sparse/0/cameras.txt").write_text(line)
    lines = ["# a remark"]
    for k in reversed(range(COUNT)):
        q, t = world_to_camera(k)
        points = "" if k % 2 else "1.0 2.0 -1 3.0 4.0 5"
        lines += [f"{k + 1} {' '.join(map(repr, [*q.tolist(), *t.tolist()]))} 7 {names[k]}", points]
    (folder / "sparse/0/images.txt").write_text("\n".join(lines) + "\n")


def write_colmap_binary(folder: Path, bent: bool) -> None:
    names, (_, model, params) = save(folder, bent), camera_parameters(bent)
    (folder / "sparse").mkdir(parents=True)
    head = struct.pack("<QiiQQ", 1, 7, model, WIDTH, HEIGHT)
    (folder / "sparse/cameras.bin").write_bytes(head + struct.pack(f"<{len(params)}d", *params))
    data = struct.pack("<Q", COUNT)
    for k in range(COUNT):
        q, t = world_to_camera(k)
        data += struct.pack("<i7di", k + 1, *q, *t, 7) + names[k].encode() + b"\0"
        data += struct.pack("<Q", k) + k * struct.pack("<ddq", 1.0, 2.0, -1)
    (folder / "sparse/images.bin").write_bytes(data)
    point = struct.pack("<Q3d3BdQ", 5, 0.1, 0.2, 0.3, 255, 0, 51, 0.5, 2) + struct.pack("<4i", 1, 2, 3, 4)
    (folder / "sparse/points3D.bin").write_bytes(struct.pack("<Q", 30) + 30 * point)


WRITERS: dict[str, Callable[[Path, bool], None]] = {
    "Blender transforms": write_blender,
    "nerfstudio transforms": write_transforms,
    "instant-ngp transforms": lambda folder, bent: write_transforms(folder, bent, True, aabb_scale=16),
    "COLMAP text model": write_colmap_text,
    "COLMAP binary model": write_colmap_binary,
}


def same(views: Views, bent: bool) -> None:
    assert len(views.cameras) == COUNT
    for k, camera in enumerate(views.cameras):
        beams = camera.rays(torch.arange(WIDTH * HEIGHT))
        expected = directions(k, bent).reshape(-1, 3)
        np.testing.assert_allclose(beams.directions.numpy(), expected, atol=1e-10)
        np.testing.assert_allclose(beams.origins.numpy() + views.origin, pose(k)[:3, 3] + 0 * expected, atol=1e-10)
        np.testing.assert_array_equal(views.read(k), picture(k, bent))


@pytest.mark.parametrize("bent", [False, True], ids=["pinhole", "bent"])
@pytest.mark.parametrize("kind", list(WRITERS))
def test_rays_hit_the_same_pixels_in_every_format(kind, bent, tmp_path):
    folder = tmp_path / "Ordner mit Ümläuten"
    WRITERS[kind](folder, bent)
    views = load_views(folder)
    same(views, bent)
    assert views.notes[0].startswith(kind)
    assert (views.train, views.test) == ((1, 2, 3, 4, 5, 6, 7), (0, 8))
    assert (views.background, views.unbounded) == ((1.0, 1.0, 1.0), False)


def test_llff_axes_are_down_right_back(tmp_path):
    """LLFF knows one focal length and no principal point: the pictures are made for those of its rig."""
    save(tmp_path, False, alpha=False)
    rows = []
    for k in range(COUNT):
        m = pose(k)
        axes = np.stack([-m[:3, 1], m[:3, 0], m[:3, 2], m[:3, 3], [2 * HEIGHT, 2 * WIDTH, 90.0]], 1)
        rows.append([*axes.reshape(-1), 2.5 + 0.1 * k, 6.0])
    np.save(tmp_path / "poses_bounds.npy", rows)
    views = load_views(tmp_path)
    for k, camera in enumerate(views.cameras):
        np.testing.assert_allclose(camera.matrix, pose(k), atol=1e-12)
        assert (camera.focal, camera.centre) == ((45.0, 45.0), (18.0, 14.0))  # half of what the file is for
    assert (views.background, views.unbounded) == (None, True)
    assert views.near < 2.5 and views.far > 6


def test_visual_hull_of_the_blender_set(tmp_path):
    """Points of which all pictures show something: those of the spheres are among them, and not many others."""
    write_blender(tmp_path, False)
    views = load_views(tmp_path)
    g = np.random.default_rng(0)
    p = g.uniform(-1.5, 1.5, (20000, 3))
    inside = np.any([np.linalg.norm(p - np.array(c), axis=1) < r for c, r, _ in SPHERES], axis=0)
    kept = np.ones(len(p), bool)
    for k, camera in enumerate(views.cameras):
        column, row = np.floor(camera.project(p)[:, :2]).astype(int).T.clip(0, [[WIDTH - 1], [HEIGHT - 1]])
        kept &= views.read(k)[row, column, 3] > 0
    assert kept[inside].mean() > 0.9
    assert inside.sum() < kept.sum() + 100 < 1.6 * inside.sum()


def test_boxes_hold_the_spheres(tmp_path):
    for kind, write in WRITERS.items():
        write(tmp_path / kind, False)
        views = load_views(tmp_path / kind)
        for centre, radius, _ in SPHERES:
            middle = np.array(centre) - views.origin
            assert (views.lower <= middle - radius).all() and (views.upper >= middle + radius).all()
            distances = [np.linalg.norm(camera.position - middle) for camera in views.cameras]
            assert views.near <= min(distances) - radius and views.far >= max(distances) + radius


def test_downscaled_pictures_and_their_cameras(tmp_path):
    """Sizes that do not divide; each pixel is the mean over its area, weighted with opacity."""
    write_transforms(tmp_path, False)
    views = load_views(tmp_path, downscale=5)
    assert views.cameras[0].size == (7, 6)
    assert views.cameras[0].focal == pytest.approx((FOCAL[0] * 7 / WIDTH, FOCAL[1] * 6 / HEIGHT))
    assert views.read(0).shape == (6, 7, 4)
    half = load_views(tmp_path, downscale=2).read(0).astype(float)
    blocks = picture(0, False).astype(float).reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 4)
    opacity = blocks[..., 3:].sum((1, 3))
    colour = (blocks[..., :3] * blocks[..., 3:]).sum((1, 3)) / np.maximum(opacity, 1)
    np.testing.assert_allclose(half[..., 3:], opacity / 4, atol=1)
    np.testing.assert_allclose(half[..., :3], colour, atol=2)


def test_points_of_a_model_and_the_box_around_them(tmp_path):
    write_colmap_binary(tmp_path, False)
    views = load_views(tmp_path)
    assert views.points is not None
    np.testing.assert_allclose(views.points[0], np.full((30, 3), [0.1, 0.2, 0.3]))
    np.testing.assert_allclose(views.points[1], np.full((30, 3), [1, 0, 0.2]))


def test_models_are_found_wherever_they_are_named(tmp_path):
    """By the data folder, the folder above the model, and the model itself."""
    write_colmap_text(tmp_path, False)
    for path in (tmp_path, tmp_path / "sparse", tmp_path / "sparse/0"):
        same(load_views(path), False)


def test_masks_of_colmap(tmp_path):
    """Beside the pictures, named as COLMAP does or as nerfstudio does; pictures without one count whole."""
    write_colmap_text(tmp_path, False)
    names = [camera.name for camera in load_views(tmp_path).cameras]
    lit = np.full((HEIGHT, WIDTH), 255, np.uint8)
    lit[:5] = 0
    for k, name in enumerate((f"{names[0]}.png", f"{Path(names[1]).with_suffix('.png')}")):
        (tmp_path / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(lit, 3 * k, 0)).save(tmp_path / "masks" / name)
    views = load_views(tmp_path)
    assert views.read_mask is not None and views.read_mask(2) is None
    for k in range(2):
        np.testing.assert_array_equal(views.read_mask(k), np.roll(lit, 3 * k, 0) > 0)
    assert any("masks of 2 of" in note for note in views.notes)


def test_masks_of_colmap_that_fit_no_picture_are_told(tmp_path):
    write_colmap_text(tmp_path, False)
    (tmp_path / "masks").mkdir()
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "masks/other.png")
    views = load_views(tmp_path)
    assert views.read_mask is None and any(note.startswith("warning: no file in masks") for note in views.notes)


MODELS = {
    "SIMPLE_PINHOLE": [30.0, 18.0, 14.0],
    "SIMPLE_RADIAL": [30.0, 18.0, 14.0, -0.1],
    "RADIAL": [30.0, 18.0, 14.0, -0.1, 0.02],
    "OPENCV_FISHEYE": [30.0, 31.0, 18.0, 14.0, 0.1, -0.02, 0.003, -0.001],
    "FULL_OPENCV": [30.0, 31.0, 18.0, 14.0, 0.2, -0.1, 0.002, 0.001, 0.01, 0.3, -0.02, 0.001],
    "SIMPLE_RADIAL_FISHEYE": [30.0, 18.0, 14.0, 0.1],
    "RADIAL_FISHEYE": [30.0, 18.0, 14.0, 0.1, -0.02],
}


def projected(model: str, v: list[float], x: float, y: float) -> tuple[float, float]:
    """Where COLMAP's models put a ray through (x, y): each formula as its page has it."""
    fx, fy, cx, cy = (v[0], *v[:3]) if "SIMPLE" in model or model.startswith("RADIAL") else v[:4]
    k = v[3:] if "SIMPLE" in model or model.startswith("RADIAL") else v[4:]
    r2 = x * x + y * y
    if "FISHEYE" in model:
        t = np.arctan(np.sqrt(r2))
        f = t * (1 + sum(c * t ** (2 * n + 2) for n, c in enumerate(k))) / np.sqrt(r2)
        return cx + fx * f * x, cy + fy * f * y
    if model == "FULL_OPENCV":
        k1, k2, p1, p2, k3, k4, k5, k6 = k
        f = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
        dx, dy = 2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        return cx + fx * (f * x + dx), cy + fy * (f * y + dy)
    f = 1 + sum(c * r2 ** (n + 1) for n, c in enumerate(k))
    return cx + fx * f * x, cy + fy * f * y


@pytest.mark.parametrize("model", list(MODELS))
def test_camera_models_of_colmap(model, tmp_path):
    write_colmap_text(tmp_path, False)
    line = f"7 {model} {WIDTH} {HEIGHT} {' '.join(map(repr, MODELS[model]))}"
    (tmp_path / "sparse/0/cameras.txt").write_text(line)
    camera = load_views(tmp_path).cameras[3]
    for x, y in ((0.3, 0.2), (-0.5, 0.4), (0.1, -0.4)):
        place = camera.matrix[:3] @ [x, -y, -1, 1]
        np.testing.assert_allclose(camera.project([place])[0, :2], projected(model, MODELS[model], x, y), atol=1e-9)


def test_splits_by_name(tmp_path):
    names = [f"./images/view {k:02}.png" for k in range(COUNT)]
    write_transforms(tmp_path, False, train_filenames=names[3:], test_filenames=names[1:3])
    views = load_views(tmp_path)
    assert [views.cameras[k].name for k in views.train] == names[3:]
    assert [views.cameras[k].name for k in views.test] == names[1:3]


def test_splits_by_file_and_background(tmp_path):
    write_blender(tmp_path, False)
    tree = json.loads((tmp_path / "transforms_train.json").read_text())
    for name, frames in (("train", tree["frames"][:6]), ("val", tree["frames"][6:7]), ("test", tree["frames"][7:])):
        (tmp_path / f"transforms_{name}.json").write_text(json.dumps({**tree, "frames": frames}))
    views = load_views(tmp_path, background=(0, 0.5, 1))
    assert (views.train, views.test) == ((0, 1, 2, 3, 4, 5), (6, 7))
    assert views.background == (0.0, 0.5, 1.0)
    assert any("val" in note for note in views.notes)
    assert len(load_views(tmp_path / "transforms_train.json").cameras) == 6


def test_masks_and_depths(tmp_path):
    write_transforms(tmp_path, False)
    lit = np.zeros((HEIGHT, WIDTH), np.uint8)
    lit[5:, 10:] = 255
    Image.fromarray(lit).save(tmp_path / "mask.png")
    Image.fromarray(np.full((HEIGHT, WIDTH), 2500, np.uint16)).save(tmp_path / "depth.png")
    tree = json.loads((tmp_path / "transforms.json").read_text())
    tree["frames"][2] |= {"mask_path": "mask.png", "depth_file_path": "depth.png"}
    (tmp_path / "transforms.json").write_text(json.dumps(tree))
    views = load_views(tmp_path)
    assert views.read_mask is not None and views.read_depth is not None
    np.testing.assert_array_equal(views.read_mask(2), lit > 0)
    assert views.read_mask(1) is None and np.isnan(views.read_depth(1)).all()
    along = -directions(2, False) @ pose(2)[:3, 2]  # how much of a ray goes along the view
    np.testing.assert_allclose(views.read_depth(2), 2.5 / along, rtol=1e-6)


def test_far_away_places_are_taken_about_a_nearer_origin(tmp_path):
    write_transforms(tmp_path, False)
    tree, away = json.loads((tmp_path / "transforms.json").read_text()), np.array([4e5, 5e6, 100.0])
    for k, frame in enumerate(tree["frames"]):
        frame["transform_matrix"] = (pose(k) + np.pad(away[:, None], ((0, 1), (3, 0)))).tolist()
    (tmp_path / "transforms.json").write_text(json.dumps(tree))
    views = load_views(tmp_path)
    np.testing.assert_allclose(views.origin, away, atol=0.5)
    np.testing.assert_allclose(views.cameras[1].position + views.origin, pose(1)[:3, 3] + away, atol=1e-8)
    assert np.abs(views.lower).max() < 10
