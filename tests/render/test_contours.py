"""Slices with contours: where the zero line is, what is held, and what cannot be cut."""

import numpy as np
import pytest
from matplotlib.contour import QuadContourSet

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.render.canvas import pixels
from pinnscene.render.contours import N, contours, three_slices
from pinnscene.views import FunctionField

BOX = Box(x=(-1, 1), y=(-2, 2), z=(-1, 3))
SPHERE = FunctionField(lambda p: p.coords.norm(dim=1, keepdim=True) - 0.8, BOX.axes)


def zero(ax) -> np.ndarray:
    """The points of the thick line."""
    (line,) = [s for s in ax.collections if isinstance(s, QuadContourSet) and len(s.levels) == 1]
    assert line.levels[0] == 0 and line.get_linewidths()[0] > 2
    return np.concatenate([path.vertices for path in line.get_paths()])


@pytest.mark.parametrize(("axis", "at", "radius"), [("z", 0.0, 0.8), ("x", 0.48, 0.64), ("y", -0.64, 0.48)])
def test_the_thick_line_is_the_zero_set(axis: str, at: float, radius: float) -> None:
    made = contours(SPHERE, BOX, axis, at)
    ax = made.axes[0]
    np.testing.assert_allclose(np.linalg.norm(zero(ax), axis=1), radius, atol=5e-3)
    assert [ax.get_xlabel(), ax.get_ylabel()] == [a for a in BOX.axes if a != axis]
    assert axis in ax.get_title()


def test_the_middle_is_cut_by_default_and_a_slice_may_be_all_outside() -> None:
    ax = contours(SPHERE, BOX).axes[0]
    assert ax.get_title() == "z = 1"
    assert all(len(s.levels) > 1 for s in ax.collections if isinstance(s, QuadContourSet))


def test_bands_are_blue_inside_and_warm_outside() -> None:
    made = three_slices(SPHERE, Box(x=(-1, 1), y=(-1, 1), z=(-1, 1)))
    image = pixels(made).astype(int)
    for ax, axis in zip(made.axes[:3], "zyx", strict=True):
        assert ax.get_title() == f"{axis} = 0"
        for place, sign in (((0.05, 0.05), 1), ((0.93, 0.93), -1)):
            column, row = ax.transData.transform(place).astype(int)
            pixel = image[image.shape[0] - 1 - row, column]
            assert sign * (pixel[2] - pixel[0]) > 20, "blue inside, warm outside"


def test_what_cannot_be_cut() -> None:
    with pytest.raises(PinnsceneError, match="unknown axis 't'"):
        contours(SPHERE, BOX, "t")
    with pytest.raises(PinnsceneError, match="outside the box"):
        contours(SPHERE, BOX, "z", 4.0)
    flat = FunctionField(lambda p: p["x"], ("x", "y"))
    with pytest.raises(PinnsceneError, match="3 axes"):
        contours(flat, Box(x=(0, 1), y=(0, 1)), "x")


def test_the_true_surface_is_dashed_over_the_fields_where_it_was_asked_to_be_cut() -> None:
    truth = FunctionField(lambda p: p.coords.norm(dim=1, keepdim=True) - 0.6, BOX.axes)
    made = three_slices(SPHERE, BOX, {"z": 0.0, "x": 0.0, "y": 0.0}, truth)
    for ax in made.axes[:3]:
        lines = [s for s in ax.collections if isinstance(s, QuadContourSet) and s.levels.tolist() == [0.0]]
        radii = [np.linalg.norm(np.concatenate([path.vertices for path in s.get_paths()]), axis=1) for s in lines]
        np.testing.assert_allclose([r.mean() for r in radii], [0.8, 0.6], atol=1e-2)
        assert [s.get_linestyle()[0][1] is None for s in lines] == [True, False]


def test_three_slices_have_one_scale_of_length_and_look_at_the_field_once_each() -> None:
    asked = []
    u = FunctionField(lambda p: asked.append(len(p)) or SPHERE(p), BOX.axes)
    made = three_slices(u, BOX)
    made.canvas.draw()
    assert sum(asked) == 3 * N**2
    lengths = [ax.get_window_extent().width / np.ptp(ax.get_xlim()) for ax in made.axes[:3]]
    np.testing.assert_allclose(lengths, lengths[0], rtol=0.1)
