"""Lenses: OpenCV's formulae written once more in numpy, closed forms, round trips, and lenses that fold over."""

from math import atan, sqrt

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pinnscene.rays.lens import PINHOLE, FisheyeLens, Lens, RadialLens

Numbers = NDArray[np.float64]

BENT: dict[str, Lens] = {
    "barrel": RadialLens((-0.25,)),
    "pincushion": RadialLens((0.2, 0.05)),
    "tangential": RadialLens((), (), (0.003, -0.002)),
    "opencv": RadialLens((-0.28, 0.09, -0.012), (), (0.001, -0.0015)),
    "four": RadialLens((-0.28, 0.09, -0.012, 0.002), (), (0.001, -0.0015)),
    "rational": RadialLens((0.3, -0.05, 0.01), (0.4, -0.02, 0.01), (-0.001, 0.0005)),
    "equidistant": FisheyeLens(),
    "fisheye": FisheyeLens((0.08, -0.02, 0.004, -0.0006)),
}
each = pytest.mark.parametrize("lens", list(BENT.values()), ids=list(BENT))


def plane(n: int = 400, reach: float = 0.8) -> torch.Tensor:
    return (2 * torch.rand(n, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64) - 1) * reach


def opencv(p: Numbers, k: list[float], p1: float, p2: float) -> Numbers:
    """The rational model of OpenCV's calib3d page, term by term; ``k`` are k1 to k6."""
    x, y = p.T
    r2 = x * x + y * y
    c = (1 + k[0] * r2 + k[1] * r2**2 + k[2] * r2**3) / (1 + k[3] * r2 + k[4] * r2**2 + k[5] * r2**3)
    across = x * c + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    return np.stack([across, y * c + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y], 1)


def fisheye(p: Numbers, k: tuple[float, ...]) -> Numbers:
    """The fisheye model of OpenCV's page, point by point."""
    rows = []
    for x, y in p:
        r = sqrt(x * x + y * y)
        t = atan(r)
        d = t * (1 + k[0] * t**2 + k[1] * t**4 + k[2] * t**6 + k[3] * t**8)
        rows.append([d / r * x, d / r * y])
    return np.array(rows)


@pytest.mark.parametrize("name", ["opencv", "rational", "tangential"])
def test_radial_lens_is_the_formula_of_opencv(name):
    lens = BENT[name]
    k = [*lens.over, 0, 0, 0][:3] + [*lens.under, 0, 0, 0][:3]
    expected = opencv(plane().numpy(), k, *lens.tangential)
    np.testing.assert_allclose(lens.bend(plane()).numpy(), expected, atol=1e-14)


def test_fisheye_is_the_formula_of_opencv():
    lens = BENT["fisheye"]
    expected = fisheye(plane(reach=3).numpy(), lens.coefficients)
    np.testing.assert_allclose(lens.bend(plane(reach=3)).numpy(), expected, atol=1e-13)


def test_closed_forms():
    """Equidistant: the radius is the angle. Without coefficients a radial lens is a pinhole."""
    one = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert FisheyeLens().bend(one)[0, 0].item() == pytest.approx(np.pi / 4, abs=1e-15)
    assert FisheyeLens().straighten(one * np.pi / 3)[0, 0].item() == pytest.approx(sqrt(3), abs=1e-12)
    for lens in (PINHOLE, RadialLens()):
        torch.testing.assert_close(lens.bend(plane()), plane())
        torch.testing.assert_close(lens.straighten(plane()), plane())


@each
def test_straighten_inverts_bend(lens):
    p = torch.cat([plane(), torch.zeros(1, 2, dtype=torch.float64)])
    assert (lens.straighten(lens.bend(p)) - p).abs().max() < 1e-12
    assert lens.reaches(lens.bend(p)).all()


def test_few_steps_of_newtons_method_are_enough(monkeypatch):
    """Quadratic convergence from afar: so the Jacobian is exact."""
    monkeypatch.setattr("pinnscene.rays.lens.STEPS", 5)
    lens = RadialLens((-0.1,), (), (0.01, -0.015))
    assert (lens.straighten(lens.bend(plane())) - plane()).abs().max() < 1e-12


@each
def test_nothing_to_straighten(lens):
    assert lens.straighten(torch.empty(0, 2, dtype=torch.float64)).shape == (0, 2)


def test_wide_fisheye_round_trip():
    """Rays up to 85 degrees off the view: far out on the plane, so that the error is relative."""
    p = plane(reach=8)
    lens = BENT["fisheye"]
    assert ((lens.straighten(lens.bend(p)) - p).norm(dim=1) / (1 + p.norm(dim=1) ** 2)).max() < 1e-12


def test_limit_is_where_the_radius_stops_to_grow():
    """d/dr (r + k r^3) = 0 at r^2 = -1 / (3 k); beyond it rays are not shown."""
    lens = RadialLens((-0.3,))
    assert lens.limit == pytest.approx(1 / sqrt(0.9), abs=1e-12)
    r = torch.tensor([[lens.limit * 0.999, 0.0], [lens.limit * 1.001, 0.0]], dtype=torch.float64)
    assert torch.isfinite(lens.bend(r)).all(1).tolist() == [True, False]
    assert FisheyeLens((-0.3,)).limit == pytest.approx(1 / sqrt(0.9), abs=1e-12)  # an angle, by the same formula
    assert RadialLens((0.2,)).limit == np.inf
    assert RadialLens((), (-0.25,)).limit == pytest.approx(2)  # a pole


@pytest.mark.parametrize("lens", [RadialLens((-0.3,)), RadialLens((-0.3,), (), (0.01, 0.01)), FisheyeLens((-0.3,))])
def test_places_beyond_the_fold_get_finite_rays_and_are_known(lens):
    seen = torch.tensor([[0.3, 0.2], [0.9, 0.9], [5.0, -3.0]], dtype=torch.float64)
    assert lens.reaches(seen).tolist() == [True, False, False]
    assert torch.isfinite(lens.straighten(seen)).all()
