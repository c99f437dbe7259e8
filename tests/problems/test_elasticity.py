"""Elasticity: patch test, closed forms, finite elements, rigid motions, units, walls from text, derived stresses."""

from dataclasses import replace
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.exporting import ExportRequest
from pinnscene.metrics import rel_l2
from pinnscene.objective import Objective
from pinnscene.operators import hessian, jacobian
from pinnscene.problems import planefem
from pinnscene.problems.elasticity import Elasticity
from pinnscene.problems.elasticmaterial import Material, Stresses
from pinnscene.problems.elasticwalls import parse_elastic
from pinnscene.problems.planeelastic import PlaneElastic
from pinnscene.problems.rigidmotions import rigid
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

SMALL: dict[str, Any] = {"field": {"width": 200}, "head": {"scale": 3.0}}
QUARTER = "box(0,1,0,1) - disc(0,0,0.4)"
MIXED = "clamped,x0=roller,y1=clamped:0:free,hole=traction"


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finite elements that take little time."""
    monkeypatch.setattr(planefem, "HALVINGS", 0)


def some(problem: Elasticity, n: int = 200) -> Points:
    return problem.domain.interior(n)(generator(0, "some"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"walls": MIXED, "plane": "stress", "nu": 0.49},
        {"walls": "traction"},
        {"walls": "traction,x0=roller,y0=roller"},
        {"domain": "ball", "walls": "traction"},
    ],
)
def test_the_patch_test_holds_to_rounding(options: dict[str, Any]) -> None:
    """A displacement that is linear is found, with any walls; features that turn slowly contain it."""
    knobs = {"field": {"width": 60}, "head": {"scale": 0.3}}
    solution = Elasticity(exact="linear", n=300, **options).solve(knobs=knobs)
    # 60 sines that hardly turn hold linear functions to 1e-9 in the plane, to 4e-7 in space
    assert solution.metrics["rel_l2"] < 1e-5


@pytest.mark.parametrize("walls", ["clamped,hole=traction", MIXED, "traction"])
def test_a_manufactured_displacement_is_found(walls: str) -> None:
    solution = Elasticity(walls=walls, n=1000).solve(knobs=SMALL)
    # 200 features reach 1e-8 or better; 1e-5 leaves room for other processors' rounding
    assert solution.metrics["rel_l2"] < 1e-5


def test_a_manufactured_displacement_is_found_in_space() -> None:
    problem = Elasticity(domain="cylinder", walls="z0=clamped,circle=traction,z1=roller", n=800)
    assert problem.solve(knobs={"field": {"width": 150}, "head": {"scale": 2.0}}).metrics["rel_l2"] < 1e-3


def test_units_change_nothing() -> None:
    """Newtons and metres, or giga-newtons and millimetres: the same error, residual and stress over young."""
    results = []
    for domain, young in (
        ("box(-1,1,-1,1) - disc(0,0,0.4)", 1.0),
        ("box(-1000,1000,-1000,1000) - disc(0,0,400)", 2.1e11),
        ("box(-1e-6,1e-6,-1e-6,1e-6) - disc(0,0,4e-7)", 2.1e-3),
    ):
        problem = Elasticity(domain=domain, young=young, n=600, walls="clamped,circle=traction")
        solution = problem.solve(knobs={"field": {"width": 40}, "head": {"scale": 3.0}})
        p = Points(0.7 * problem.half * torch.ones(1, 2, dtype=torch.float64), problem.domain.axes)
        stress = float(problem.derived(solution.field)(p)[0, -1].detach()) / young
        results.append((solution.metrics["rel_l2"], solution.heldout, stress))
    # boundary samples differ by rounding of the coordinates alone
    for found in results[1:]:
        assert found == pytest.approx(results[0], rel=1e-3)


def test_given_loads_in_other_units_give_the_same_displacement_in_them() -> None:
    walls = "x0=roller,y0=roller,x1=traction:{}:0"
    small = Elasticity(domain=QUARTER, walls=walls.format(1), exact="none", n=400)
    large = Elasticity(
        domain="box(0,1000,0,1000) - disc(0,0,400)", walls=walls.format(2e8), exact="none", young=2e11, n=400
    )
    fields = [problem.solve(knobs=SMALL).field for problem in (small, large)]
    x = some(small).coords
    one, other = fields[0](x).detach(), fields[1](1000 * x).detach()
    assert rel_l2(other, one) < 1e-3  # 1000 times the length at a thousandth of the strain
    assert large.size == pytest.approx(small.size)


def test_stress_is_the_textbooks() -> None:
    pull = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]).double()
    shear = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]]).double()
    for plane, ratio in (("strain", 0.25 / 0.75), ("stress", 0.25)):
        material = Material(2.0, 0.25, plane)
        stress = material.stress(pull)[0]
        assert float(stress[1, 1] / stress[0, 0]) == pytest.approx(ratio)
        assert float(material.stress(shear)[0, 0, 1]) == pytest.approx(0.8)
        assert float(material.von_mises(material.stress(shear))) == pytest.approx(0.8 * 3**0.5)
    # stretched along x and free along y, a plate's stress is young times strain; in space too
    assert float(Material(2.0, 0.25, "stress").stress(torch.diag(torch.tensor([1.0, -0.25]))[None])[0, 0, 0]) == 2.0
    bar = Material(2.0, 0.25).stress(torch.diag(torch.tensor([1.0, -0.25, -0.25]).double())[None])
    assert torch.allclose(bar[0].diagonal(), torch.tensor([2.0, 0.0, 0.0]).double(), atol=1e-12)
    assert float(Material(2.0, 0.25).von_mises(bar)) == pytest.approx(2.0)
    alone = Material(2.0, 0.25, "strain")
    whole = Material(2.0, 0.25).stress(torch.diag(torch.tensor([1.0, 0.5, 0.0]).double())[None])
    flat = alone.stress(torch.diag(torch.tensor([1.0, 0.5]).double())[None])
    assert torch.allclose(flat[0], whole[0, :2, :2])
    assert torch.allclose(alone.von_mises(flat), Material(2.0, 0.25).von_mises(whole))


@pytest.mark.parametrize("domain", ["plate-hole", "cylinder"])
def test_the_force_is_the_divergence_of_the_stress_by_differences(domain: str) -> None:
    problem = Elasticity(domain=domain, nu=0.4, young=3.0)
    assert problem.solution is not None
    x, h = some(problem, 20).coords, 1e-4
    stress = lambda x: problem.material.stress(jacobian(problem.solution, x))  # pyright: ignore[reportArgumentType]
    found = torch.zeros_like(x)
    for k, step in enumerate(h * torch.eye(x.shape[1], dtype=torch.float64)):
        found += (stress(x + step) - stress(x - step))[:, :, k] / (2 * h)
    assert torch.allclose(-found.detach(), problem.f(Points(x, problem.domain.axes)), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("plane", ["strain", "stress"])
def test_kirsch_is_in_balance_and_concentrates_the_stress_threefold(plane: Any) -> None:
    problem = Elasticity(exact="kirsch", plane=plane, nu=0.2, young=5.0)
    assert problem.solution is not None
    p = some(problem)
    assert float(problem.f(p).abs().max()) < 1e-12 * 5.0
    bends = hessian(problem.solution, p)
    assert float(bends.detach().abs().max()) > 1e-2  # and that not because all second derivatives vanish
    hole = problem.domain.boundary(50, "hole")(generator(0, "hole"))
    stress = problem.material.stress(jacobian(problem.solution, hole)).detach()
    assert float((stress @ hole.normal[:, :, None]).abs().max()) < 1e-12
    x = torch.tensor([[0.0, 0.4], [0.4, 0.0], [4e4, 0.0]]).double()
    along = Stresses(problem.solution, problem.material)(Points(x, ("x", "y"))).detach() / 0.05
    assert float(along[0, 0]) == pytest.approx(3) and float(along[1, 1]) == pytest.approx(-1)
    assert float(along[2, 0]) == pytest.approx(1)


def test_kirsch_on_a_quarter_between_rollers_is_found() -> None:
    walls = "clamped,x0=roller,y0=roller,circle=free"
    problem = Elasticity(domain=QUARTER, exact="kirsch", plane="stress", walls=walls, n=1000)
    solution = problem.solve(knobs={"field": {"width": 250}, "head": {"scale": 10.0}})
    assert solution.metrics["rel_l2"] < 1e-3
    top = Points(torch.tensor([[0.0, 0.4]]).double(), ("x", "y"))
    assert float(problem.derived(solution.field)(top)[0, 0].detach()) == pytest.approx(0.03, rel=0.02)


def test_rigid_motions_have_no_stress_and_are_all_there_are() -> None:
    for d, q in ((2, 3), (3, 6)):
        axes = ("x", "y", "z")[:d]
        x = torch.rand(30, d, generator=torch.Generator().manual_seed(0)).double()
        for k in range(q):
            u = FunctionField(lambda p, k=k: rigid(p.coords)[:, :, k], axes, axes)
            stress = Material(1.0, 0.3, "strain" if d == 2 else "").stress(jacobian(u, Points(x, axes)))
            assert float(stress.detach().abs().max()) < 1e-14
        assert int(torch.linalg.matrix_rank(rigid(x).flatten(0, 1))) == q


@pytest.mark.parametrize(
    ("domain", "walls", "count"),
    [
        ("plate-hole", "free", 3),
        ("plate-hole", "x0=roller", 1),
        ("plate-hole", "x0=roller,y0=roller", 0),
        ("plate-hole", "hole=roller", 1),
        ("plate-hole", "hole=clamped", 0),
        ("plate-hole", "x0=clamped:0:free", 1),
        ("cube", "free", 6),
        ("cube", "z0=roller", 3),
        ("ball", "roller", 3),
        ("cylinder", "roller", 1),
    ],
)
def test_motions_that_walls_leave_free_are_counted(domain: str, walls: str, count: int) -> None:
    assert Elasticity(domain=domain, walls=walls, exact="none").freedom.count == count


def test_a_floating_body_under_loads_in_balance_is_at_rest(coarse: None) -> None:
    """A strip that is pulled at both ends: elements have its displacement exactly."""
    walls = "x0=traction:-1:0,x1=traction:1:0"
    problem = Elasticity(domain="box(1,3,0,1)", walls=walls, exact="none", plane="stress", n=400)
    assert "3 rigid motions" in "".join(problem.notes())
    p = some(problem)
    truth = problem.freedom.still(lambda q: torch.cat([q["x"], -0.3 * q["y"]], 1), p)
    found = problem.reference(p)
    assert found is not None and rel_l2(found, truth) < 1e-10
    assert float(truth.mean(0).norm()) < 0.1  # the 200 points here are not those of the mean
    u = problem.solve(knobs={"field": {"width": 100}, "head": {"scale": 1.0}}).field
    assert rel_l2(u(p).detach(), truth) < 1e-6


@pytest.mark.parametrize(
    "options",
    [
        {"walls": "x1=traction:1:0"},
        {"walls": "x0=traction:0:-1,x1=traction:0:1"},  # a moment
        {"walls": "free", "force": (0.0, -1.0)},
        {"walls": "x0=roller", "force": (0.0, -1.0)},
    ],
)
def test_loads_that_nothing_holds_are_refused(options: dict[str, Any], refused: Any) -> None:
    assert "do not balance" in refused(Elasticity, exact="none", **options)


def test_loads_that_are_held_or_balance_are_taken() -> None:
    Elasticity(exact="none", walls="x0=roller", force=(-1.0, 0.0))
    Elasticity(exact="none", walls="pressure:1")
    Elasticity(exact="none", walls="x1=traction:1:0", force=(-2 / (4 - 0.16 * pi), 0.0))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nu": 0.5}, "0 <= nu < 0.5.*incompressible"),
        ({"nu": -0.1}, "0 <= nu < 0.5"),
        ({"nu": float("nan")}, "0 <= nu < 0.5"),
        ({"young": 0.0}, "young > 0"),
        ({"plane": "strian"}, "strain or stress"),
        ({"domain": "interval"}, "in the plane or in space"),
        ({"domain": "ball-5d"}, "in the plane or in space"),
        ({"exact": "none", "walls": "clamped", "force": (1.0,)}, "2 finite numbers"),
        ({"force": (1.0, 0.0)}, "set exact=none"),
        ({"walls": "x0=traction:1:0"}, "set exact=none"),
        ({"exact": "none"}, "walls is empty"),
        ({"exact": "none", "walls": "clamped", "force": lambda p: p["x"]}, "force expected to return"),
        ({"exact": "wavse"}, "waves, linear, kirsch, none"),
        ({"exact": "kirsch", "domain": "square"}, "round hole"),
        ({"exact": "kirsch", "domain": "box(-1,1,-1,1) - ellipse(0,0,0.3,0.4)"}, "round hole"),
        ({"exact": "kirsch", "domain": "cylinder"}, "round hole"),
        ({"exact": lambda p: p["x"]}, "a column for each of ux, uy"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        Elasticity(**options)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hol=free", "did you mean hole"),
        ("clampt", "did you mean clamped"),
        ("clamped:0", "0 or 2 numbers"),
        ("traction:1:2:3", "0 or 2 numbers"),
        ("traction:free:0", "after 'traction'"),
        ("traction:nan:0", "0 or 2 numbers"),
        ("pressure", "1 numbers"),
        ("roller:1", "0 numbers"),
        ("free:0:0", "0 numbers"),
        ("", "is empty"),
    ],
)
def test_walls_that_cannot_be_read_are_named(text: str, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        parse_elastic(text, ("x0", "hole"), 2)


def test_walls_are_by_component_and_unnamed_parts_are_free() -> None:
    walls = parse_elastic("x0=clamped:0.1:free,hole=pressure:2", ("x0", "x1", "hole"), 2)
    normal = torch.tensor([[0.6, 0.8]]).double()
    assert walls["x1"].kind == "free" and not walls["x1"].holds
    assert walls["x0"].held == (True, False) and walls["x0"].numbers == (0.1, 0.0)
    assert torch.allclose(walls["hole"].traction(normal), -2 * normal)
    assert torch.equal(walls["x0"].projection(normal)[0], torch.diag(torch.tensor([1.0, 0.0]).double()))


def test_given_walls_are_what_the_field_is_held_to() -> None:
    """The rows of each condition vanish for displacements that have it, and for no other."""
    walls = "x0=clamped:0.1:0,x1=clamped:0.1:free,y0=roller,y1=traction:0:0,hole=free"
    problem = Elasticity(exact="none", walls=walls, n=100)
    shift = FunctionField(lambda p: torch.stack([0.1 + 0 * p["x"], 0 * p["x"]], 2)[:, 0], ("x", "y"), ("ux", "uy"))
    objective = Objective(problem.constraints(), 0, torch.device("cpu"), torch.float64)
    for block in objective.blocks(shift, objective.batches(0)):
        assert float(block.residual.abs().max()) < 1e-12, block.name
    stretch = FunctionField(
        lambda p: torch.cat([0.2 * p["x"] + p["y"], 0.1 + 0.3 * p["y"]], 1), ("x", "y"), ("ux", "uy")
    )
    for block in objective.blocks(stretch, objective.batches(0)):
        assert block.name == "pde" or float(block.residual.detach().abs().max()) > 0.01, block.name


def test_finite_elements_converge_to_closed_forms(coarse: None) -> None:
    """A ring under pressure from inside (Lame 1852)."""
    ring = Elasticity(domain="annulus", exact="none", walls="inner=pressure:1", plane="stress", n=100)
    p, a, b, nu = some(ring), 0.5, 1.0, 0.3
    square = lambda q: q.coords.square().sum(1, keepdim=True)
    radius = lambda q: a**2 / (b**2 - a**2) * (1 - nu + (1 + nu) * b**2 / square(q))
    truth = ring.freedom.still(lambda q: radius(q) * q.coords, p)
    errors = [rel_l2(PlaneElastic(ring.freedom, ring.f, level)(p), truth) for level in (0, 1)]
    assert errors[1] < 1e-4 and errors[1] < errors[0] / 4


def test_finite_elements_hold_rollers_of_any_direction_and_forces(coarse: None) -> None:
    """A block that hangs by its upper end under its own weight, turned by 30 degrees: u is quadratic, so exact."""
    c, s = 3**0.5 / 2, 0.5
    corners = [(0, 0), (2, 0), (2, 1), (0, 1)]
    turned = ",".join(f"{c * x - s * y},{s * x + c * y}" for x, y in corners)
    # long axis e = (c, s): fixed at edge3, pulled along e by its weight; rollers along the sides edge0 and edge2
    problem = Elasticity(
        domain=f"polygon({turned})", walls="edge3=roller,edge0=roller,edge2=roller", force=(c, s), exact="none", nu=0.0
    )
    p = some(problem)
    along = c * p["x"] + s * p["y"]
    truth = (2 * along - along**2 / 2) * torch.tensor([[c, s]]).double()
    found = problem.reference(p)
    assert found is not None and rel_l2(found, truth) < 1e-6  # triangles a millionth as large at corners


def test_given_loads_agree_with_finite_elements(coarse: None) -> None:
    walls = "x0=roller,y0=roller,x1=traction:1:0,circle=pressure:0.5"
    problem = Elasticity(domain=QUARTER, walls=walls, exact="none", plane="stress", force=(0.2, -0.3), n=1000)
    solution = problem.solve(knobs={"field": {"width": 300}, "head": {"scale": 12.0}})
    assert solution.metrics["rel_l2"] < 3e-3


def test_clamped_ends_that_meet_free_sides_are_spoken_of() -> None:
    beam = Elasticity(domain="box(0,4,0,1)", exact="none", walls="x0=clamped,x1=traction:0:-1")
    assert "x0 is clamped and meets y" in "".join(beam.notes())
    assert "is clamped" not in "".join(replace(beam, walls="x0=roller,y0=roller,x1=traction:1:0").notes())


def test_stresses_are_in_files_and_pictures(tmp_path: Path) -> None:
    import meshio

    problem = Elasticity(exact="linear", n=100)
    assert problem.solution is not None
    problem.export(problem.solution, ExportRequest(tmp_path / "a.vtu", resolution=8))
    data = meshio.read(tmp_path / "a.vtu").point_data
    sxx = 0.01 * (problem.material.lam * (1 - 0.6) + 2 * problem.material.mu)
    np.testing.assert_allclose(data["sxx"], sxx, rtol=1e-10)
    assert {"ux", "uy", "syy", "sxy", "von_mises", "reference ux"} <= data.keys()
    with pytest.raises(PinnsceneError, match="values alone"):
        problem.derived(problem.solution).derivatives(some(problem), [{(0,): 1.0}])


def test_the_place_of_the_largest_stress_is_said() -> None:
    problem = Elasticity(exact="kirsch", plane="stress")
    assert problem.solution is not None
    (said,) = problem.remarks(problem.solution)
    assert "x = 0" in said or "x = -0" in said
    assert float(said.split(":")[1].split()[0]) == pytest.approx(0.03, rel=0.1)
