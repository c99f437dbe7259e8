"""Pictures and films of fields on domains."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.problems.heat import Heat
from pinnscene.render.film import film
from pinnscene.render.planes import line, on_plane, plane, times
from pinnscene.render.request import RenderRequest
from pinnscene.render.video import write_film
from pinnscene.views import FunctionField

BOX = Box(x=(0, 2), y=(-1, 1), t=(0, 3))
SUM = FunctionField(lambda p: p["x"] + 10 * p["y"] + 100 * p["t"], BOX.axes)


def test_a_plane_has_its_first_axis_across_and_its_second_upwards() -> None:
    where = plane(BOX, 5, t=2.0)
    image = on_plane(SUM, where)
    assert where.axes == ("x", "y") and where.extent == (0, 2, -1, 1)
    assert image[0, 0] == pytest.approx(0 - 10 + 200)
    assert image[0, -1] == pytest.approx(2 - 10 + 200)
    assert image[-1, 0] == pytest.approx(0 + 10 + 200)


def test_a_line_holds_the_other_axes() -> None:
    p = line(BOX, "y", 3, x=0.5)
    assert p.coords.tolist() == [[0.5, -1.0, 1.5], [0.5, 0.0, 1.5], [0.5, 1.0, 1.5]]
    assert times(BOX, 4) == [0.0, 1.0, 2.0, 3.0] and times(Box(x=(0, 1)), 4) == []


def test_frames_follow_the_field_and_progress_is_told(tmp_path: Path) -> None:
    heat, told = Heat(), []
    exact = FunctionField(heat.reference, heat.domain.axes)
    request = RenderRequest(tmp_path, (240, 200), frames=4, progress=told.append)
    frames = list(film(heat, exact, request))
    assert [f.shape for f in frames] == [(200, 240, 3)] * 4
    assert all((a != b).any() for a, b in pairwise(frames))
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_a_picture_without_room_is_the_field_alone(tmp_path: Path) -> None:
    heat = Heat()
    (path,) = heat.render(FunctionField(heat.reference, heat.domain.axes), RenderRequest(tmp_path / "a.png", (64, 48)))
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape == (48, 64, 3)
    # the start, at the bottom, is bright in the middle and dark at the walls; later all is darker
    assert pixels[-1, 32].sum() > pixels[-1, 0].sum() + 200 and pixels[-1, 32].sum() > pixels[0, 32].sum() + 200


@pytest.mark.parametrize("name", ["film.avi", "film.txt", "view.exe"])
def test_endings_that_nothing_writes(tmp_path: Path, name: str) -> None:
    heat = Heat()
    with pytest.raises(PinnsceneError, match="expected a folder"):
        heat.render(FunctionField(heat.reference, heat.domain.axes), RenderRequest(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_a_film_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def frames():
        yield np.zeros((32, 32, 3), np.uint8)
        raise PinnsceneError("the field is gone")

    for name in ("film.mp4", "film.gif"):
        with pytest.raises(PinnsceneError, match="gone"):
            write_film(tmp_path / name, frames(), 10)
    assert not list(tmp_path.iterdir())


def test_figures_have_the_reference_and_the_error(tmp_path: Path) -> None:
    torch.manual_seed(0)
    for dims, count in ((1, 1), (2, 1)):
        heat = Heat(dims=dims)
        written = heat.figures(FunctionField(heat.reference, heat.domain.axes), tmp_path / str(dims))
        assert len(written) == count
        with Image.open(written[0]) as picture:
            assert min(picture.size) > 300
