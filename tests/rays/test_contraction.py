"""All of space in a ball, and strides that suit it."""

import torch

from pinnscene.rays.contraction import Strides, contract, expand, shrinkage, warped


def points(count: int = 400) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    made = torch.randn(count, 3, generator=g, dtype=torch.float64)
    return made * 10 ** (4 * torch.rand(count, 1, generator=g, dtype=torch.float64) - 2)


def test_the_unit_ball_stays_and_the_rest_comes_into_radius_two():
    x = points()
    y = contract(x)
    inside = x.norm(dim=1) <= 1
    assert 50 < int(inside.sum()) < 350
    torch.testing.assert_close(y[inside], x[inside])
    torch.testing.assert_close(y[~inside].norm(dim=1), 2 - 1 / x[~inside].norm(dim=1))
    assert float(y.norm(dim=1).max()) < 2


def test_expand_is_the_inverse_even_where_there_is_none():
    torch.testing.assert_close(expand(contract(points())), points(), rtol=1e-9, atol=0)
    corner = expand(torch.tensor([[2.0, 2.0, 2.0]]))
    assert bool(torch.isfinite(corner).all()) and float(corner.norm()) > 1e4


def test_shrinkage_is_the_cube_root_of_the_jacobian():
    for x in points(40):
        jacobian = torch.autograd.functional.jacobian(contract, x)
        torch.testing.assert_close(torch.linalg.det(jacobian) ** (1 / 3), shrinkage(x)[0])


def test_gradients_are_finite_in_the_middle():
    x = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    (contract(x).sum() + shrinkage(x).sum() + expand(x).sum()).backward()
    assert bool(torch.isfinite(x.grad).all())


def test_warped_distances():
    torch.testing.assert_close(
        warped(torch.tensor([0.0, 0.5, 1.0, 2.0, 1e9])), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    )


def rays() -> tuple[Strides, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rays that hit the unit ball, miss it, start in it, and go through its very middle."""
    g = torch.Generator().manual_seed(1)
    o = 3 * torch.randn(200, 3, generator=g, dtype=torch.float64)
    d = torch.randn(200, 3, generator=g, dtype=torch.float64)
    o[:20] /= 20
    d[20:40] = -o[20:40]
    return Strides(o, d), o, d, torch.linspace(0, 50, 100, dtype=torch.float64).expand(200, 100)


def test_strides_and_distances_are_inverse_to_each_other():
    strides, _, _, t = rays()
    torch.testing.assert_close(strides.distance(strides.of(t)), t, rtol=1e-9, atol=1e-9)
    assert bool((strides.of(t).diff(dim=1) > 0).all())


def test_a_stride_is_as_long_as_the_distance_from_the_middle():
    strides, o, d, t = rays()
    t = t.clone().requires_grad_()
    (rate,) = torch.autograd.grad(strides.of(t).sum(), t)
    r = (o[:, None] + t[..., None] * d[:, None]).norm(dim=2)
    torch.testing.assert_close(rate, d.norm(dim=1, keepdim=True) / r.clamp(min=1))
