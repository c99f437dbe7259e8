"""Encodings of directions: spherical harmonics against SciPy's and by quadrature."""

import numpy as np
import pytest
import torch
from scipy.special import sph_harm_y

from pinnscene.errors import PinnsceneError
from pinnscene.radiance.directions import Harmonics, directions


def sphere(polar: int = 24, around: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors and weights that integrate polynomials up to degree 47 exactly."""
    z, weight = np.polynomial.legendre.leggauss(polar)
    angle = 2 * np.pi * np.arange(around) / around
    r = np.sqrt(1 - z**2)[:, None]
    d = np.stack([r * np.cos(angle), r * np.sin(angle), np.broadcast_to(z[:, None], (polar, around))], 2).reshape(-1, 3)
    return torch.from_numpy(d), torch.from_numpy(np.repeat(weight, around) * 2 * np.pi / around)


@pytest.mark.parametrize("degree", [1, 4, 8])
def test_harmonics_are_orthonormal(degree):
    d, weight = sphere()
    values = Harmonics(degree)(d)
    assert values.shape[1] == degree**2 == Harmonics(degree).outputs
    gram = values.T @ (weight[:, None] * values)
    torch.testing.assert_close(gram, torch.eye(degree**2, dtype=torch.float64), rtol=0, atol=1e-12)


def test_harmonics_are_those_of_the_books():
    d, _ = sphere(5, 7)
    values = Harmonics(8)(d).numpy()
    polar, azimuth = np.arccos(d[:, 2].numpy()), np.arctan2(d[:, 1].numpy(), d[:, 0].numpy())
    k = 0
    for n in range(8):
        for m in range(-n, n + 1):
            complex_one = sph_harm_y(n, abs(m), polar, azimuth)
            expected = complex_one.real if m >= 0 else complex_one.imag
            np.testing.assert_allclose(values[:, k], expected * (2**0.5 if m else 1), atol=1e-12)
            k += 1


def test_other_encodings_of_directions():
    d = sphere(3, 4)[0]
    assert directions("none", 4)(d).shape == (12, 0)
    assert directions("positional", 4)(d).shape == (12, 27)
    with pytest.raises(PinnsceneError, match="harmonics"):
        directions("harmonic", 4)
    with pytest.raises(PinnsceneError, match="1 to 8"):
        Harmonics(9)
