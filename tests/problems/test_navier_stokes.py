"""Steady flows: closed forms, finite elements against a published benchmark, conditions, forces, holes, features."""

from math import pi

import pytest
import torch

from pinnscene import Box, FieldSpec, Problem, operator, partials
from pinnscene.batch import Points
from pinnscene.encodings import Inversion
from pinnscene.errors import PinnsceneError
from pinnscene.metrics import evaluate, rel_l2
from pinnscene.objective import Objective
from pinnscene.problems import planefem
from pinnscene.problems.flowforces import coefficients, forces, pressure_difference
from pinnscene.problems.flowsolutions import kovasznay, poiseuille
from pinnscene.problems.flowwalls import parse_flow
from pinnscene.problems.navierstokes import PUBLISHED, NavierStokes
from pinnscene.problems.obstacles import Around, obstacles
from pinnscene.problems.planeflow import PlaneFlow
from pinnscene.problems.regiontext import read_region
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

FLOW = ("u", "v", "p")
GRID = {"domain": "box(-0.5,1,-0.5,1.5)", "exact": "kovasznay", "nu": 0.025}  # Reynolds number 40
PIPE = "box(0,2,0,1)"


def residuals(problem: NavierStokes, u: FunctionField) -> dict[str, float]:
    objective = Objective(problem.constraints(), 0, torch.device("cpu"), torch.float64)
    return {b.name: float(b.residual.detach().abs().max()) for b in objective.blocks(u, objective.batches(0))}


@pytest.mark.parametrize("walls", ["wall", "wall,x1=outflow,y0=slip"])
def test_the_flow_behind_a_grid_is_found_with_any_conditions(walls: str) -> None:
    problem = NavierStokes(walls=walls, n=600, **GRID)
    u = problem.solve(knobs={"field": {"modes": "16,16"}}).field
    p = problem.domain.interior(400)(generator(0, "p"))
    truth = kovasznay(0.025)(p)
    for k in range(3):  # 16 polynomials an axis reach 3e-5
        assert rel_l2(evaluate(u, p)[:, k], truth[:, k]) < 1e-3
    x, y = (part.detach() for part in partials(u, p, "x", "y"))
    assert float((x[:, 0] + y[:, 1]).norm()) < 1e-3 * float(x[:, 0].norm())


def test_more_polynomials_find_more_digits() -> None:
    errors = [
        NavierStokes(n=500, **GRID).solve(knobs={"field": {"modes": f"{m},{m}"}}).metrics["rel_l2"] for m in (8, 11, 14)
    ]
    assert errors[1] < errors[0] / 5 and errors[2] < errors[1] / 5 and errors[2] < 1e-3


def test_it_is_found_around_a_hole_by_features_that_see_it() -> None:
    problem = NavierStokes(**GRID | {"domain": "box(-0.5,1,-0.5,1.5) - disc(0.2,0.5,0.2)", "n": 700})
    metrics = problem.solve(knobs={"field": {"width": 250, "turns": 4.0}, "head": {"scale": 12.0}}).metrics
    assert metrics["rel_l2"] < 1e-3 and list(metrics) == problem.metric_names()


def test_flow_between_walls_satisfies_every_condition_of_a_pipe() -> None:
    """The parabola flows in, sticks to the walls and leaves without stress: nothing is made from the solution."""
    problem = NavierStokes(domain=PIPE, nu=0.02, speed=0.7)
    exact = FunctionField(poiseuille(0.02, 0.7, 0, 1, 2), ("x", "y"), FLOW)
    assert max(residuals(problem, exact).values()) < 1e-13
    faster = FunctionField(poiseuille(0.02, 0.8, 0, 1, 2), ("x", "y"), FLOW)
    assert residuals(problem, faster)["wall_x0"] > 0.01
    other = FunctionField(poiseuille(0.03, 0.7, 0, 1, 2), ("x", "y"), FLOW)
    assert residuals(problem, other)["pde.momentum"] > 0.01


def test_finite_elements_hold_the_flow_between_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planefem, "HALVINGS", 0)
    problem = NavierStokes(domain=PIPE, nu=0.02, speed=0.7)
    solve, p = PlaneFlow(problem, 0, 6), problem.domain.interior(200)(generator(0, "p"))
    assert float((solve(p) - poiseuille(0.02, 0.7, 0, 1, 2)(p)).abs().max()) < 1e-9


def test_fluid_slips_along_walls_of_any_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream between two tilted walls that hold nothing stays as it is."""
    monkeypatch.setattr(planefem, "HALVINGS", 0)
    slope = "polygon(0,0,2,1,1.5,2,-0.5,1)"
    problem = NavierStokes(domain=slope, walls="slip,edge3=velocity:0.4:0.2,edge1=outflow", nu=0.1)
    p = problem.domain.interior(200)(generator(0, "p"))
    stream = torch.tensor([[0.4, 0.2, 0.0]], dtype=torch.float64)
    assert float((PlaneFlow(problem, 0, 8)(p) - stream).abs().max()) < 1e-9
    exact = FunctionField(lambda q: stream + 0 * q["x"], ("x", "y"), FLOW)
    assert max(residuals(problem, exact).values()) < 1e-12
    across = FunctionField(lambda q: stream.flip(1) + 0 * q["x"], ("x", "y"), FLOW)
    assert residuals(problem, across)["wall_edge0"] > 0.1


def test_finite_elements_reach_the_published_forces(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, errors = NavierStokes(), []
    assert problem.obstacle is not None
    for halvings in (0, 1):
        monkeypatch.setattr(planefem, "HALVINGS", halvings)
        solve = PlaneFlow(problem, 0, 12)
        drag, lift = coefficients(solve.force("obstacle"), problem.obstacle, problem.speed)
        found = torch.tensor([drag, lift, pressure_difference(solve, problem.obstacle)]).double()
        errors.append((found - torch.tensor(PUBLISHED).double()).abs())
    coarse, fine = errors
    assert float(fine[0]) < 0.005 and float(fine[1]) < 0.02 and float(fine[2]) < 0.002  # 1100 triangles
    assert bool((fine < coarse / 3).all())


def test_a_slow_flow_around_a_disc_meets_the_finite_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planefem, "HALVINGS", 0)
    problem = NavierStokes(domain="box(0,2,0,1) - disc(0.6,0.45,0.2)", nu=0.1, speed=1.0, n=700)
    solution = problem.solve(knobs={"field": {"width": 250}, "head": {"scale": 8.0}})
    assert solution.metrics["rel_l2"] < 1e-2 and solution.metrics["rel_l2_p"] < 2e-2
    assert problem.obstacle is not None
    known = coefficients(PlaneFlow(problem, 1).force("circle"), problem.obstacle, 1.0)
    assert solution.metrics["drag"] == pytest.approx(known[0], rel=0.02)
    told = problem.remarks(solution.field)
    assert [line.split(":")[0] for line in told] == ["on the obstacle", "by the finite elements"]
    assert f"drag {known[0]:.6g}" in told[1]


def test_where_nothing_flows_out_the_pressure_is_held_at_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planefem, "HALVINGS", 0)
    problem = NavierStokes(domain="annulus", walls="wall,outer=velocity:1:0,inner=velocity:1:0", nu=1.0, n=100)
    assert "level" in problem.constraints()
    solve = PlaneFlow(problem, 0, 8)
    p = problem.domain.interior(100)(generator(0, "p"))
    assert float((solve(p) - torch.tensor([1.0, 0, 0]).double()).abs().max()) < 1e-8
    assert abs(float(solve(problem.anchor)[0, 2])) < 1e-12


def test_forces_are_those_of_known_fields() -> None:
    """A pressure that grows along x pushes back by the obstacle's area; shear pulls nowhere, on the whole."""
    for text, area in (("disc(1,0.5,0.2)", 0.04 * pi), ("polygon(0.8,0.3,1.2,0.3,1.2,0.6,0.8,0.6)", 0.12)):
        (hole,) = obstacles(read_region(f"box(0,2,0,1) - {text}"))
        height = hole.upper[1] - hole.lower[1]
        rising = FunctionField(lambda p: torch.cat([0 * p.coords, p["x"]], 1), ("x", "y"), FLOW)
        found = forces(rising, hole, 0.1, 1.5)
        assert found.drag == pytest.approx(-2 * area / height, rel=1e-4) and abs(found.lift) < 1e-9
        assert found.pressure_difference == pytest.approx(-0.4, rel=1e-5)
        shear = FunctionField(lambda p: torch.cat([p["y"] ** 2, 0 * p.coords], 1), ("x", "y"), FLOW)
        # the divergence of the strain, 2 times nu, over the obstacle
        assert forces(shear, hole, 0.1, 1.5).drag == pytest.approx(0.4 * area / height, rel=1e-4)


def test_obstacles_are_what_touches_no_outer_wall() -> None:
    region = read_region("box(0,4,0,2) - disc(1,1,0.3) - polygon(2,0.5,3,0.5,2.5,1.5) - disc(4,1,0.2)")
    found = sorted(obstacles(region), key=lambda obstacle: obstacle.lower)
    assert [obstacle.parts for obstacle in found] == [("circle",), ("edge0", "edge1", "edge2")]
    disc, triangle = found
    assert disc.lower == pytest.approx([0.7, 0.7]) and disc.upper == pytest.approx([1.3, 1.3])
    assert float(disc.weights.sum()) == pytest.approx(0.6 * pi)
    assert triangle.lower == pytest.approx([2, 0.5], abs=1e-2)
    assert not obstacles(read_region("box(0,1,0,1)"))
    region = read_region("box(0,4,0,2) - disc(1,1,0.3)")
    p = Around(region, 300)(generator(0, "p"))
    away = (p.coords - 1).norm(dim=1)
    assert len(p) == 300 and bool(region.inside(p.coords).all())
    assert int((away < 0.6).sum()) == pytest.approx(150, abs=30) and float(away.max()) < 1.2


def test_inversion_sees_holes_and_its_jets_agree_with_autograd() -> None:
    class Ask(Problem):
        values, domain = ("u",), Box(x=(-1, 1), y=(-1, 1))

        def constraints(self) -> dict:
            return {}

    encoding = Inversion(2, holes=(0.2, -0.1, 0.3, -0.5, 0.5, 0.1))
    x = torch.tensor([[0.9, 0.3], [0.2, 0.2]]).double()
    z = x - torch.tensor([0.2, -0.1])
    seen = encoding(x)
    assert isinstance(seen, torch.Tensor)
    assert torch.allclose(seen[:, 2:4], 0.3 * z / z.square().sum(1, keepdim=True))
    assert float(seen[1, 2:4].norm()) == pytest.approx(1)  # a place on the circle
    u = FieldSpec("siren", "inversion", knobs={"width": 20, "depth": 1, "holes": encoding.holes}).build(Ask())
    p = Points(torch.rand(40, 2, generator=generator(1, "p")).double() * 0.4 + 0.55, ("x", "y"))
    plain = FunctionField(lambda q: u(q.coords), u.axes)
    for names in (("", "x", "xy", "yy"), ("x", "xxx", "xyy")):
        for a, b in zip(partials(u, p, *names), partials(plain, p, *names), strict=True):
            assert torch.allclose(a, b, atol=1e-9, rtol=1e-9)
    harmonic = FunctionField(lambda q: encoding(q.coords)[:, 2:3], ("x", "y"))  # pyright: ignore[reportArgumentType]
    assert float(operator(harmonic, p, {"xx": 1.0, "yy": 1.0}).detach().abs().max()) < 1e-9
    for wrong in ({"holes": (0.0, 0.0)}, {"holes": (0.0, 0.0, -1.0)}, {"turns": 0.0}):
        with pytest.raises(PinnsceneError, match="three numbers a hole"):
            Inversion(2, **wrong)


def test_conditions_by_part() -> None:
    found = parse_flow("slip,x0=inflow,hole=velocity:1:-2", ("x0", "y0", "hole"))
    assert found["x0"].kind == "inflow" and found["y0"].kind == "slip" and found["hole"][1:] == (1, -2)
    assert parse_flow("x0=inflow", ("x0", "y0"))["y0"].kind == "wall"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nu": 0.0}, "nu > 0, got 0"),
        ({"nu": float("nan")}, "nu > 0"),
        ({"speed": -1.0}, "speed > 0"),
        ({"domain": "ball", "walls": "wall"}, "planar domain"),
        ({"exact": "couette"}, "kovasznay, poiseuille, none"),
        ({"walls": ""}, "walls is empty"),
        ({"walls": "wall,x0=inflw"}, "did you mean inflow"),
        ({"walls": "wall,x00=inflow"}, "the parts are x0, x1, y0, y1, obstacle"),
        ({"walls": "x0=velocity:1"}, "2 numbers after 'velocity'"),
        ({"walls": "x0=velocity:1:x"}, "2 numbers after 'velocity'"),
        ({"walls": "x0=inflow:2"}, "'inflow' alone"),
        ({"walls": "wall,x1=outflow"}, "nothing drives the flow"),
        ({"walls": "wall,x0=inflow"}, "more flows in than out"),
        ({"walls": "outflow,obstacle=inflow"}, "'obstacle' is none: give a velocity"),
    ],
)
def test_bad_options_are_told_in_a_line(options: dict, said: str, refused) -> None:
    assert said in refused(NavierStokes, **options)


def test_a_flow_too_fast_for_newton_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planefem, "HALVINGS", 0)
    with pytest.raises(PinnsceneError, match="take a larger nu"):
        PlaneFlow(NavierStokes(nu=1e-7), 0, 6)
