"""What every registered problem gets for free: the same suite, run on small instances of each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pinnscene.backbones import backbones
from pinnscene.batch import Points
from pinnscene.config import Config
from pinnscene.constraint import Constraint
from pinnscene.encodings import encodings
from pinnscene.field import Field
from pinnscene.fieldspec import PRESETS
from pinnscene.kinds import kinds
from pinnscene.knobs import knobs_of
from pinnscene.measurements import Measurements
from pinnscene.metrics import evaluate, rel_l2
from pinnscene.objective import Objective
from pinnscene.options import build_problem, describe_options, find_problem, plain_options
from pinnscene.problem import Problem, problems
from pinnscene.radiance import RadianceField
from pinnscene.render.request import RenderRequest
from pinnscene.report import problem_name
from pinnscene.run import Run
from pinnscene.samplers import Fixed
from pinnscene.seeds import generator
from pinnscene.solve import Settings, begin, configure, load_state, reopen, run_config
from pinnscene.trainer import join
from pinnscene.views import Differentiable, FunctionField

EVOLUTION = ("advection", "wave", "burgers", "allen-cahn", "korteweg-de-vries", "kuramoto-sivashinsky", "schroedinger")
# Options that make a problem small; a problem that is not named here runs as it is.
SMALL = {
    "heat": {"n": "200"},
    "heat-long-time": {"n": "100", "end": "1", "windows": "2"},
    "poisson": {"n": "100"},
    "laplace": {"n": "100"},
    "helmholtz": {"n": "100"},
    "gray-scott": {"n": "100", "end": "2", "windows": "2"},
    "cavity": {"n": "100", "nu": "0.1"},
    "navier-stokes": {"n": "100", "nu": "0.01"},
    "diffusivity": {"n": "100", "rows": "100", "splines": "5", "end": "4"},
    **{name: {"n": "150", "windows": "1"} for name in EVOLUTION},
    **{name: {"n": "100"} for name in ("poisson-region", "heat-ball", "laplace-holes", "poisson-boltzmann", "l-shape")},
    "heat-region": {"n": "100", "windows": "1"},
    "poisson-interface": {"n": "100"},
    "elasticity": {"n": "100"},
    "image-fit": {"side": "24", "n": "128"},
    "eikonal-sdf": {"shape": "sphere", "pool": "2000", "n": "256", "slopes": "128"},
    "occupancy": {"shape": "sphere", "pool": "2000", "n": "256"},
    "nerf-ray": {"size": "16", "train": "4", "n": "64"},
    "shape-family": {"count": "5", "n": "256", "shapes": "4", "points": "64", "code": "4"},
}
# More instances of a problem, for what its default does not reach.
VARIANTS = [
    ("heat", {"n": "150", "dims": "2", "walls": "neumann", "hard": "false"}),
    ("heat", {"n": "150", "walls": "periodic", "hard": "false"}),
    ("heat", {"n": "150", "dims": "3", "windows": "1"}),
    ("heat", {"n": "150", "start": "modes", "walls": "x0=neumann,x1=dirichlet"}),
    ("heat", {"n": "150", "dims": "2", "alpha": "0.1013", "ratios": "[4e-6,1]", "mode": "[20,1]"}),
    ("heat", {"n": "150", "dims": "4", "exact": "sines", "alpha": "0.25"}),
    ("heat", {"n": "150", "dims": "5", "start": "bump", "windows": "1"}),
    ("heat-long-time", {"n": "100", "end": "1", "windows": "1", "hard": "true"}),
    ("heat", {"n": "150", "alpha": "unknown", "data": "rows.csv"}),
    ("burgers", {"n": "150", "nu": "unknown:0.1", "data": "rows.csv"}),
    ("heat", {"n": "150", "alpha": "0.1..1"}),
    ("wave", {"n": "150", "c": "1..2"}),
    ("poisson", {"n": "100", "dims": "1", "walls": "neumann"}),
    ("poisson", {"n": "100", "dims": "3", "walls": "x=periodic,y0=robin:2:0", "exact": "sines"}),
    ("poisson", {"n": "100", "exact": "none", "source": "1", "hard": "true"}),
    ("laplace", {"n": "100", "exact": "none", "walls": "x0=dirichlet:1,y=neumann"}),
    ("poisson-region", {"n": "100", "domain": "annulus", "walls": "inner=neumann,outer=robin:2:0"}),
    ("poisson-region", {"n": "100", "domain": "cylinder", "exact": "harmonic", "walls": "neumann"}),
    ("navier-stokes", {"n": "100", "domain": "square", "exact": "kovasznay", "nu": "0.1", "walls": "wall"}),
    ("navier-stokes", {"n": "100", "exact": "poiseuille", "walls": "wall,x1=outflow,y0=slip"}),
    ("poisson-interface", {"n": "100", "exact": "none", "source": "1", "jump": "0.1", "walls": "neumann,x0=dirichlet"}),
    ("poisson-interface", {"n": "100", "domain": "ball", "inner": "ball(0,0,0,0.5)", "exact": "jumps"}),
    ("elasticity", {"n": "100", "walls": "traction", "exact": "kirsch", "plane": "stress"}),
    ("elasticity", {"n": "100", "domain": "cylinder", "walls": "z0=clamped:0:free:0,z1=roller", "nu": "0.45"}),
    ("elasticity", {"n": "100", "exact": "none", "walls": "x0=traction:-1:0,x1=traction:1:0"}),
    ("helmholtz", {"n": "100", "a": "2", "b": "3", "hard": "true"}),
    ("gray-scott", {"n": "100", "end": "2", "windows": "1", "hard": "true"}),
    ("advection", {"n": "150", "windows": "2", "hard": "false"}),
    ("wave", {"n": "150", "hard": "false", "walls": "x0=neumann,x1=dirichlet"}),
    ("wave", {"n": "150", "walls": "periodic"}),
    ("burgers", {"n": "150", "windows": "2", "hard": "false", "nu": "0.1"}),
    ("image-fit", {"side": "24", "n": "128", "heldout": "0.5", "image": "checkerboard"}),
    ("eikonal-sdf", {**SMALL["eikonal-sdf"], "shape": "capsule", "learn": "points"}),
    ("eikonal-sdf", {**SMALL["eikonal-sdf"], "shape": "box", "truncate": "0.1"}),
    ("eikonal-sdf", {"pool": "2000", "n": "256", "slopes": "128", "data": "oriented.xyz"}),
    ("eikonal-sdf", {"pool": "2000", "n": "256", "slopes": "128", "data": "bare.xyz"}),
    ("occupancy", {**SMALL["occupancy"], "shape": "torus", "margin": "0.3"}),
    ("occupancy", {"pool": "2000", "n": "256", "data": "oriented.xyz"}),
    ("nerf-ray", {**SMALL["nerf-ray"], "scene": "landscape"}),
    ("nerf-ray", {**SMALL["nerf-ray"], "distortion": "0.1", "entropy": "0.1", "backdrop": "black"}),
]
INSTANCES = [(name, SMALL.get(name, {})) for name in problems] + VARIANTS
SIZES = {"nerf-ray": (80, 64)}  # of a picture, where a new field is a fog and every pixel a way through it
# Knobs that make a field small, as far as it has them.
TINY = {"width": 16, "depth": 2, "levels": 2, "coarsest": 3, "finest": 5, "cells": 8, "samples": 24}


@pytest.fixture(scope="session")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files by name: a ball's points with normals, and without; measured rows."""
    folder = tmp_path_factory.mktemp("clouds")
    normals = np.random.default_rng(0).normal(size=(400, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    np.savetxt(folder / "oriented.xyz", np.concatenate([2 * normals, normals], 1))
    np.savetxt(folder / "bare.xyz", 2 * normals)
    x, t = np.random.default_rng(1).uniform(0, 1, (2, 50))
    rows = np.stack([x, t, np.exp(-t) * np.sin(np.pi * x)], 1)
    np.savetxt(folder / "rows.csv", rows, delimiter=",", header="x,t,u", comments="")
    return {path.name: str(path) for path in folder.iterdir()}


@pytest.fixture(params=INSTANCES, ids=lambda i: f"{i[0]}-{'-'.join(f'{k}={v}' for k, v in i[1].items())}")
def problem(
    request: pytest.FixtureRequest, clouds: dict[str, str], quick_shapes: None, quick_references: None
) -> Problem:
    name, options = request.param
    return build_problem(find_problem(name), {k: clouds.get(v, v) for k, v in options.items()})


def tiny(problem: Problem) -> dict[str, dict[str, int]]:
    """Settings of a small field for Adam."""
    known = problem.field("adam").resolve()
    knobs = knobs_of(encodings[str(known.encoding)]) | knobs_of(backbones[PRESETS[known.backbone][1]])
    knobs |= knobs_of(kinds[known.kind])
    return {"field": {name: value for name, value in TINY.items() if name in knobs}}


def tiny_field(problem: Problem) -> Field:
    return configure(problem, Settings(solver="adam", knobs=tiny(problem))).field.build(problem)


def at_some_code(problem: Problem, u: Any) -> Differentiable:
    """The field itself, or one of those that it stands for."""
    if isinstance(u, RadianceField):
        return u.bind(direction=torch.tensor([0.6, 0.0, 0.8]))
    given = problem.condition()
    return u if given is None else u.bind(torch.linspace(-1, 1, given.build().size, dtype=u.dtype))


def blocks(problem: Problem, u: Differentiable, dtype: torch.dtype = torch.float64) -> list:
    objective = Objective(problem.constraints(), 0, torch.device("cpu"), dtype)
    return objective.blocks(u, objective.batches(0))


def test_describes_itself(problem: Problem) -> None:
    assert (type(problem).__doc__ or "").strip()
    assert problem.values and problem.domain.axes
    for option in describe_options(type(problem.core())):
        assert option.comment, f"option {option.name} has no comment on its meaning and unit"


def test_residuals_are_columns_of_finite_numbers(problem: Problem) -> None:
    for block in blocks(problem, tiny_field(problem)):
        assert block.residual.ndim == 2
        assert block.residual.isfinite().all()
        assert block.weight > 0


def test_gradients_are_finite_and_reach_every_weight(problem: Problem) -> None:
    u = tiny_field(problem)
    torch.stack([b.penalty.value(b.residual).mean() for b in blocks(problem, u)]).sum().backward()
    for name, p in u.named_parameters():
        # the output bias alone may not matter, where only derivatives of a network without factor are constrained
        assert p.grad is not None or name == "head.bias"
        assert p.grad is None or p.grad.isfinite().all()


def test_same_seed_same_batch_and_another_step_another_batch(problem: Problem) -> None:
    for name, constraint in problem.constraints().items():
        first = constraint.draw(name, generator(7, name, 3))
        again = constraint.draw(name, generator(7, name, 3))
        other = constraint.draw(name, generator(7, name, 4))
        pairs = zip(first.tensors().values(), again.tensors().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
        one = all(bool((t == t[:1]).all()) for t in first.tensors().values())
        # a condition at one point, such as the end of a line, has no other place to go, and means over a body have
        # always the same; measured rows are all taken
        assert (
            one
            or isinstance(constraint.sampler, Measurements | Fixed)
            or any(
                not torch.equal(a, b) for a, b in zip(first.tensors().values(), other.tensors().values(), strict=True)
            )
        )


def test_exact_solution_makes_every_residual_vanish(problem: Problem) -> None:
    info = problem.reference_info()
    if info is None or info.kind != "exact":
        assert info is None or info.kind in ("converged", "held-out", "fitted")
        return

    def closed_form(p: Points) -> torch.Tensor:
        value = problem.reference(p)
        assert value is not None
        return value

    exact = FunctionField(closed_form, problem.domain.axes, problem.values, problem.params())
    for block in blocks(problem, exact):
        # derivatives of a closed form in float64 lose a few digits against residuals of order 100
        assert float(block.residual.detach().abs().max()) < 1e-9, block.name


def test_engines_agree(problem: Problem) -> None:
    u = tiny_field(problem)
    u.engine = "jets"
    with_jets = blocks(problem, u)
    u.engine = "nested"
    for a, b in zip(with_jets, blocks(problem, u), strict=True):
        size = float(b.residual.detach().abs().max()) + 1
        assert float((a.residual - b.residual).detach().abs().max()) < 1e-10 * size


def test_constraints_are_constraints(problem: Problem) -> None:
    found = problem.constraints()
    assert found and all(isinstance(c, Constraint) for c in found.values())


def test_options_round_trip_through_the_configuration(problem: Problem) -> None:
    config = configure(problem, Settings(seed=5, max_seconds=9.5, tol=1e-3))
    again = Config.loads(config.dumps())
    assert again == config
    assert build_problem(type(problem.core()), again.options) == problem
    assert plain_options(build_problem(type(problem.core()), again.options)) == plain_options(problem)


def test_saved_run_gives_the_same_values_bit_for_bit(problem: Problem, tmp_path: Path) -> None:
    settings = Settings(solver="adam", steps=2, knobs=tiny(problem))
    run = begin(problem, config := configure(problem, settings), tmp_path / "run")
    solution = run_config(problem, config, run=run)
    p = problem.domain.grid(1000)
    before = evaluate(at_some_code(problem, solution.field), p)
    (tmp_path / "run").rename(tmp_path / "moved")
    moved = Run.open(tmp_path / "moved")
    made, known = reopen(moved)
    field = join(made, load_state(moved, made, known).fields)
    assert torch.equal(evaluate(at_some_code(made, field), p), before)


def test_render_gives_the_size_asked_for(problem: Problem, tmp_path: Path) -> None:
    from PIL import Image

    out = tmp_path / "view.png"
    size = SIZES.get(problem_name(problem), (400, 320))
    written = problem.render(tiny_field(problem), RenderRequest(out, size))
    assert written == [out]
    with Image.open(out) as picture:
        assert picture.size == size


def test_metrics_and_figures(problem: Problem, tmp_path: Path) -> None:
    u = tiny_field(problem)
    metrics = problem.metrics(u)
    assert list(metrics) == problem.metric_names()
    assert json.dumps(metrics)
    pictures = problem.figures(u, tmp_path)
    assert pictures and all(path.stat().st_size > 100 for path in pictures)


def test_reference_agrees_with_itself_and_the_conventional_solver(problem: Problem) -> None:
    classical = problem.conventional()
    if classical is None:
        return
    p = problem.domain.interior(300)(generator(1, "conventional"))
    truth = problem.reference(p)
    assert truth is not None
    info = problem.reference_info()
    assert info is not None
    # the conventional solver integrates with a tolerance of 1e-8 a step; the error of a finer one is stated, which at
    # third order is an eighth of its own
    assert rel_l2(classical.at(p), truth) < max(1e-5, 16 * info.error)
