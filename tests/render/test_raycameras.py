"""Files of cameras: what is written is read again, nerfstudio's paths, and files that are none."""

import json
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PINHOLE, PosedCamera
from pinnscene.rays.lens import FisheyeLens, RadialLens
from pinnscene.render.camera import Camera
from pinnscene.render.raycameras import read_cameras, write_cameras

MATRIX = Camera((3.0, 1.0, 2.0), (0.1, 0.2, 0.0)).matrix
LENSES = [PINHOLE, RadialLens((0.1, 0.2), (0.3,), (0.01, 0.02)), RadialLens((0.1,)), FisheyeLens((0.1, 0.0, 0.2, 0.3))]
OURS = {"format": "pinnscene-cameras", "cameras": [{"matrix": MATRIX.tolist(), "size": [8, 6], "focal": 7}]}
THEIRS = {
    "camera_type": "perspective", "render_width": 64, "render_height": 48, "fps": 12, "seconds": 2, "keyframes": [],
    "camera_path": [{"camera_to_world": MATRIX.ravel().tolist(), "fov": 60, "aspect": 4 / 3}] * 2,
}  # fmt: skip


def put(path: Path, tree: Any) -> Path:
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    cameras = [
        PosedCamera(MATRIX, (40, 30), (38.0, 36.0), (19.0, 16.0), lens, f"größe {k}") for k, lens in enumerate(LENSES)
    ]
    path = write_cameras(tmp_path / "a b.json", cameras, (1e6, 0.5, -3.0))
    assert json.loads(path.read_text(encoding="utf-8"))["cameras"][0]["matrix"][0][3] == pytest.approx(1e6 + 3)
    found = read_cameras(path, origin=(1e6, 0.5, -3.0))
    assert found.fps is None
    for made, camera in zip(found.cameras, cameras, strict=True):
        np.testing.assert_allclose(made.matrix, MATRIX, atol=1e-9)
        assert (made.size, made.focal, made.centre) == (camera.size, camera.focal, camera.centre)
        assert (made.lens, made.name) == (camera.lens, camera.name)


def test_a_camera_path_of_nerfstudio(tmp_path: Path) -> None:
    found = read_cameras(put(tmp_path / "a.json", THEIRS))
    assert found.fps == 12 and len(found.cameras) == 2
    camera = found.cameras[0]
    np.testing.assert_allclose(camera.matrix, MATRIX)
    assert camera.size == (64, 48) and camera.centre == (32, 24)
    half = np.degrees(np.arctan(24 / camera.focal[1]))
    assert half == pytest.approx(30)  # the angle of view is the vertical one


def test_sizes_that_a_file_does_not_say(tmp_path: Path) -> None:
    bare = {k: v for k, v in OURS["cameras"][0].items() if k != "size"}
    path = put(tmp_path / "a.json", {"cameras": [bare]})
    assert read_cameras(path, (20, 10)).cameras[0].centre == (10, 5)
    with pytest.raises(PinnsceneError, match="camera 0 has no size"):
        read_cameras(path)


def changed(**entry: Any) -> dict[str, Any]:
    return {"cameras": [{**OURS["cameras"][0], **entry}]}


BROKEN = {
    "list": ([1], "got a list"),
    "none": ({}, "holds no cameras"),
    "empty": ({"cameras": []}, "1 to 10000 cameras"),
    "million": ({"cameras": [0] * 10_001}, "1 to 10000 cameras"),
    "words": ({"cameras": "all"}, "1 to 10000 cameras"),
    "number": ({"cameras": [3]}, "expected an object"),
    "format": ({**OURS, "format": "other"}, "expected the format"),
    "fps": ({**OURS, "fps": "fast"}, "fps of 1 to 240"),
    "short": (changed(matrix=[1, 2, 3]), "16 finite numbers"),
    "missing": (changed(matrix=None), "16 finite numbers"),
    "nan": (changed(matrix=[[nan] * 4] * 4), "16 finite numbers"),
    "text": (changed(matrix=["0"] * 16), "16 finite numbers"),
    "scaled": (changed(matrix=(2 * MATRIX).tolist()), "last row"),
    "stretched": (changed(matrix=(np.diag([2.0, 1, 1, 1]) @ MATRIX).tolist()), "rotation"),
    "mirrored": (changed(matrix=(MATRIX @ np.diag([-1.0, 1, 1, 1])).tolist()), "mirrors"),
    "wide": (changed(size=[1e9, 3]), "1 to 65535 pixels"),
    "half": (changed(size=[8.5, 3]), "whole numbers"),
    "flat": (changed(focal=0), "above 0"),
    "infinite": (changed(focal=inf), "2 finite numbers"),
    "huge": (changed(focal=10**400), "2 finite numbers"),
    "lens": (changed(lens={"kind": "magic"}), "'radial' or 'fisheye'"),
    "bent": (changed(lens={"kind": "radial", "over": "k1"}), "over"),
    "fov": ({**THEIRS, "camera_path": [{**THEIRS["camera_path"][0], "fov": 180}]}, "0 to 180"),
    "dome": ({**THEIRS, "camera_type": "equirectangular"}, "'perspective'"),
    "sizeless": ({**THEIRS, "render_height": None}, "render_width"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_are_no_cameras(tmp_path: Path, name: str) -> None:
    tree, said = BROKEN[name]
    with pytest.raises(PinnsceneError, match=said) as raised:
        read_cameras(put(tmp_path / f"{name}.json", tree))
    assert f"{name}.json" in str(raised.value) and len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"cameras": [NaN]}'])
def test_files_that_are_no_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(PinnsceneError, match="json"):
        read_cameras(tmp_path / "a.json")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(PinnsceneError, match="cannot read the cameras"):
            read_cameras(path)


TREES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=4) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("matrix", "size", "focal", "centre", "lens", "name")


@given(st.dictionaries(st.sampled_from(KEYS), TREES, min_size=1, max_size=2))
def test_odd_values_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, odd: dict[str, Any]) -> None:
    path = put(tmp_path_factory.mktemp("odd") / "a.json", changed(**odd))
    try:
        assert len(read_cameras(path).cameras) == 1
    except PinnsceneError as told:
        assert "a.json" in str(told)
