"""Curvatures of level sets against closed forms."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.render.curvature import curvature, curvatures
from pinnscene.views import FunctionField

AXES = ("x", "y", "z")


def field(f: Callable[[Tensor], Tensor]) -> FunctionField:
    return FunctionField(lambda p: f(p.coords)[:, None], AXES)


def directions(n: int, rng: torch.Generator) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(n, 3, dtype=torch.float64, generator=rng), dim=1)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.norm(dim=1) - 0.7,
        lambda x: 30 * (x.square().sum(1) - 0.49),
        lambda x: (x.norm(dim=1) - 0.7).exp() - 1,
    ],
)
def test_a_sphere_however_it_is_written(f: Callable[[Tensor], Tensor], rng: torch.Generator) -> None:
    mean, gauss = curvatures(field(f), 0.7 * directions(50, rng))
    torch.testing.assert_close(mean, torch.full_like(mean, 1 / 0.7), rtol=0, atol=1e-9)
    torch.testing.assert_close(gauss, torch.full_like(gauss, 1 / 0.49), rtol=0, atol=1e-9)


def test_a_cylinder_is_bent_one_way(rng: torch.Generator) -> None:
    p = torch.randn(50, 3, dtype=torch.float64, generator=rng)
    mean, gauss = curvatures(field(lambda x: x[:, :2].norm(dim=1) - 0.4), p)
    torch.testing.assert_close(mean[:, 0], 1 / (2 * p[:, :2].norm(dim=1)), rtol=1e-9, atol=0)
    torch.testing.assert_close(gauss, torch.zeros_like(gauss), rtol=0, atol=1e-9)


def test_a_torus_outside_top_and_inside(rng: torch.Generator) -> None:
    big, small = 0.6, 0.22
    a, v = (torch.rand(2, 80, dtype=torch.float64, generator=rng) * 6.2832).unbind()
    ring = big + small * v.cos()
    p = torch.stack([ring * a.cos(), ring * a.sin(), small * v.sin()], 1)
    torus = field(lambda x: (x[:, :2].norm(dim=1) - big).square() + x[:, 2].square() - small**2)
    mean, gauss = curvatures(torus, p)
    torch.testing.assert_close(mean[:, 0], (big + 2 * small * v.cos()) / (2 * small * ring), rtol=0, atol=1e-6)
    torch.testing.assert_close(gauss[:, 0], v.cos() / (small * ring), rtol=0, atol=1e-6)


def test_turning_the_sign_turns_the_mean_alone(rng: torch.Generator) -> None:
    f = lambda x: x[:, 0] ** 2 + 2 * x[:, 1] ** 2 - x[:, 2] * x[:, 0] - 0.3
    p = torch.randn(40, 3, dtype=torch.float64, generator=rng)
    mean, gauss = curvatures(field(f), p)
    turned, same = curvatures(field(lambda x: -f(x)), p)
    torch.testing.assert_close(turned, -mean)
    torch.testing.assert_close(same, gauss)
    torch.testing.assert_close(curvature(field(f), p, "gaussian", 7), gauss[:, 0])


def test_two_axes_have_no_such_curvature() -> None:
    plane = FunctionField(lambda p: p["x"], ("x", "y"))
    with pytest.raises(PinnsceneError, match="3 dimensions"):
        curvatures(plane, torch.zeros(1, 2))
