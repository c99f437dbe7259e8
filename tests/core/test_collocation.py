"""Points that suit the features: lattices of nodes in place of a box's own points, and nowhere else."""

from dataclasses import replace

import pytest
import torch

from pinnscene import Box, Constraint, FieldSpec, PinnsceneError, partials
from pinnscene.collocation import Lattice, suited
from pinnscene.plan import make_plan
from pinnscene.seeds import generator
from pinnscene.solve import Settings, configure
from pinnscene.trainer import train

BOX = Box(x=(-1.0, 2.0), t=(0.0, 0.5))
VALUE = lambda u, p: u(p)


def made(make_field, box=BOX, **knobs):
    return make_field(box, "linear", "tensor", **knobs)


def drawn(field, sampler, heldout=False):
    (constraint,) = suited({"c": Constraint(sampler, VALUE)}, field).values()
    return constraint.draw("c", generator(0, "c"), heldout)


def test_the_interior_is_the_lattice_of_all_nodes(make_field):
    u = made(make_field, basis="chebyshev,fourier", modes="6,4")
    p = drawn(u, BOX.interior(7))
    assert p.axes == BOX.axes and p.normal is None and p.coords.dtype == torch.float64
    x, t = (torch.unique(c) for c in p.coords.unbind(1))
    assert (len(x), len(t), len(p)) == (9, 6, 54)
    nodes = [basis.nodes(n) for basis, n in zip(u.encoding.bases, (9, 6), strict=True)]
    assert torch.allclose(x, 0.5 + 1.5 * nodes[0]) and torch.allclose(t, 0.25 + 0.25 * nodes[1])


@pytest.mark.parametrize(("oversample", "lines"), [(1.0, (6, 4)), (1.5, (9, 6)), (2.3, (14, 10))])
def test_oversample_is_points_to_each_function(make_field, oversample, lines):
    p = drawn(made(make_field, basis="chebyshev", modes="6,4", oversample=oversample), BOX.interior(7))
    assert tuple(len(torch.unique(c)) for c in p.coords.unbind(1)) == lines


def test_planes_get_lattices_of_the_other_axes_with_outward_normals(make_field):
    u = made(make_field, basis="chebyshev", modes="6,4")
    walls = drawn(u, BOX.face(5, "x"))
    assert len(walls) == 2 * 6
    lower, upper = walls[walls["x"][:, 0] == -1.0], walls[walls["x"][:, 0] == 2.0]
    assert len(lower) == len(upper) == 6
    assert bool((lower.normal == torch.tensor([-1.0, 0.0], dtype=torch.float64)).all())
    assert bool((upper.normal == torch.tensor([1.0, 0.0], dtype=torch.float64)).all())
    start = drawn(u, BOX.face(5, t=0.0))
    assert len(start) == 9 and bool((start["t"] == 0).all()) and bool((start.normal[:, 1] == -1).all())
    inner = drawn(u, BOX.face(5, t=0.2))
    assert bool((inner["t"] == 0.2).all()) and float(inner.normal.abs().max()) == 0.0


def test_one_axis(make_field):
    line = Box(x=(0.0, 2.0))
    u = made(make_field, line, basis="chebyshev", modes="6")
    assert drawn(u, line.interior(3)).coords.shape == (9, 1)
    assert drawn(u, line.face(2, "x")).coords.tolist() == [[0.0], [2.0]]


def test_heldout_points_are_those_that_the_box_gives(make_field):
    u = made(make_field)
    for sampler in (BOX.interior(200), BOX.face(200, "x")):
        trained, seen = drawn(u, sampler), drawn(u, sampler, heldout=True)
        assert len(seen) == 200
        assert torch.equal(seen.coords, sampler(generator(0, "c")).coords)
        inside = seen.coords[:, 1]  # of both the only axis that is drawn on every plane
        assert not bool(torch.isin(inside, trained.coords[:, 1]).any())


def test_other_points_and_other_features_are_left_alone(make_field):
    cloud = lambda g: torch.rand(5, 2, generator=g, dtype=torch.float64)
    own = Constraint(cloud, VALUE)
    assert suited({"c": own}, made(make_field))["c"].sampler is cloud
    box = {"c": Constraint(BOX.interior(7), VALUE)}
    assert suited(box, make_field(BOX, "siren")) == box


def test_what_a_constraint_weighs_stays(make_field):
    given = Constraint(BOX.interior(7), VALUE, weight=3.0)
    (got,) = suited({"c": given}, made(make_field)).values()
    assert isinstance(got.sampler, Lattice) and replace(got, sampler=given.sampler) == given


@pytest.mark.parametrize("backbone", ["tensor", "siren"])
def test_problems_of_ones_own_get_them_where_points_are_fixed(toy, backbone):
    """Head fits on the lattice; Adam draws anew at every step, anywhere."""
    seen = []

    def decay(u, p):
        seen.append(p.coords)
        return partials(u, p, "t") + u(p)

    problem = toy(
        BOX,
        {"pde": Constraint(BOX.interior(20), decay), "start": Constraint(BOX.face(9, t=0.0), lambda u, p: u(p) - 1)},
    )
    knobs = {"modes": "4,10"} if backbone == "tensor" else {"width": 9, "depth": 1}
    for solver, steps in (("head", {}), ("adam", {"steps": 1})):
        seen.clear()
        solution = train(problem, FieldSpec(backbone, knobs=knobs), make_plan(solver, {solver: steps}), device="cpu")
        lattice = any(len(x) == 6 * 15 and len(torch.unique(x[:, 0])) == 6 for x in seen)
        assert lattice == (backbone == "tensor" and solver == "head")
        if lattice:
            p = BOX.lattice(5, 9)
            assert float((solution.field(p) - torch.exp(-p["t"])).detach().abs().max()) < 1e-12


def test_numbers_of_points_that_would_change_nothing_are_refused(toy):
    problem = toy(BOX, {"pde": Constraint(BOX.interior(7), VALUE)})
    tensor = {"backbone": "tensor", "solver": "head"}
    for knobs in ({"n": 9}, {"points": "sobol"}):
        with pytest.raises(PinnsceneError, match=r"field\.oversample"):
            configure(problem, Settings(knobs={"pde": knobs}, **tensor))
        configure(problem, Settings(knobs={"pde": knobs}, backbone="siren", solver="head"))
        configure(problem, Settings(knobs={"pde": knobs}, backbone="tensor", solver="adam"))
    configure(problem, Settings(knobs={"pde": {"weight": 2.0}}, **tensor))
