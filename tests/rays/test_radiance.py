"""Fields of light: what they are made of, and that each kind of them learns."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.objective import Objective
from pinnscene.problems.nerf_ray import NerfRay
from pinnscene.problems.rayfields import field_of
from pinnscene.rays import PosedCamera, occupancy
from pinnscene.rays.composite import composite
from pinnscene.render.camera import Camera
from pinnscene.scenes.views import Views
from pinnscene.solvers import solvers

SMALL: dict[str, Any] = {"width": 16, "depth": 2, "latent": 4, "colour": 8, "layers": 1}
SIDE = 10


def picture(camera: PosedCamera, sky: bool) -> np.ndarray:
    """A red ball of radius 0.6, lighter above; around it nothing, or a sky of blue above and green below."""
    beams = camera.rays(torch.arange(SIDE * SIDE))
    along = -(beams.origins * beams.directions).sum(1)
    missed = beams.origins.square().sum(1) - along.square()
    hit = (missed < 0.36).numpy()
    at = beams.origins + (along - (0.36 - missed).clamp(min=0).sqrt())[:, None] * beams.directions
    shade = (0.6 + 0.5 * at[:, 2]).clamp(0, 1).numpy()
    ball = np.stack([shade, 0.2 * shade, 0.2 * shade, np.ones_like(shade)], 1)
    up = beams.directions[:, 2:].numpy() > 0
    behind = np.where(up, [[0.3, 0.5, 1.0, 1.0]], [[0.3, 0.6, 0.2, 1.0]]) if sky else np.zeros((1, 4))
    seen = (np.where(hit[:, None], ball, behind) * 255).round().astype(np.uint8).reshape(SIDE, SIDE, 4)
    return seen[..., :3] if sky else seen


def ball_views(sky: bool = False) -> Views:
    angles = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    places = [(2.5 * np.cos(a), 2.5 * np.sin(a), 1.2 * np.sin(3 * a)) for a in angles]
    cameras = [PosedCamera.of(Camera(place, fov=45), (SIDE, SIDE)) for place in places]
    return Views(
        cameras,
        lambda k: picture(cameras[k], sky),
        tuple(range(1, 18)),
        (0,),
        -np.ones(3),
        np.ones(3),
        near=0.5 if sky else 1.0,
        far=60.0 if sky else 5.0,
        background=None if sky else (1.0, 1.0, 1.0),
        unbounded=sky,
    )


class Fitting:
    """A small field in training on pictures made on the spot."""

    def __init__(self, sky: bool = False, n: int = 128, lr: float = 5e-3, problem: Any = None, **spec: Any) -> None:
        made = NerfRay(n=n, distortion=0.0) if problem is None else problem
        made.__dict__["posed"] = ball_views(sky)
        self.problem = made
        encoding, backbone = spec.pop("encoding", None), spec.pop("backbone", "mlp")
        self.u = FieldSpec(backbone, encoding, knobs={**spec, "unbounded": sky}, kind="radiance").build(made).float()
        self.objective = Objective(made.constraints(), 0, torch.device("cpu"), torch.float32)
        self.stepper = solvers["adam"](lr=lr, warmup=5).start(self.u, self.objective, 1000, {})
        self.done = 0

    def train(self, steps: int) -> "Fitting":
        for k in range(self.done, self.done + steps):
            self.u.refresh(k / 1000)
            self.stepper.step(k)
        self.done += steps
        return self

    def psnr(self) -> float:
        return self.problem.metrics(self.u)["psnr"]


KINDS: dict[str, dict[str, Any]] = {
    "classic": {"encoding": "positional", "frequencies": 4, "sampling": "hierarchical", "samples": 12, "fine": 12},
    "simplified": {"encoding": "positional", "frequencies": 4, "sampling": "even", "samples": 24, "seen": "none"},
    "fourier": {"backbone": "fourier", "features": 32, "sigma": 0.5, "sampling": "even", "samples": 24},
    "siren": {"backbone": "siren", "first": 6.0, "sampling": "even", "samples": 24},
    "grid": {"encoding": "grid", "levels": 2, "coarsest": 4, "finest": 12, "samples": 32, "cells": 16},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_field_learns_a_ball(kind):
    """To views that it was not trained on; one colour all over has 9 dB at best."""
    fitting = Fitting(n=64, **{**SMALL, **KINDS[kind]})
    assert fitting.train(60).psnr() > 12.5


def test_an_unbounded_scene_empties_while_it_is_learnt(monkeypatch):
    monkeypatch.setattr(occupancy, "EVERY", 4)
    monkeypatch.setattr(occupancy, "FIRST", 8)
    knobs = {**SMALL, "levels": 3, "coarsest": 4, "finest": 24, "samples": 32, "cells": 12, "shift": -3.0}
    fitting = Fitting(sky=True, n=96, encoding="grid", **knobs)
    grid = fitting.u.occupancy
    begun = float(grid.occupied.float().mean())
    assert 0.5 < begun < 0.8  # the ball that space is contracted to
    first = fitting.train(40).psnr()
    assert fitting.train(110).psnr() > max(first + 2, 13.5)
    assert float(grid.occupied.float().mean()) < 0.85 * begun


def test_known_depths_make_better_depths():
    def error(weight: float) -> float:
        made = NerfRay(n=128)
        object.__setattr__(made, "depth", weight)
        fitting = Fitting(problem=made, **{**SMALL, **KINDS["grid"]})
        sampler = fitting.objective.constraints["rays"].sampler
        told = lambda generator: _with_depth(sampler(generator))
        rays = replace(fitting.objective.constraints["rays"], sampler=told)
        fitting.objective.constraints = {"rays": rays}
        fitting.train(60)
        truth = told(torch.Generator().manual_seed(9)).to("cpu", torch.float32)
        with torch.no_grad():
            seen = composite(fitting.u, truth)
        assert truth.depth is not None
        hit = truth.depth.isfinite()
        return float((seen.depth - truth.depth)[hit].abs().mean())

    assert error(0.3) < 0.7 * error(0.0)


def _with_depth(rays):
    along = -(rays.origins * rays.directions).sum(1, keepdim=True)
    squared = 0.36 - (rays.origins.square().sum(1, keepdim=True) - along.square())
    return replace(rays, depth=torch.where(squared > 0, along - squared.clamp(min=0).sqrt(), torch.nan))


def field(**knobs: Any):
    return FieldSpec("mlp", "none", knobs={**SMALL, **knobs}, kind="radiance").build(NerfRay())


def test_a_field_is_bound_to_a_direction():
    u = field()
    x = torch.rand(6, 3, dtype=torch.float64) - 0.5
    d = torch.tensor([0.0, 3.0, 4.0])
    seen = u.bind(direction=d)(x)
    assert seen.shape == (6, 4)
    torch.testing.assert_close(seen[:, :1], u.density(x))
    assert bool((seen[:, 1:] > 0).all()) and bool((seen[:, 1:] < 1).all())
    torch.testing.assert_close(u.bind(direction=d.expand(6, 3))(x), seen)
    assert not torch.equal(u.bind(direction=-d)(x)[:, 1:], seen[:, 1:])
    torch.testing.assert_close(field(seen="none").bind(direction=-d)(x), field(seen="none").bind(direction=d)(x))
    for wrong in (lambda: u(x), u.bind, lambda: u.bind(direction=torch.ones(2))):
        with pytest.raises(PinnsceneError, match="direction"):
            wrong()


def test_the_density_is_bounded_and_counted_in_the_scenes_units():
    u = field(shift=100.0)
    density = u.density(torch.zeros(1, 3, dtype=torch.float64)).detach()
    assert float(density) == pytest.approx(np.exp(15) / u.unit)


def test_points_of_all_space_have_a_place():
    u = field(unbounded=True)
    assert float(u.place(1e9 * torch.randn(100, 3, dtype=torch.float64)).norm(dim=1).max()) <= 1
    inside = u.centre + 0.5 * u.extent
    torch.testing.assert_close(u.place(inside), torch.full((3,), 0.25, dtype=torch.float64))


@pytest.mark.parametrize("sampling", ["occupancy", "even"])
def test_strides_without_end_reach_from_near_to_far(sampling, around):
    u = field(unbounded=True, sampling=sampling, samples=64)
    rays = around(20, near=0.5, far=300.0)
    samples = u.march(rays)
    torch.testing.assert_close(samples.total(samples.length[:, None]), rays.far - rays.near)
    y = (rays.origins[samples.ray] + samples.middle[:, None] * rays.directions[samples.ray] - u.centre) / u.extent
    relative = samples.length / u.unit / y.norm(dim=1).clamp(min=1)
    assert float(relative.max()) < 4 * float(relative.median())


def test_the_same_seed_gives_the_same_field():
    one, two = field(sampling="hierarchical"), field(sampling="hierarchical")
    for p, q in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(p, q)
    assert one.coarse is not None
    assert not torch.equal(one.head.weight, one.coarse.head.weight)


@pytest.mark.parametrize(
    "knobs, message",
    [({"sampling": "evn"}, "even"), ({"latent": 0}, "latent"), ({"cells": 2}, "cells"), ({"seen": "all"}, "harmonics")],
)
def test_knobs_that_are_wrong(knobs, message):
    with pytest.raises(PinnsceneError, match=message):
        field(**knobs)


def test_the_simplified_network_is_one_and_sees_no_direction():
    spec = field_of("mlp", 64, False)
    assert spec is not None
    u = spec.override(None, {"seen": "none", "sampling": "even", "width": 8}).build(NerfRay())
    assert u.coarse is None and u.occupancy is None and u.colours.directions.outputs == 0


def test_what_is_too_thin_nearby_may_be_seen_far_away(known, monkeypatch):
    """Where stretches are longer: fog of which a hundredth of a stretch nearby is worth no look."""
    monkeypatch.setattr(occupancy, "EVERY", 1)
    u = known(lambda y: 0 * y[:, 0] + 0.1, samples=64, cells=16, unbounded=True)  # 0.0054 a step
    for _ in range(20):
        u.refresh(0.0)
    grid = u.occupancy
    radius = 2 * grid.centres(torch.arange(16**3)).norm(dim=1)
    assert not bool(grid.occupied[radius < 1].any())
    assert bool(grid.occupied[(radius > 1.8) & (radius < 1.9)].all())
