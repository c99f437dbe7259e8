"""Rays and small float64 fields of light to try them on."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pinnscene.backbones.mlp import Mlp
from pinnscene.encodings.identity import Identity
from pinnscene.radiance import RadianceField
from pinnscene.rays import RayBatch

Law = Callable[[Tensor], Tensor]


class Painted(nn.Module):
    """One colour everywhere, but for a shade of grey that the first feature gives."""

    def forward(self, features: Tensor, d: Tensor) -> Tensor:
        return torch.tensor([0.2, 0.4, 0.6], dtype=d.dtype) + 0 * d + 0.3 * torch.sin(features[:, :1])


class Known(RadianceField):
    """A field whose density [n] per half side at points [n, 3] of [-1, 1]^3 is given."""

    law: Law

    def emit(self, y, spread=None):
        return self.law(y), y

    def height(self, y):
        return self.law(y)


def beams(origins, directions, near=0.0, far=10.0, jitter=0.5, background=0.0, **more) -> RayBatch:
    """Float64 rays [n, 3] from lists; numbers are the same for every ray."""
    o, d = (torch.as_tensor(v, dtype=torch.float64) for v in (origins, directions))
    d = d / d.norm(dim=1, keepdim=True)
    column = lambda v: torch.as_tensor(v, dtype=torch.float64).expand(len(d), 1).clone()
    behind = torch.as_tensor(background, dtype=torch.float64).expand(len(d), 3).clone()
    return RayBatch(o.expand_as(d), d, column(near), column(far), column(jitter), column(0.002), behind, **more)


def known(law: Law, lower=(-1.0, -1.0, -1.0), upper=(1.0, 1.0, 1.0), **knobs) -> Known:
    """A field of a given density that paints everything in one colour."""
    values = ("density", "r", "g", "b")
    made = Known(("x", "y", "z"), values, lower, upper, Identity(3), Mlp(3, width=4, depth=1), latent=3, **knobs)
    made.colours, made.law = Painted(), law
    return made.double()


@pytest.fixture(name="beams")
def beams_fixture():
    return beams


@pytest.fixture(name="known")
def known_fixture():
    return known


@pytest.fixture
def around():
    """Rays from a sphere of radius 4 towards the inside of the unit ball."""

    def made(count: int, seed: int = 0, **more) -> RayBatch:
        g = torch.Generator().manual_seed(seed)
        start = torch.randn(count, 3, generator=g, dtype=torch.float64)
        start = 4 * start / start.norm(dim=1, keepdim=True)
        aim = 0.6 * torch.randn(count, 3, generator=g, dtype=torch.float64)
        jitter = torch.rand(count, 1, generator=g, dtype=torch.float64)
        return beams(start, aim - start, jitter=jitter, **more)

    return made
