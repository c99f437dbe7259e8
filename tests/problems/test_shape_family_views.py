"""Families of shapes: members at their place, those between two, and pictures of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pinnscene import PinnsceneError, gradient, hessian
from pinnscene.problems.familyfigures import render_interpolation
from pinnscene.problems.familymethods import METHODS
from pinnscene.problems.familyshapes import Member
from pinnscene.problems.familyviews import Placed, interpolate
from pinnscene.problems.shapefamily import ShapeFamily
from pinnscene.problems.truefield import TrueField
from pinnscene.render.request import RenderRequest
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

FAR = np.array([100.0, 0.0, -50.0])  # where the bodies stand
FIELD = {"width": 24, "depth": 2}
Make = Callable[..., ShapeFamily]
pytestmark = pytest.mark.usefixtures("few_of_everything")


def test_a_placed_field_has_the_derivatives_of_its_place() -> None:
    inner = FunctionField(lambda p: p["x"] ** 2 * p["y"] + torch.sin(p["z"]), ("x", "y", "z"))
    placed = Placed(inner, (100.0, 0.0, -50.0), 4.0, 3.0)
    direct = FunctionField(
        lambda p: 3 * (((p["x"] - 100) / 4) ** 2 * (p["y"] / 4) + torch.sin((p["z"] + 50) / 4)), ("x", "y", "z")
    )
    p = torch.from_numpy(FAR) + torch.rand(5, 3, generator=generator(0), dtype=torch.float64)
    for take in (lambda u: u(p), lambda u: gradient(u, p), lambda u: hessian(u, p)):
        torch.testing.assert_close(take(placed), take(direct))


def test_a_turned_field_has_the_derivatives_of_its_place() -> None:
    inner = FunctionField(lambda p: p["x"] ** 2 * p["y"] + torch.sin(p["z"] * p["x"]), ("x", "y", "z"))
    turn = torch.matrix_exp(torch.tensor([[0, -0.3, 0.2], [0.3, 0, -0.5], [-0.2, 0.5, 0]], dtype=torch.float64))
    placed = Placed(inner, (1.0, 0.0, -2.0), 2.0, 2.0, turn)
    place = torch.tensor([1.0, 0.0, -2.0], dtype=torch.float64)
    direct = FunctionField(lambda p: 2 * inner((p.coords - place) @ turn / 2), ("x", "y", "z"))
    p = place + torch.rand(5, 3, generator=generator(0), dtype=torch.float64)
    for take in (lambda u: u(p), lambda u: gradient(u, p), lambda u: hessian(u, p)):
        torch.testing.assert_close(take(placed), take(direct))


def test_far_from_the_origin_single_precision_is_enough() -> None:
    """A place is subtracted in float64, before the field's own precision."""
    inner = FunctionField(lambda p: p["x"].float(), ("x", "y", "z"))
    placed = Placed(inner, (1e7, 0.0, 0.0), 1.0, 1.0)
    p = torch.tensor([[1e7 + 0.25, 0, 0]], dtype=torch.float64)
    assert float(placed(p)) == 0.25


def test_the_truth_has_slopes(member_of: Callable[..., Member]) -> None:
    member = member_of()
    p = torch.from_numpy(FAR) + torch.randn(20, 3, generator=generator(0), dtype=torch.float64)
    slope = gradient(TrueField(member.shape), p)
    torch.testing.assert_close(slope.norm(dim=1), torch.ones(20, dtype=torch.float64), atol=1e-2, rtol=0)


def test_interpolation_ends_at_the_two_codes(problem_of: Make) -> None:
    problem = problem_of()
    u = problem.field("adam").override(None, FIELD).build(problem)
    a, b = problem.learner.codes(u, (0, 1))
    p = torch.rand(9, 3, generator=generator(0), dtype=torch.float64) - 0.5
    between = interpolate(u, a, b, 5)
    assert len(between) == 5
    assert torch.equal(between[0](p), u.bind(u.code(0))(p))
    assert torch.equal(between[-1](p), u.bind(u.code(1))(p))
    torch.testing.assert_close(between[2].code, (a + b) / 2)
    with pytest.raises(PinnsceneError, match="at least 2 steps"):
        interpolate(u, a, b, 1)


@pytest.mark.parametrize("method", METHODS)
def test_pictures_of_the_way_between_two(problem_of: Make, tmp_path: Path, method: str) -> None:
    problem = problem_of(method)
    u = problem.field("adam").override(None, FIELD).build(problem)
    (strip,) = render_interpolation(problem, u, RenderRequest(tmp_path / "a.png", (130, 40)))
    with Image.open(strip) as picture:
        assert picture.size == (130, 40)
    with pytest.raises(PinnsceneError, match="expected a folder"):
        render_interpolation(problem, u, RenderRequest(tmp_path / "a.txt"))
