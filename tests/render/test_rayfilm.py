"""Films and pictures of rays: one pass for all kinds, one range of depths, numbers that come back."""

import subprocess
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PosedCamera
from pinnscene.rays.view import Seen
from pinnscene.render.camera import Camera
from pinnscene.render.rayfilm import Way, file_names, render_way
from pinnscene.render.raypictures import coloured_depth, coloured_normal, depth_limits, pictures
from pinnscene.render.request import RenderRequest


def cameras(count: int = 3, size: tuple[int, int] = (24, 16)) -> list[PosedCamera]:
    return [PosedCamera.of(Camera((3.0 + k, 1.0, 2.0)), size, f"train/r_{k}.png") for k in range(count)]


class Watched:
    """A look at the left half of each picture, as far away as the camera stands; counted."""

    def __init__(self) -> None:
        self.looks: Counter[tuple[int, int]] = Counter()
        self.normals: list[bool] = []

    def __call__(self, camera: PosedCamera, normals: bool, progress: Any) -> Seen:
        width, height = camera.size
        self.looks[camera.size] += 1
        self.normals.append(normals)
        there = (np.arange(width) < width / 2) * np.ones((height, 1), np.float32)
        distance = np.float32(np.linalg.norm(camera.position))
        progress(0.5)
        progress(1.0)
        rgb = np.stack([there, 0.5 * there, (1 - there) * 3 / camera.position[0]], 2).astype(np.float32)
        normal = np.stack([0 * there, 0 * there, there], 2) if normals else None
        return Seen(rgb, there.astype(np.float32), np.where(there > 0, distance, np.nan).astype(np.float32), normal)


def drawn(out: Path, way: Way | None = None, **given: Any) -> tuple[list[Path], Watched]:
    look = Watched()
    way = way or Way("orbit", cameras(), cameras(1, (40, 20))[0], otherwise=(1.0, 2.0))
    return render_way(look, way, RenderRequest(out, **given)), look


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def first_frame(path: Path) -> np.ndarray:
    """Of an MP4; read with ffmpeg itself, as imageio's reader leaves its pipes open."""
    raw = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path, "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-"],
        capture_output=True,
        check=True,
    ).stdout
    with Image.open(BytesIO(raw)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_a_film_has_its_kinds_side_by_side_in_one_pass(tmp_path: Path, ending: str) -> None:
    told: list[float] = []
    files, look = drawn(tmp_path / f"a.{ending}", what="rgb,normal,opacity", progress=told.append)
    frames = imageio.mimread(files[0]) if ending == "gif" else [first_frame(files[0])]
    assert ending == "gif" or imageio_ffmpeg.count_frames_and_secs(str(files[0]))[0] == 3
    assert frames[0].shape[:2] == (16, 72)
    assert len(frames) == (3 if ending == "gif" else 1)
    assert look.looks == {(24, 16): 3} and all(look.normals)
    assert told == sorted(told) and told[-1] == pytest.approx(1.0)
    assert not look.normals.count(False) and np.abs(frames[0][8, 4, :3].astype(int) - [255, 128, 0]).max() < 30


def test_a_folder_has_a_film_and_a_picture_of_each_kind(tmp_path: Path) -> None:
    files, look = drawn(tmp_path / "made", what="rgb,depth")
    names = {path.name for path in files}
    assert names == {"view.png", "view-depth.png", "view-depth.tiff", "orbit.mp4", "orbit-depth.mp4"}
    assert {path.name for path in (tmp_path / "made").iterdir()} == names
    assert read(tmp_path / "made/view.png").shape == (20, 40, 3)
    assert look.looks == {(24, 16): 6, (40, 20): 1}  # small looks for the depths' range are no larger here


def test_a_dataset_has_a_picture_of_each_camera(tmp_path: Path) -> None:
    way = Way("dataset", cameras(), cameras()[0], moving=False)
    files, look = drawn(tmp_path / "made", way, what="rgb,opacity")
    assert [path.name for path in files][:3] == ["train-r_0.png", "train-r_0-opacity.png", "train-r_1.png"]
    assert len(files) == 6 and look.looks == {(24, 16): 3}


def test_kinds_of_a_picture_stand_side_by_side(tmp_path: Path) -> None:
    files, _ = drawn(tmp_path / "a.png", what="opacity,rgb,opacity")
    made = read(files[0])
    assert made.shape == (16, 48, 3)
    assert made[0, 0].tolist() == [255] * 3 and made[0, 23].tolist() == [0] * 3 and made[0, 47].tolist() == [0, 0, 255]


@pytest.mark.parametrize("ending", ["tiff", "tif", "npy"])
@pytest.mark.parametrize("what", [None, "depth", "opacity"])
def test_numbers_come_back_in_32_bits(tmp_path: Path, ending: str, what: str | None) -> None:
    path = drawn(tmp_path / f"a.{ending}", what=what)[0][0]
    values = np.load(path, allow_pickle=False) if ending == "npy" else read(path)
    assert values.dtype == np.float32 and values.shape == (16, 24)
    expected = Watched()(cameras()[0], False, lambda share: None)
    np.testing.assert_array_equal(values, expected.opacity if what == "opacity" else expected.depth)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("a.tga", {}, "cannot write"),
        ("a.tiff", {"what": "rgb"}, "one of depth and opacity"),
        ("a.npy", {"what": "rgb,depth"}, "one of rgb"),
        ("a.png", {"what": "shaded"}, "unknown kind of picture 'shaded'"),
        ("a.png", {"what": "dept"}, "did you mean depth"),
        ("a.png", {"what": ""}, "unknown kind"),
    ],
)
def test_what_cannot_be_drawn(tmp_path: Path, name: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        drawn(tmp_path / name, **given)
    assert not list(tmp_path.iterdir())


def test_a_film_of_different_sizes_is_refused(tmp_path: Path) -> None:
    way = Way("way", [*cameras(1), *cameras(1, (8, 8))], cameras()[0])
    with pytest.raises(PinnsceneError, match=r"one size.*8x8, 24x16.*--size"):
        drawn(tmp_path / "a.mp4", way)
    assert not list(tmp_path.iterdir())


def test_a_look_that_fails_leaves_nothing(tmp_path: Path) -> None:
    class Failing(Watched):
        def __call__(self, *given: Any) -> Seen:
            if self.looks.total() == 2:
                raise PinnsceneError("no")
            return super().__call__(*given)

    way = Way("orbit", cameras(), cameras()[0])
    with pytest.raises(PinnsceneError, match="no"):
        render_way(Failing(), way, RenderRequest(tmp_path / "a.mp4"))
    assert not list(tmp_path.iterdir())


def test_depths_share_one_range_of_colours() -> None:
    look = Watched()
    seen = [look(camera, False, lambda share: None) for camera in cameras()]
    low, high = depth_limits(seen, (1.0, 2.0))
    assert low == pytest.approx(np.linalg.norm([3, 1, 2]), rel=1e-2) and high > low
    ends = coloured_depth(np.array([[low, high, np.nan]], np.float32), (low, high))
    assert ends[0, 0, 0] > ends[0, 0, 2] and ends[0, 1, 2] > ends[0, 1, 0] and ends[0, 2].tolist() == [255] * 3
    nothing = seen[0]._replace(depth=np.full((2, 2), np.nan, np.float32))
    assert depth_limits([nothing], (1.0, 2.0)) == (1.0, 2.0)
    flat = depth_limits([nothing._replace(depth=np.full((2, 2), 3, np.float32))], (1.0, 2.0))
    assert flat[0] < 3 < flat[1]


def test_a_scale_stands_on_depths_where_there_is_room() -> None:
    look = Watched()
    for size, there in (((200, 140), True), ((130, 130), False), ((60, 60), False)):
        seen = look(cameras(1, size)[0], False, lambda share: None)
        plain, scaled = (pictures(seen, ("depth",), (3.0, 4.0), scale)["depth"] for scale in (False, True))
        assert scaled.shape == (size[1], size[0], 3)
        assert (plain != scaled).any() == there
        np.testing.assert_array_equal(plain[:, : 2 * size[0] // 3], scaled[:, : 2 * size[0] // 3])


def test_normals_are_colours_of_their_direction() -> None:
    normal = np.array([[[0, 0, 1], [0.5, 0, 0], [0, 0, 0]]], np.float32)
    made = coloured_normal(normal, np.array([[1, 1, 0]], np.float32))
    assert made[0].tolist() == [[128, 128, 255], [255, 128, 128], [255, 255, 255]]


def test_names_of_files() -> None:
    found = file_names(["./train/r_0.png", "../x y.jpg", "", "a.png", "a.jpg", "/etc/p.png", "ü" * 200])
    assert found[:6] == ["train-r_0", "x_y", "0002", "a", "a-4", "etc-p"] and len(found[6]) == 80
