"""Equations on regions: domains from text, conditions by part, finite elements against closed forms, corners."""

from math import pi
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnscene import Box
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import disc
from pinnscene.geometry.triangulation import triangulate
from pinnscene.options import build_problem, plain_options
from pinnscene.problems import planefem
from pinnscene.problems.heatregion import HeatBall, HeatRegion
from pinnscene.problems.lshape import LShape
from pinnscene.problems.planefem import PlaneFem
from pinnscene.problems.planeheat import PlaneHeat
from pinnscene.problems.poissonregion import PoissonRegion
from pinnscene.problems.refinement import SAFETY, Refined
from pinnscene.problems.regiontext import NAMED, read_region
from pinnscene.problems.regionwalls import parse_parts
from pinnscene.seeds import generator


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("ball-5d", "seventeen-holes")])
def test_named_domains_have_an_inside_and_parts(name: str) -> None:
    region = read_region(name)
    assert region.volume > 0 and region.parts


def test_formulas_are_regions() -> None:
    region = read_region("box(-1,1,-1,1) - disc(0,0,0.5) - ellipse(0.7,0.7,0.1,0.2)")
    assert region.parts == ("x0", "x1", "y0", "y1", "circle", "ellipse")
    assert region.volume == pytest.approx(4 - pi / 4 - 0.02 * pi, rel=0.02)
    assert read_region("prism(annulus(0,0,0.5,1),0,2)").parts == ("outer", "inner", "z0", "z1")
    assert read_region("polygon(0,0,1,0,-0.5,1)").volume == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dics", "did you mean disc"),
        ("disk(0,0,1)", "unknown shape 'disk'; did you mean disc"),
        ("disc(0,0,1,2,3)", "5 numbers"),
        ("annulus(1)", "1 numbers"),
        ("box(1)", "lower and an upper end"),
        ("ball(1)", "centre and a radius"),
        ("disc(0,0,-1)", "radius above 0"),
        ("disc(0,0,x)", "numbers within"),
        ("__import__('os')", "unknown shape"),
        ("disc(0,0,1) + disc(0,0,2)", r"joined by \|"),
        ("box(0,1,0,1) - disc(0.5,0.5,9)", "empty"),
        ("nowhere.stl", "no shape"),
        ("", "domain is empty"),
        ("   ", "domain is empty"),
        ("disc(0,0,nan)", "numbers within"),
        ("disc(0,0,1e400)", "finite centre"),
        ("disc(1e300,0,1)", "take other units or another origin"),
        ("disc(0,0,1e-320)", "take other units or another origin"),
        ("disc(0,0,1e200)", "take other units or another origin"),
        ("box(0,1e-9,0,1)", "1e-09 thin and 1 long"),
        ("annulus(0,0,1,0.5)", "empty"),
        ("box(0,1,0,1) - box(-1,2,-1,2)", "empty"),
        ("x" * 5000, r"unknown domain 'x+\.\.\. \(5000 letters\)'"),
        ("box(0,100,0,100)" + "".join(f" - disc({k % 25 * 4},{k // 25 * 4},1)" for k in range(500)), "has 501 shapes"),
        (" | ".join(["disc(0,0,1)"] * 3000), "has 3000 shapes|unknown domain"),
        ("(" * 300 + "disc(0,0,1)" + ")" * 300, "unknown domain"),
        ("prism(" * 120 + "disc(0,0,1)" + ",0,1)" * 120, "shapes|unknown domain"),
        ("disc(0,0,0.2..0.5)", "a range expected a name"),
    ],
)
def test_bad_domains_are_told_in_a_line(text: str, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said) as told:
        read_region(text).interior(10)
    assert "\n" not in str(told.value)


def test_code_makes_domains(tmp_path: Path) -> None:
    """A region, or a function that makes one; the option keeps its name, so that a run can be opened again."""
    code = tmp_path / "shapes.py"
    code.write_text(
        "from pinnscene.geometry import disc\nplate = disc(0, 0, 2)\nnumber = 3\n"
        "def made():\n    return disc(0, 0, 3)\ndef broken():\n    return 1 / 0\ndef text():\n    return 'disc'\n"
    )
    for name, radius in (("plate", 2), ("made", 3)):
        problem = build_problem(PoissonRegion, {"domain": f"{code}:{name}"})
        assert problem.domain.upper == (radius, radius)
        assert plain_options(problem)["domain"] == f"{code}:{name}"
    for name, said in (("number", "got 3"), ("broken", "ZeroDivisionError"), ("text", "got 'disc'")):
        with pytest.raises(PinnsceneError, match=said):
            build_problem(PoissonRegion, {"domain": f"{code}:{name}"})
    with pytest.raises(PinnsceneError, match="expected a region"):
        read_region(None)  # pyright: ignore[reportArgumentType]


def test_a_formula_may_begin_with_a_bracket() -> None:
    problem = build_problem(PoissonRegion, {"domain": "(disc(0,0,1) | disc(1,0,1)) - disc(0.5,0,0.2)"})
    assert problem.domain.volume == pytest.approx(2 * pi - (2 * pi / 3 - 3**0.5 / 2) - 0.04 * pi, rel=0.05)


def cube_file(path: Path, faces: str, shift: float | None = None) -> Path:
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    lines = [f"v {x} {y} {z}" for x, y, z in corners]
    lines += [f"v {x + shift} {y + shift / 2} {z + shift / 3}" for x, y, z in corners] if shift else []
    for k in range(2 if shift else 1):
        lines += ["f " + " ".join(str(int(c) + 1 + 8 * k) for c in face) for face in faces.split()]
    path.write_text("\n".join(lines) + "\n")
    return path


FACES = "013 032 467 475 045 051 237 276 026 064 157 173"


def test_meshes_are_domains_where_they_are_closed(tmp_path: Path) -> None:
    region = read_region(str(cube_file(tmp_path / "cube.obj", FACES)))
    assert region.parts == ("surface",) and region.measure() == pytest.approx(6)
    with pytest.raises(PinnsceneError, match="is open"):
        read_region(str(cube_file(tmp_path / "open.obj", FACES[4:])))
    with pytest.raises(PinnsceneError, match="cuts through itself"):
        read_region(str(cube_file(tmp_path / "two.obj", FACES, 0.3)))


def test_a_run_that_is_no_distance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PinnsceneError, match="no run folder"):
        read_region(str(tmp_path))
    PoissonRegion(domain="disc", n=64).solve(
        out=tmp_path / "run", knobs={"field": {"width": 20}, "head": {"scale": 2.0}}
    )
    with pytest.raises(PinnsceneError, match="no distance field in space"):
        read_region(str(tmp_path / "run"))


def test_conditions_by_part() -> None:
    walls = parse_parts("neumann:1,hole=robin:2:3", ("x0", "hole"))
    assert walls["x0"].kind == "neumann" and walls["x0"].c == 1 and walls["hole"].c == 6
    twice = "hole=neumann,hole=dirichlet"
    for text, said in (
        ("hol=neumann", "did you mean hole"),
        ("periodic", "a region has none"),
        ("", "is empty"),
        (twice, "walls gives hole two conditions"),
        ("neumann,dirichlet", "walls gives all parts two conditions"),
    ):
        with pytest.raises(PinnsceneError, match=said):
            parse_parts(text, ("x0", "hole"))


def test_options_keep_the_domain_as_text() -> None:
    problem = build_problem(PoissonRegion, {"domain": "box(0,2,0,1) - disc(1,0.5,0.2)"})
    assert plain_options(problem)["domain"] == "box(0,2,0,1) - disc(1,0.5,0.2)"
    assert build_problem(PoissonRegion, plain_options(problem)) == problem
    assert PoissonRegion(domain=Box(x=(0, 1), y=(0, 1)) - disc(0, 0, 0.5)).region.parts[-1] == "circle"


SMALL = {"field": {"width": 300}, "head": {"scale": 3.0}}


@pytest.mark.parametrize("walls", ["dirichlet", "neumann", "robin:1:0,x0=dirichlet"])
def test_a_manufactured_solution_is_found_with_any_conditions(walls: str) -> None:
    problem = PoissonRegion(domain="plate-hole", walls=walls, n=1000)
    # 300 features reach 1e-7; 1e-5 leaves room for other processors' rounding
    assert problem.solve(knobs=SMALL).metrics["rel_l2"] < 1e-5


def test_heat_in_the_ball_is_found() -> None:
    solution = HeatBall(n=600).solve(knobs={"field": {"width": 150}, "head": {"scale": 2.0}})
    assert solution.metrics["rel_l2"] < 1e-7


def test_the_l_shape_is_solved_through_its_corner() -> None:
    u = LShape(n=600).solve(knobs={"field": {"width": 200}, "head": {"scale": 8.0}}).field
    problem = LShape()
    wall = problem.domain.boundary(400)(generator(0, "wall"))
    assert float(u(wall).detach().abs().max()) < 1e-4
    p = problem.domain.lattice(201)
    # the integral of u, twice the energy: 0.2140758 (Rannacher and Suttmeier 1997 and others, by adaptive elements)
    with torch.no_grad():
        assert float(u(p).sum()) * (2 / 200) ** 2 == pytest.approx(0.2140758, rel=2e-3)


def test_triangles_fill_the_region_and_none_is_flat() -> None:
    region = read_region("plate-hole")
    made = triangulate(region, 0.15)
    a, b, c = (made.nodes[made.triangles[:, k]] for k in range(3))
    areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    assert areas.min() > 0 and areas.sum() == pytest.approx(4 - 0.16 * pi, rel=0.01)
    sides = np.stack([np.linalg.norm(p - q, axis=1) for p, q in ((a, b), (b, c), (c, a))])
    assert (4 * 3**0.5 * areas / (sides**2).sum(0)).min() > 0.3  # 1 for equal sides
    assert np.abs(region.distance(torch.as_tensor(made.nodes[: made.edge])).numpy()).max() < 1e-9


def test_finite_elements_converge_to_a_closed_form_at_third_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planefem, "HALVINGS", 0)
    region = read_region("plate-hole")
    f = lambda p: torch.zeros_like(p["x"])
    walls = parse_parts("neumann,x0=dirichlet:-1,x1=dirichlet:1", region.parts)
    made = [PlaneFem(region, walls, f, 0.0, level) for level in (0, 1)]
    p = region.interior(300)(generator(0, "p"))
    coarse, fine = (solve(p) for solve in made)
    assert float((coarse - fine).abs().max()) < 2e-3
    assert float(fine.min()) > -1 and float(fine.max()) < 1  # the maximum principle
    disc_walls = parse_parts("dirichlet", ("circle",))
    whole = read_region("disc")
    errors = []
    for level in (0, 1):
        solve = PlaneFem(whole, disc_walls, lambda p: torch.full_like(p["x"], 4.0), 0.0, level)
        p = whole.interior(500)(generator(0, "p"))
        errors.append(float((solve(p) - (1 - p.coords.square().sum(1, keepdim=True))).norm()))
    assert errors[1] < errors[0] / 6 or errors[1] < 1e-6


def test_finite_elements_of_heat_follow_a_mode_of_the_disc(monkeypatch: pytest.MonkeyPatch) -> None:
    """J0(j r) decays like exp(-j^2 t)."""
    monkeypatch.setattr(planefem, "HALVINGS", 0)
    from scipy.special import j0, jn_zeros

    j = float(jn_zeros(0, 1)[0])
    mode = lambda p: torch.as_tensor(j0(j * p.coords[:, :2].norm(dim=1).numpy()))[:, None]
    problem = HeatRegion(walls="dirichlet", start=mode, source=0.0, end=0.2)
    solve = PlaneHeat(problem, 0)
    p = problem.domain.interior(300)(generator(0, "p"))
    truth = mode(p) * torch.exp(-(j**2) * p["t"])
    assert float((solve(p) - truth).norm() / truth.norm()) < 2e-3


def test_the_error_of_a_reference_is_that_of_its_rate_and_never_of_a_better_one() -> None:
    domain = Box(x=(0, 1), y=(0, 1))
    solved = lambda off: type(
        "Made", (), {"seconds": 0.0, "__call__": lambda self, p: 1 + off * torch.ones_like(p["x"])}
    )()
    third = Refined(domain, ("a", "b"), lambda level: solved(8.0 ** -(level + 5)), rated=True)
    assert third.error == pytest.approx(SAFETY * 8.0**-6, rel=0.01)  # 8^-5 - 8^-6 apart, a seventh of it is left
    lucky = Refined(domain, ("a", "b"), lambda level: solved({-1: 1.0, 0: 1e-3, 1: 1e-4}[level]), rated=True)
    assert lucky.error == pytest.approx(SAFETY * 9e-4 / 7, rel=0.01)
    slow = Refined(domain, ("a", "b"), lambda level: solved({-1: 3e-3, 0: 2e-3, 1: 1e-3}[level]), rated=True)
    assert slow.error == pytest.approx(1e-3, rel=0.01)  # no rate to speak of
