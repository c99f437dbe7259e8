"""Surfaces from pictures: their options, that training finds a ball, and how a mesh is scored against the truth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from pinnscene.errors import PinnsceneError
from pinnscene.operators import gradient
from pinnscene.plan import make_plan
from pinnscene.problems.nerf_ray import NerfRay
from pinnscene.problems.raysurface import surface_terms
from pinnscene.problems.raysurfacescores import seen_points, surface_errors, surface_mesh
from pinnscene.radiance.surfacefield import SurfaceField
from pinnscene.scenes.rayscenes import find_scene
from pinnscene.seeds import generator
from pinnscene.solution import Log
from pinnscene.trainer import train

BALL = """
title = "ball"
[[objects]]
shape = "ball"
params = { radius = 0.5 }
position = [0.1, 0, 0]
colour = "#c1121f"
roughness = 0.9
"""
SMALL: dict[str, Any] = {"width": 32, "levels": 2, "coarsest": 8, "finest": 16, "samples": 64, "cells": 16}
SMALL |= {"colour": 16, "layers": 1, "nodes": 16}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ball") / "ball.toml"
    path.write_text(BALL)
    return str(path)


@pytest.fixture(scope="module")
def problem(scene: str) -> NerfRay:
    return NerfRay(scene=scene, size=16, train=8, n=192, geometry="neus")


def solve(problem: NerfRay, steps: int, **knobs: Any) -> tuple[SurfaceField, list[Log]]:
    spec, logs = problem.field("adam").override(None, SMALL | knobs), []
    plan = make_plan("adam", {"adam": {**problem.knobs()["adam"], "lr": 0.02, "steps": steps}})
    solution = train(problem, spec, plan, device="cpu", observers=[logs.append])
    assert isinstance(solution.field, SurfaceField)
    return solution.field, logs


def steepness(u: SurfaceField, problem: NerfRay) -> float:
    """The mean of ||grad d| - 1| in the box."""
    p = problem.domain.interior(1000)(generator(0, "test")).coords
    return float((gradient(u.distance(), p).norm(dim=1) - 1).detach().abs().mean())


@pytest.mark.parametrize("geometry", ["neus", "volsdf"])
def test_training_finds_the_ball(problem: NerfRay, scene: str, geometry: str) -> None:
    own = replace(problem, geometry=geometry)
    u, logs = solve(own, 100)
    assert bool(u.formed)
    assert logs[-1].losses["rays.colour"] < 0.5 * logs[0].losses["rays.colour"]
    assert logs[-1].losses["surface.outside"] < 1e-3
    mesh = surface_mesh(u, own.domain, 32)
    assert len(mesh.faces) > 100 and mesh.colours is not None and mesh.colours.shape == mesh.vertices.shape
    assert surface_errors(mesh, find_scene(scene), own.posed, own.posed.test)["chamfer_l1"] < 0.04


def test_slopes_are_held_near_one(problem: NerfRay) -> None:
    loose, held = (solve(replace(problem, eikonal=weight), 25, start=0.0)[0] for weight in (0.0, 1.0))
    assert steepness(held, problem) < 0.8 * steepness(loose, problem)


def test_the_constraint_is_met_by_a_distance_outside_what_is_known_to_be_empty(problem: NerfRay) -> None:
    u = problem.field("adam").override(None, SMALL | {"radius": 0.5, "start": 0.0}).build(problem)
    assert isinstance(u, SurfaceField) and u.occupancy is not None
    (term,) = surface_terms("neus", problem.domain, 800, 1.0).values()
    points = term.sampler(generator(0, "test"))
    eikonal, outside = (block.residual.detach() for block in term.blocks("surface", u, points))
    assert eikonal.shape == (400, 2) and float(eikonal.abs().mean()) < 0.15
    assert float(outside.abs().max()) == 0
    u.occupancy.restrict(torch.zeros(16, 16, 16, dtype=torch.bool))
    outside = term.blocks("surface", u, points)[1].residual.detach()
    inside = (u.distance()(points.coords) / u.unit).detach().clamp(max=0)
    torch.testing.assert_close(outside, -inside)
    assert float(outside.max()) > 0.1


def test_nothing_is_asked_of_a_distance_before_rays_see_it(problem: NerfRay) -> None:
    u = problem.field("adam").override(None, SMALL).build(problem)
    (term,) = surface_terms("neus", problem.domain, 80, 1.0).values()
    blocks = [block.residual for block in term.blocks("surface", u, term.sampler(generator(0, "test")))]
    assert [tuple(block.shape) for block in blocks] == [(40, 2), (40, 1)]
    assert max(float(block.detach().abs().max()) for block in blocks) == 0


def test_a_scene_without_a_surface_has_slopes_of_zero(problem: NerfRay) -> None:
    u = problem.field("adam").override(None, SMALL).build(problem)
    (term,) = surface_terms("neus", problem.domain, 80, 1.0).values()
    blocks = term.blocks("surface", u.lift(), term.sampler(generator(0, "test")))
    assert [float(block.residual.detach().abs().mean()) for block in blocks] == [1.0, 0.0]


def test_a_true_ball_scores_about_nothing_and_one_too_large_what_it_is_too_large_by(
    problem: NerfRay, scene: str
) -> None:
    from skimage.measure import marching_cubes

    from pinnscene.mesh import Mesh

    line = np.linspace(-1, 1, 41)
    x, y, z = np.meshgrid(line, line, line, indexing="ij")
    views, diagonal = problem.posed, float(np.linalg.norm(problem.posed.upper - problem.posed.lower))
    for more in (0.0, 0.05):
        vertices, faces, *_ = marching_cubes(np.sqrt(x**2 + y**2 + z**2) - 0.5 - more, 0.0, spacing=(0.05,) * 3)
        mesh = Mesh(vertices.astype(np.float64) - [0.9, 1, 1], faces.astype(np.int64))
        errors = surface_errors(mesh, find_scene(scene), views, views.test)
        for error in errors.values():
            assert error * diagonal == pytest.approx(more, abs=0.003)


def test_seen_points_lie_on_the_surface(problem: NerfRay, scene: str) -> None:
    points = seen_points(find_scene(scene), problem.posed.cameras[0])
    assert len(points) > 20
    np.testing.assert_allclose(np.linalg.norm(points - [0.1, 0, 0], axis=1), 0.5, atol=1e-6)


def test_densities_have_no_such_terms_and_other_networks_no_surface(problem: NerfRay) -> None:
    plain = replace(problem, geometry="density")
    assert set(plain.constraints()) == {"rays"}
    assert set(problem.constraints()) == {"rays", "surface"}
    assert plain.field("adam").kind == "radiance"
    with pytest.raises(PinnsceneError, match="grid"):
        problem.field("adam", "siren")
    with pytest.raises(PinnsceneError, match="eikonal"):
        replace(problem, eikonal=-1.0)
