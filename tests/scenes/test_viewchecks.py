"""Posed pictures that are broken, hostile or odd: one clear line each, or a note, never a traceback."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pinnscene.errors import PinnsceneError
from pinnscene.scenes import viewchecks
from pinnscene.scenes.viewfiles import load_views
from pinnscene.scenes.viewpictures import read_mask, read_pixels

SIZE = (8, 6)


def pose(k: int, scale: float = 1.0) -> list[list[float]]:
    """A camera on a ring about the origin."""
    a = 0.6 * k
    back = np.array([np.cos(a), np.sin(a), 0.5]) / np.sqrt(1.25)
    right = np.array([-np.sin(a), np.cos(a), 0])
    turn = scale * np.stack([right, np.cross(back, right), back], 1)
    return [*np.column_stack([turn, 4 * back]).tolist(), [0.0, 0.0, 0.0, 1.0]]


def draw(path: Path, size: tuple[int, int] = SIZE, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 90 if mode in ("L", "I;16") else (90, 120, 30, 0)[: len(mode)]).save(path)


def tree(count: int = 4, **more: Any) -> dict[str, Any]:
    frames = [{"file_path": f"images/{k}.png", "transform_matrix": pose(k)} for k in range(count)]
    return {"camera_angle_x": 0.7, "frames": frames} | more


def save(folder: Path, content: Any, pictures: int = 4) -> Path:
    for k in range(pictures):
        draw(folder / f"images/{k}.png")
    (folder / "transforms.json").write_text(json.dumps(content))
    return folder


def refused(folder: Path, words: str, **options: Any) -> None:
    with pytest.raises(PinnsceneError, match=words) as caught:
        load_views(folder, **options)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def framed(**change: Any) -> dict[str, Any]:
    """A file whose frame 2 is changed."""
    made = tree()
    made["frames"][2] |= change
    return made


SHEARED = [[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]]
MIRRORED = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 4], [0, 0, 0, 1]]
BROKEN: dict[str, tuple[Any, str]] = {
    "a list": ([1, 2], "expected a JSON object with frames, got a list"),
    "no frames": ({"fl_x": 5}, "has no frames"),
    "empty frames": (tree(0), "has no frames"),
    "frames of another kind": ({"frames": {"a": 1}}, "has no frames"),
    "a frame of another kind": ({"frames": [3]}, "frame 1 is a int"),
    "no name": ({"frames": [{}], "fl_x": 9}, "frame 1 has no file_path"),
    "a name of another kind": (framed(file_path=["x"]), "expected a name for file_path"),
    "no intrinsics": ({"frames": tree()["frames"]}, "no intrinsics: expected fl_x .* or camera_angle_x"),
    "words for numbers": (tree(fl_x="forty"), "finite number for fl_x, got 'forty'"),
    "true for a number": (tree(fl_x=True), "finite number for fl_x"),
    "an endless focal length": (tree(fl_x=float("inf")), "finite number for fl_x"),
    "a negative focal length": (tree(fl_x=-3), "fl_x above 0"),
    "a focal length that sees nothing": (tree(fl_x=1e300), "to 1000 times the picture"),
    "too wide an angle": (tree(camera_angle_x=4.0), "angle of view from 0 to pi"),
    "no pose": (framed(transform_matrix=None), "images/2.png: expected a transform_matrix of 4 x 4"),
    "a flat pose": (framed(transform_matrix=[1.0] * 16), "images/2.png: expected a transform_matrix"),
    "words in a pose": (framed(transform_matrix=[["a"] * 4] * 4), "images/2.png: expected a transform_matrix"),
    "a huge integer": (framed(transform_matrix=[[10**400, 0, 0, 0]] * 4), "too large"),
    "NaN in a pose": (framed(transform_matrix=[[float("nan")] * 4] * 3), "images/2.png: its pose is NaN"),
    "a sheared pose": (framed(transform_matrix=SHEARED), "images/2.png: its pose is sheared"),
    "a mirrored pose": (framed(transform_matrix=MIRRORED), "images/2.png: its pose mirrors"),
    "a projective pose": (framed(transform_matrix=[[1, 0, 0, 0]] * 4), "images/2.png: the last row"),
    "a pose of zeros": (framed(transform_matrix=[[0] * 4] * 3), "images/2.png: its pose is sheared"),
    "a name with a line in it": (framed(file_path="a\nb"), "expected a name for file_path"),
    "a name that is too long": (framed(mask_path="a" * 5000), "expected a name for mask_path"),
    "no size": (tree(fl_x=9, w=1e-300, h=6), "w above 0"),
    "a path out": (framed(file_path="../secret.png"), "'../secret.png', which leaves the data folder"),
    "a hidden path out": (framed(file_path="images/../../secret.png"), "leaves the data folder"),
    "a path out for Windows": (framed(file_path="..\\secret.png"), "leaves the data folder"),
    "an absolute path": (framed(file_path="/etc/passwd"), "'/etc/passwd': absolute paths are not read"),
    "a drive": (framed(file_path="C:\\pictures\\a.png"), "absolute paths are not read"),
    "a mask out": (framed(mask_path="../m.png"), "leaves the data folder"),
    "a mask that is not there": (framed(mask_path="m.png"), "there is no file .*m.png"),
    "another camera": (tree(camera_model="EQUIRECTANGULAR"), "'EQUIRECTANGULAR' is not known; known: SIMPLE_PINHOLE"),
    "a lens that folds": (tree(k1=-8.0), "folds over within the picture"),
    "a split of another kind": (tree(train_filenames="all"), "train_filenames to be a list of names"),
    "a split of other names": (tree(train_filenames=["x"]), "none of the frames is named"),
    "another shape": (tree(fl_x=8, w=6, h=8), "has 8x6 pixels, its intrinsics are for 6x8"),
    "a principal point elsewhere": (tree(fl_x=80, cx=40, cy=30), "give w and h"),
}


@pytest.mark.parametrize("content, words", list(BROKEN.values()), ids=list(BROKEN))
def test_broken_transforms_are_refused(content, words, tmp_path):
    refused(save(tmp_path, content), words)


def test_folders_that_are_none(tmp_path):
    refused(tmp_path / "nowhere", "there is no data .*nowhere")
    refused(tmp_path, "has no posed pictures: expected transforms_train.json, transforms.json, poses_bounds.npy")
    (tmp_path / "notes.txt").write_text("no")
    refused(tmp_path / "notes.txt", "no file of posed pictures")


def test_files_that_are_no_json(tmp_path):
    file = tmp_path / "transforms.json"
    for content, words in (("{", "is no JSON"), ("[" * 200000, "nested too deeply"), ("\0\xff", "is no JSON")):
        file.write_bytes(content.encode("latin-1"))
        refused(tmp_path, words)


def test_a_million_frames(tmp_path, monkeypatch):
    file = tmp_path / "transforms.json"
    file.write_text('{"fl_x": 5, "frames": [' + "{}," * 999_999 + "{}]}")
    refused(tmp_path, "has 1000000 frames: at most 20000 are read")
    with file.open("wb") as opened:
        opened.truncate(1 << 34)  # 16 GiB, none of them on the disk
    refused(tmp_path, "has 16384 MiB: at most 32 MiB")
    assert viewchecks.MOST_BYTES <= 64 << 20


@pytest.mark.parametrize("downscale", [0, -2, 1.5, True, 7])
def test_downscales_that_are_none(downscale, tmp_path):
    refused(save(tmp_path, tree()), "expected downscale", downscale=downscale)


@pytest.mark.parametrize("background", [(1, 2, 3), (0, 0), (0, 0, float("nan"))])
def test_backgrounds_that_are_none(background, tmp_path):
    refused(save(tmp_path, tree()), "background of three numbers", background=background)


def test_pictures_that_are_not_there_are_skipped(tmp_path):
    save(tmp_path, tree(7), pictures=4)
    (tmp_path / "images/4.png").write_bytes(b"no picture")
    views = load_views(tmp_path)
    assert len(views.cameras) == 4
    said = "\n".join(views.notes)
    assert "2 pictures skipped, not there: images/5.png, images/6.png" in said
    assert "1 picture skipped, not readable: images/4.png" in said


def test_no_picture_is_there(tmp_path):
    refused(save(tmp_path, tree(9), pictures=0), "none of the 9 pictures .* images/2.png and 6 more")


def test_pictures_that_break_off(tmp_path):
    save(tmp_path, tree())
    path = tmp_path / "images/1.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    views = load_views(tmp_path)
    with pytest.raises(PinnsceneError, match=r"1\.png"):
        views.read(1)


def test_pictures_of_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    refused(save(tmp_path, tree()), "million pixels: shrink it")


def test_one_frame(tmp_path):
    views = load_views(save(tmp_path, tree(1)))
    assert (views.train, views.test) == ((0,), ())
    assert any(note.startswith("warning: one picture") for note in views.notes)


def test_poses_with_a_scale_and_frames_listed_twice(tmp_path):
    made = tree()
    made["frames"][1]["transform_matrix"] = pose(1, scale=2.5)
    made["frames"].append(made["frames"][0])
    views = load_views(save(tmp_path, made))
    assert len(views.cameras) == 4
    np.testing.assert_allclose(views.cameras[1].matrix, pose(1), atol=1e-12)
    said = "\n".join(views.notes)
    assert "axes of length 2.5 in 1 pose: divided out" in said and "1 picture listed twice" in said


def test_pictures_of_different_sizes(tmp_path):
    save(tmp_path, tree())
    draw(tmp_path / "images/3.png", (16, 12))
    views = load_views(tmp_path)
    assert views.cameras[3].size == (16, 12)
    assert views.cameras[3].focal[0] == pytest.approx(2 * views.cameras[0].focal[0])
    assert "2 sizes" in views.notes[0]


def test_instant_ngp_notes(tmp_path):
    views = load_views(save(tmp_path, tree(aabb_scale=16, scale=0.3, offset=[0.5] * 3, ply_file_path="a.ply")))
    said = "\n".join(views.notes)
    assert all(word in said for word in ("instant-ngp", "aabb_scale = 16", "scale = 0.3", "offset", "ply_file_path"))


def test_a_little_dark_of_a_lens_is_masked(tmp_path):
    """The picture's corners reach 0.46 focal lengths out; the lens ends at 0.39 by (1 / 3 k)^(1/2) and its bend."""
    views = load_views(save(tmp_path, tree(k1=-1.1)))
    assert views.read_mask is not None
    lit = views.read_mask(0)
    assert lit is not None and lit[3, 4] and not lit[0, 0] and not lit[-1, -1]
    assert any("dark" in note for note in views.notes)


MODES = {"grey": "L", "grey of 16 bits": "I;16", "palette": "P", "bits": "1", "grey with alpha": "LA"}


@pytest.mark.parametrize("mode", list(MODES.values()), ids=list(MODES))
def test_pictures_of_every_kind_are_bytes_of_colour(mode, tmp_path):
    values = np.full((6, 8), 51, np.uint8)
    values[:, 4:] = 204
    image = Image.fromarray(values)
    if mode == "I;16":
        image = Image.fromarray(values.astype(np.uint16) * 257)
    elif mode == "1":
        image = Image.fromarray(values > 100)
    else:
        image = image.convert(mode)
    image.save(tmp_path / "a.png")
    expected = np.where(values > 100, 255, 0) if mode == "1" else values
    for alpha in (False, True):
        pixels = read_pixels(tmp_path / "a.png", (8, 6), alpha)
        assert pixels.dtype == np.uint8 and pixels.shape == (6, 8, 3 + alpha)
        np.testing.assert_array_equal(pixels[:, :, :3], np.repeat(expected[:, :, None], 3, 2))
        assert not alpha or (pixels[:, :, 3] == 255).all()


def test_hidden_colours_do_not_show(tmp_path):
    """What lies behind a transparent pixel has no share in the mean."""
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0], pixels[1, 1] = (200, 100, 50, 255), (0, 255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_pixels(tmp_path / "a.png", (1, 1), True)[0, 0], (200, 100, 50, 64), atol=2)


def test_exif_does_not_turn_pictures(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=exif)
    assert read_pixels(tmp_path / "a.jpg", (8, 6), False).shape == (6, 8, 3)


def test_masks_leave_out_every_pixel_with_a_dark_part(tmp_path):
    lit = np.full((4, 4), 255, np.uint8)
    lit[0, 1] = 0
    Image.fromarray(lit).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", (2, 2)).tolist() == [[False, True], [True, True]]


def llff(folder: Path, rows: Any) -> Path:
    for k in range(3):
        draw(folder / f"images/{k}.png")
    np.save(folder / "poses_bounds.npy", rows)
    return folder


def llff_rows(count: int = 3) -> np.ndarray:
    rows = np.zeros((count, 17))
    for k in range(count):
        m = np.array(pose(k))
        axes = np.stack([-m[:3, 1], m[:3, 0], m[:3, 2], m[:3, 3], [6.0, 8.0, 9.0]], 1)
        rows[k] = [*axes.reshape(-1), 1.0, 9.0]
    return rows


def test_llff_files_that_are_none(tmp_path):
    refused(llff(tmp_path, np.zeros((3, 16))), r"shape \[n, 17\], got \(3, 16\)")
    refused(llff(tmp_path, llff_rows(4)), "4 poses, there are 3 in images")
    refused(llff(tmp_path, llff_rows() * np.nan), "pose 1 is NaN")
    refused(llff(tmp_path, np.array([{"a": 1}], dtype=object)), "poses_bounds.npy")
    refused(llff(tmp_path, llff_rows() * ([1.0] * 15 + [-1, 1])), "nearest above 0")
    whole = (llff(tmp_path, llff_rows()) / "poses_bounds.npy").read_bytes()
    (tmp_path / "poses_bounds.npy").write_bytes(whole[:300])
    refused(tmp_path, "cannot read .*poses_bounds.npy")


def test_llff_takes_pictures_that_are_small_already(tmp_path):
    llff(tmp_path, llff_rows())
    for k in range(3):
        draw(tmp_path / f"images_2/{k}.png", (4, 3))
    views = load_views(tmp_path, downscale=2)
    assert views.cameras[0].size == (4, 3) and views.cameras[0].focal == pytest.approx((4.5, 4.5))
    assert any("images_2" in note for note in views.notes)


def colmap(folder: Path, cameras: str = "1 PINHOLE 8 6 9 9 4 3", images: str = "", name: str = "0.png") -> Path:
    draw(folder / "images/0.png")
    (folder / "sparse").mkdir(exist_ok=True)
    (folder / "sparse/cameras.txt").write_text(cameras)
    (folder / "sparse/images.txt").write_text(images or f"1 1 0 0 0 0 0 4 1 {name}\n\n")
    (folder / "sparse/points3D.txt").write_text("# none\n")
    return folder


def test_colmap_models_that_are_none(tmp_path):
    refused(colmap(tmp_path, "1 FOV 8 6 9 9 4 3 1"), "camera model 'FOV' is not known")
    refused(colmap(tmp_path, "1 PINHOLE 8 6 9 9 4"), "the 4 parameters fx fy cx cy")
    refused(colmap(tmp_path, "1 PINHOLE 8"), "line 1 is broken: expected CAMERA_ID")
    refused(colmap(tmp_path, "1 PINHOLE 8 6 0 9 4 3"), "focal lengths above 0")
    refused(colmap(tmp_path, images="1 0 0 0 0 0 0 4 1 0.png\n\n"), "expected a unit quaternion")
    refused(colmap(tmp_path, "1 SIMPLE_RADIAL 8 6 0 4 3 0"), "focal lengths above 0")
    refused(colmap(tmp_path, images="1 1e300 1e300 0 0 0 0 4 1 0.png\n\n"), "expected a unit quaternion")
    refused(colmap(tmp_path, images="1 1 0 0 0 0 nan 4 1 0.png\n\n"), "its pose is NaN")
    refused(colmap(tmp_path, images="1 1 0 0 0 0 0 4 2 0.png\n\n"), "taken by camera 2")
    refused(colmap(tmp_path, images="1 1 0 0 0\n\n"), "line 1 is broken: expected IMAGE_ID")
    refused(colmap(tmp_path, images="# none\n"), "has no pictures")
    refused(colmap(tmp_path, name="../../a.png"), "leaves the data folder")


def test_colmap_model_without_points(tmp_path):
    views = load_views(colmap(tmp_path))
    assert views.points is None
    assert any("zero points" in note for note in views.notes)


def test_binary_models_that_break_off(tmp_path):
    colmap(tmp_path)
    camera = struct.pack("<QiiQQ4d", 1, 1, 1, 8, 6, 9, 9, 4, 3)
    image = struct.pack("<Qi7di", 1, 1, 1, 0, 0, 0, 0, 0, 4, 1) + b"0.png\0" + struct.pack("<Q", 0)
    point = struct.pack("<Q", 1) + struct.pack("<Q3d3BdQ", 5, 0, 0, 0, 1, 2, 3, 0.5, 0)
    files = {"cameras.bin": camera, "images.bin": image, "points3D.bin": point}
    for name, data in files.items():
        (tmp_path / "sparse" / name).write_bytes(data)
    assert len(load_views(tmp_path).cameras) == 1
    for name, data in files.items():
        path = tmp_path / "sparse" / name
        for length in range(0, len(data), 5):
            path.write_bytes(data[:length])
            refused(tmp_path, f"{name} (is cut off|promises)")
        path.write_bytes(struct.pack("<Q", 1 << 60) + data[8:])
        refused(tmp_path, f"{name} promises 1152921504606846976 records")
        path.write_bytes(data)
    (tmp_path / "sparse/cameras.bin").write_bytes(struct.pack("<QiiQQ4d", 1, 1, 7, 8, 6, 9, 9, 4, 3))
    refused(tmp_path, "camera model FOV is not known")
