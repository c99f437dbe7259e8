"""Rendered pictures: aligned to pixel centres, equal however they are cut, written as asked."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.render import picture
from pinnscene.render.picture import paint, pixel_centres, render_picture, sample
from pinnscene.render.request import RenderRequest
from pinnscene.views import FunctionField

BOX = Box(x=(0, 6), y=(0, 4))


def field(k: int) -> FunctionField:
    """Smooth values, different in every output."""
    return FunctionField(
        lambda p: torch.cat([0.5 + 0.4 * torch.sin(p["x"] * (1 + c) + p["y"]) for c in range(k)], 1),
        ("x", "y"),
        tuple("rgba"[:k]),
    )


def test_pixel_centres_run_along_rows() -> None:
    p = pixel_centres(BOX, (6, 4)).coords.reshape(4, 6, 2)
    assert p[0, 0].tolist() == [0.5, 0.5]
    assert p[0, 5].tolist() == [5.5, 0.5]
    assert p[3, 0].tolist() == [0.5, 3.5]


def test_twice_the_size_has_its_centres_around_the_old_ones() -> None:
    fine = pixel_centres(BOX, (12, 8)).coords.reshape(4, 2, 6, 2, 2).mean((1, 3))
    torch.testing.assert_close(fine, pixel_centres(BOX, (6, 4)).coords.reshape(4, 6, 2))


@pytest.mark.parametrize("k", [1, 3, 4])
@pytest.mark.parametrize("strip", [1, 7, 64, 1 << 16])
def test_strips_equal_one_evaluation(monkeypatch: pytest.MonkeyPatch, k: int, strip: int) -> None:
    monkeypatch.setattr(picture, "STRIP", strip)
    u, size = field(k), (13, 9)
    whole = u(pixel_centres(BOX, size)).reshape(9, 13, k)
    np.testing.assert_array_equal(sample(u, BOX, size), whole.float().numpy())
    levels = np.asarray(paint(u, BOX, size)).reshape(9, 13, k)
    np.testing.assert_array_equal(levels, (whole * 255).round().numpy())


def test_values_are_clamped_and_nan_is_black() -> None:
    steps = torch.tensor([-3.0, 0.5, 7.0, float("nan")], dtype=torch.float64)
    u = FunctionField(lambda p: steps[p["x"].long()], ("x", "y"), ("grey",))
    assert np.asarray(paint(u, Box(x=(0, 4), y=(0, 1)), (4, 1))).tolist() == [[0, 128, 255, 0]]


@pytest.mark.parametrize("ending", ["png", "tiff", "tif", "TIFF"])
def test_files_hold_the_picture(tmp_path: Path, ending: str) -> None:
    shares: list[float] = []
    request = RenderRequest(tmp_path / f"a.{ending}", progress=shares.append)
    assert render_picture(field(3), BOX, request, (30, 20)) == [tmp_path / f"a.{ending}"]
    with Image.open(tmp_path / f"a.{ending}") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(paint(field(3), BOX, (30, 20))))
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_a_folder_gets_a_png_of_the_size_asked_for(tmp_path: Path) -> None:
    (path,) = render_picture(field(1), BOX, RenderRequest(tmp_path / "made", size=(11, 5)), (30, 20))
    with Image.open(path) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (11, 5), "L")
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_may_have_a_dot_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "run.v1"
    folder.mkdir()
    assert render_picture(field(1), BOX, RenderRequest(folder), (3, 2)) == [folder / "picture.png"]


def test_jpeg_lays_transparent_colours_over_white(tmp_path: Path) -> None:
    u = FunctionField(lambda p: p.coords.new_tensor([0.0, 0.0, 0.0, 0.25]).expand(len(p), 4), ("x", "y"), tuple("rgba"))
    (path,) = render_picture(u, BOX, RenderRequest(tmp_path / "a.jpg"), (16, 16))
    with Image.open(path) as image:
        assert abs(np.asarray(image).astype(int) - 191).max() <= 2


@pytest.mark.parametrize("name", ["a.gif", "a.mp4", "a.jpgg"])
def test_an_unknown_ending_is_told_before_any_work(tmp_path: Path, name: str) -> None:
    u = FunctionField(lambda p: pytest.fail("evaluated"), ("x", "y"), ("grey",))
    with pytest.raises(PinnsceneError, match=r"\.png"):
        render_picture(u, BOX, RenderRequest(tmp_path / name), (3, 2))
    assert not list(tmp_path.iterdir())


def test_a_field_that_is_no_picture_is_told() -> None:
    with pytest.raises(PinnsceneError, match="1, 3 or 4 outputs"):
        paint(field(2), BOX, (3, 2))
    with pytest.raises(PinnsceneError, match="2 axes"):
        paint(field(1), Box(x=(0, 1)), (3, 2))
