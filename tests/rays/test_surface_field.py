"""Fields of light around a surface: both laws on a plane, the first sphere, slopes, and the cells that rays skip."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.operators import gradient
from pinnscene.radiance import RadianceField
from pinnscene.radiance.surfacefield import SurfaceField
from pinnscene.radiance.surfacelaws import LAWS, Laplace, Law, Logistic
from pinnscene.rays import RayBatch
from pinnscene.rays.composite import composite
from pinnscene.rays.samples import stretches
from pinnscene.rays.volume import Weights, weigh
from pinnscene.seeds import generator

CUBE = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
SLAB = Box(x=(0, 4), y=(-1, 1), z=(2, 5))  # no cube, and not about the origin
KNOBS = {"width": 64, "depth": 1, "activation": "softplus", "beta": 100.0, "levels": 2, "coarsest": 4, "finest": 8}
VALUES = ("density", "r", "g", "b")
SLANTED = torch.tensor([[0.6, 0.0, -0.8]], dtype=torch.float64)  # falls through the plane z = 0


def build(toy: Any, box: Box = CUBE, backbone: str = "grid", **knobs: Any) -> SurfaceField:
    own = {"width": 96, "depth": 2} if backbone == "siren" else KNOBS
    spec = FieldSpec(
        backbone, knobs={**own, "latent": 3, "colour": 8, "layers": 1, "start": 0, "nodes": 32, **knobs}, kind="surface"
    )
    made = spec.build(toy(box, {}, VALUES), 3)
    assert isinstance(made, SurfaceField)
    return made


def uniform(box: Box, n: int = 500) -> Tensor:
    return box.interior(n)(generator(0, "test")).coords


def make_law(name: str, width: float) -> Law:
    law = LAWS[name]().double()
    law.reset(width)
    return law


@torch.no_grad()
def through_plane(law: Law, edges: Tensor) -> tuple[Tensor, Weights]:
    """Optical depths and weights of the stretches between ``edges`` [s + 1] of a slanted ray from height 0.8."""
    samples = stretches(edges[None])
    start = torch.tensor([[0.0, 0.0, 0.8]], dtype=torch.float64)
    x = start + samples.middle[:, None] * SLANTED
    tau = law.cross(lambda x: x[:, 2], x, SLANTED.expand_as(x), samples.length, 1.0)
    return tau, weigh(samples, tau)


def even_edges(count: int, far: float = 1.5) -> Tensor:
    return torch.linspace(0, far, count + 1, dtype=torch.float64)


def test_volsdf_crosses_a_plane_as_its_integral_says() -> None:
    law = make_law("volsdf", 0.1)

    def above(h: float) -> float:  # the integral of Psi(-u) / w from h to infinity
        rest = 0.5 * float(torch.tensor(-abs(h) / 0.1).exp())
        return rest if h >= 0 else rest - h / 0.1

    exact = (above(0.8 - 0.8 * 1.5) - above(0.8)) / 0.8  # divided by the cosine
    errors = [abs(float(through_plane(law, even_edges(n))[0].sum()) - exact) for n in (300, 600)]
    assert errors[1] < 1e-4
    assert errors[0] / errors[1] > 3.5  # the middle's rule: second order
    assert abs(float(through_plane(law, even_edges(4))[0].sum()) - exact) < 0.01  # stretches wider than the shell


def test_neus_lets_light_through_exactly_whatever_the_stretches() -> None:
    law = make_law("neus", 0.1)
    phi = lambda h: torch.sigmoid(torch.tensor(h / 0.1, dtype=torch.float64))
    edges = torch.tensor([0, 0.1, 0.15, 0.7, 1.2, 1.5], dtype=torch.float64)
    for some in (edges, even_edges(100)):
        assert float(through_plane(law, some)[1].through) == pytest.approx(float(phi(-0.4) / phi(0.8)), rel=1e-12)


@pytest.mark.parametrize("width", [0.02, 0.1])
def test_weights_of_neus_are_largest_on_the_surface_and_alike_on_both_sides(width: float) -> None:
    edges = even_edges(401, 2.0)  # the surface is at 1, in the middle of a stretch
    _, (weights, _) = through_plane(make_law("neus", width), edges)
    assert int(weights.argmax()) == 200
    torch.testing.assert_close(weights[:200], weights.flip(0)[:200], rtol=1e-9, atol=1e-15)


@torch.no_grad()
def test_neus_sees_nothing_where_a_ray_leaves_a_surface() -> None:
    law, x = make_law("neus", 0.1), torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None] * torch.ones(1, 3)
    up = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64).expand_as(x)
    tau = law.cross(lambda x: x[:, 2], x, up, torch.full((9,), 0.2, dtype=torch.float64), 1.0)
    assert float(tau.abs().max()) == 0


@pytest.mark.parametrize("name", ["volsdf", "neus"])
@pytest.mark.parametrize("sharpness", [1.0, 100.0, 1e4])
def test_gradients_stay_finite_however_sharp_a_surface_is(name: str, sharpness: float) -> None:
    law = make_law(name, 1 / sharpness).float()
    places = torch.cat([torch.linspace(1, -1, 300), torch.tensor([0.0, 1e-6, -1e-6, 1e-3, -1e-3])])
    x = (places[:, None] * torch.ones(1, 3)).requires_grad_()
    down = torch.tensor([[0.0, 0.0, -1.0]]).expand_as(x)
    tau = law.cross(lambda x: x[:, 2], x, down, torch.full((305,), 2 / 300), 1.0)
    samples = stretches(torch.arange(306.0)[None])
    weigh(samples, tau).weights.square().sum().backward()
    assert x.grad is not None and law.exponent.grad is not None
    assert bool(torch.isfinite(x.grad).all()) and bool(torch.isfinite(law.exponent.grad))


@pytest.mark.parametrize("law", [Laplace, Logistic])
@torch.no_grad()
def test_density_is_half_its_most_on_the_surface(law: type[Law]) -> None:
    made = law().double()
    inside, on, outside = made.density(torch.tensor([-9.0, 0.0, 9.0], dtype=torch.float64)) * made.width
    assert (float(inside), float(on), float(outside)) == pytest.approx((1, 0.5, 0), abs=1e-9)


@pytest.mark.parametrize("box", [CUBE, SLAB])
@pytest.mark.parametrize("backbone", ["grid", "hash"])
@torch.no_grad()
def test_a_new_surface_is_a_sphere(toy: Any, box: Box, backbone: str) -> None:
    u = build(toy, box, backbone, radius=0.5)
    x = uniform(box) - u.centre
    on = 0.5 * u.unit * x / x.norm(dim=1, keepdim=True)
    error = [u.distance()(y + u.centre) - (y.norm(dim=1, keepdim=True) - 0.5 * u.unit) for y in (x, on)]
    assert float(error[0].abs().mean()) < 0.05 * u.unit
    assert float(error[1].abs().max()) < 0.05 * u.unit
    assert float(u.distance()(u.centre[None])) < -0.2 * u.unit


def test_slopes_of_the_distance_are_those_of_autograd(toy: Any) -> None:
    u, x = build(toy, SLAB), uniform(SLAB, 40)
    for table in (level.table for level in u.shape.splines.levels):
        table.data.add_(0.1 * torch.randn(table.shape, generator=torch.Generator().manual_seed(0)))
    asked = x.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(u.distance()(asked).sum(), asked)
    torch.testing.assert_close(gradient(u.distance(), x), wanted)


@pytest.mark.parametrize("law", ["volsdf", "neus"])
@torch.no_grad()
def test_rays_see_the_sphere_where_it_is_and_its_normals_point_outwards(toy: Any, law: str) -> None:
    u = build(toy, law=law, radius=0.5, sampling="even", samples=400)
    u.law.reset(0.007)
    aside = torch.tensor([0.0, 0.2, -0.3, 0.45], dtype=torch.float64)[:, None]
    origins = torch.cat([aside, 0 * aside, 0 * aside + 3], 1)
    seen = composite(u, rays_down(origins), normals=True)
    up = (0.25 - aside.square()).sqrt()
    torch.testing.assert_close(seen.depth, 3 - up, atol=0.05, rtol=0)
    torch.testing.assert_close(seen.opacity, torch.ones_like(up), atol=0.02, rtol=0)
    assert seen.normal is not None
    wanted = torch.cat([aside, 0 * aside, up], 1) / 0.5
    assert float((seen.normal * wanted).sum(1).min()) > 0.9


def rays_down(origins: Tensor) -> RayBatch:
    column = torch.ones_like(origins[:, :1])
    down = torch.tensor([[0.0, 0.0, -1.0]], dtype=torch.float64).expand_as(origins)
    return RayBatch(origins, down, 0 * column, 6 * column, 0.5 * column, 0 * column, 0 * origins)


@pytest.mark.parametrize("law", ["volsdf", "neus"])
@torch.no_grad()
def test_skipping_cells_far_from_the_surface_changes_little(toy: Any, law: str) -> None:
    u = build(toy, law=law, radius=0.5, cells=32)
    u.law.reset(0.02)
    rays = rays_down(torch.cat([uniform(CUBE, 200)[:, :2], torch.full((200, 1), 3.0, dtype=torch.float64)], 1))
    everywhere = composite(u, rays)
    for _ in range(16):
        u.refresh(0.0)
    skipped = composite(u, rays)
    assert u.occupancy is not None and float(u.occupancy.occupied.double().mean()) < 0.5
    assert len(skipped.samples) < 0.7 * len(everywhere.samples)
    assert float((skipped.opacity - everywhere.opacity).abs().max()) < 0.01


class Glowing(SurfaceField):
    """A field whose density is that of an opaque ball, or of nothing, until its distance is formed."""

    size = 0.5

    def outputs(self, y: Tensor, spread: Tensor | None = None) -> tuple[Tensor, Tensor]:
        raw, features = super().outputs(y, spread)
        inside = (y * self.extent / self.unit).norm(dim=1) < self.size
        return torch.where(inside, 8.0, -20.0).to(raw), features


def glowing(toy: Any, box: Box, size: float, law: str = "neus") -> Glowing:
    u = build(toy, box, law=law, start=0.5, samples=400, cells=32, nodes=48)
    u.__class__, u.size = Glowing, size
    return u


@pytest.mark.parametrize("law", ["volsdf", "neus"])
@pytest.mark.parametrize("box", [CUBE, SLAB])
@torch.no_grad()
def test_a_surface_forms_where_a_density_is_solid(toy: Any, box: Box, law: str) -> None:
    u = glowing(toy, box, 0.5, law)
    u.refresh(0.49)
    assert not u.formed and u.distance() is None
    origins = u.centre + torch.tensor([[0.0, 0, 3], [0.2, 0.1, 3], [0.9, 0.9, 3]], dtype=torch.float64) * u.unit
    rays = rays_down(origins)
    before = composite(u, rays)
    u.refresh(0.5)
    distance, x = u.distance(), uniform(box)
    assert u.formed and distance is not None and u.occupancy is not None
    away = (x - u.centre).norm(dim=1, keepdim=True)
    error = (distance(x) - (away - 0.5 * u.unit)).abs()[away > 0.2 * u.unit]
    assert float(error.mean()) < 0.01 * u.unit and float(error.max()) < 0.05 * u.unit
    assert float((gradient(distance, x).norm(dim=1) - 1).abs().mean()) < 0.05
    after = composite(u, rays)
    torch.testing.assert_close(after.opacity, before.opacity, atol=0.02, rtol=0)
    torch.testing.assert_close(after.depth[:2], before.depth[:2], atol=0.05 * u.unit, rtol=0)
    assert float(u.occupancy.occupied.double().mean()) < 0.4


@torch.no_grad()
def test_where_nothing_is_solid_a_surface_starts_from_its_sphere(toy: Any) -> None:
    u = glowing(toy, CUBE, 0.0)
    u.form()
    distance = u.distance()
    assert distance is not None
    x = uniform(CUBE)
    assert float((distance(x) - (x.norm(dim=1, keepdim=True) - 0.6)).abs().mean()) < 0.01


def test_a_formed_surface_is_saved_as_one(toy: Any) -> None:
    formed, other = glowing(toy, CUBE, 0.5), glowing(toy, CUBE, 0.0)
    formed.form()
    other.load_state_dict(formed.state_dict())
    x = uniform(CUBE)
    assert other.formed
    torch.testing.assert_close(other.distance()(x), formed.distance()(x))


@torch.no_grad()
def test_a_surface_has_a_distance_and_a_density_has_none(toy: Any) -> None:
    distance = build(toy, radius=0.5).distance()
    plain = FieldSpec("grid", knobs={**KNOBS, "shift": 5.0}, kind="radiance").build(toy(CUBE, {}, VALUES))
    middle, corner = torch.zeros(1, 3, dtype=torch.float64), torch.ones(1, 3, dtype=torch.float64)
    assert float(distance(middle)) < 0 < float(distance(corner))
    assert isinstance(plain, RadianceField) and plain.distance() is None


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"unbounded": True}, "transparent"),
        ({"sampling": "hierarchical"}, "coarse"),
        ({"law": "nues"}, "law"),
        ({"radius": 0.0}, "radius"),
        ({"start": 1.0}, "start"),
        ({"nodes": 3}, "nodes"),
    ],
)
def test_what_no_surface_can_be_is_refused(toy: Any, knobs: dict[str, Any], said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        build(toy, **knobs)
