"""Conditions held exactly on a box, whatever the network; conditions that contradict each other at a corner."""

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, Dirichlet, PinnsceneError, hard_conditions, partials
from pinnscene.corners import contradictions, contradictory
from pinnscene.problems.heat import Heat
from pinnscene.seeds import generator
from pinnscene.solve import solve

BOX = Box(x=(0.5, 2.0), y=(-1.0, 1.0), t=(0.25, 1.0))


def state(p):
    """Smooth, and what every condition below is taken from, so that they agree at edges and corners."""
    return torch.sin(2 * p["x"]) * torch.exp(p["y"]) + p["t"] ** 2 * p["x"] * p["y"]


def speed(p):
    return 2 * p["t"] * p["x"] * p["y"]


def on(name, n=50):
    return BOX.face(n, name, points="halton")(generator(0))


SETS = [
    {"start": state},
    {"start": state, "velocity": speed},
    {"walls": {"x0": state}},
    {"walls": {"x0": state, "x1": state}},
    {"walls": {"x0": state, "y1": state}},
    {"walls": dict.fromkeys(("x0", "x1", "y0", "y1"), state)},
    {"start": state, "walls": dict.fromkeys(("x0", "x1", "y0", "y1"), state)},
    {"start": state, "velocity": speed, "walls": {"x1": state, "y0": state, "y1": state}},
]


@pytest.mark.parametrize("engine", ["nested", "jets"])
@pytest.mark.parametrize("given", SETS, ids=lambda s: "+".join([*(k for k in s if k != "walls"), *s.get("walls", {})]))
def test_they_hold_whatever_the_network(make_field, given, engine):
    u = make_field(BOX, ansatz=hard_conditions(BOX, **given, scale=3.0), engine=engine)
    with torch.no_grad():
        u.head.weight.mul_(50.0)
    for name in given.get("walls", {}):
        assert torch.allclose(u(on(name)), state(on(name)), rtol=0, atol=1e-12)
    if "start" in given:
        assert torch.allclose(u(on("t0")), state(on("t0")), rtol=0, atol=1e-12)
    if "velocity" in given:
        assert torch.allclose(partials(u, on("t0"), "t"), speed(on("t0")), rtol=0, atol=1e-10)
    p = BOX.interior(50)(generator(1))
    assert float((u(p) - state(p)).detach().abs().max()) > 1.0  # and the network is free inside
    free = next(name for name in ("x0", "x1", "y0", "y1", "t1") if name not in given.get("walls", {}))
    assert float((u(on(free)) - state(on(free))).detach().abs().max()) > 0.1


def test_numbers_do_and_zero_needs_no_lift(make_field):
    u = make_field(BOX, ansatz=hard_conditions(BOX, walls={"x0": 1.5, "x1": -1.0}))
    assert torch.allclose(u(on("x0")), torch.tensor(1.5, dtype=torch.float64))
    assert torch.allclose(u(on("x1")), torch.tensor(-1.0, dtype=torch.float64))
    assert partials(u, on("x0"), "xx").isfinite().all()


def test_a_field_may_be_the_start(make_field):
    """As from one window of time to the next; its derivatives come from its own engine."""
    before = make_field(BOX, seed=5)
    u = make_field(BOX, ansatz=hard_conditions(BOX, start=before))
    assert torch.allclose(u(on("t0")), before(on("t0")))
    assert torch.allclose(partials(u, on("t0"), "xx"), partials(before, on("t0"), "xx"), atol=1e-9)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"walls": {"z0": 0.0}}, "unknown face 'z0'.*the faces are x0, x1, y0, y1, t0, t1"),
        ({"walls": {"x": 0.0}}, "the faces are x0"),
        ({"walls": {"t0": 0.0}}, "held by start and velocity"),
        ({"velocity": 0.0}, "needs an initial state too"),
        ({}, "got neither"),
    ],
)
def test_mistakes_are_told(given, said):
    with pytest.raises(PinnsceneError, match=said):
        hard_conditions(BOX, **given)
    with pytest.raises(PinnsceneError, match="needs an axis t"):
        hard_conditions(Box(x=(0.0, 1.0)), start=0.0)


# ---- corners ---------------------------------------------------------------------------------------------------------


def test_conditions_that_agree_are_not_warned_of():
    assert contradictions(BOX, {"t0": state, "x0": state, "x1": state, "y1": state}) == []
    assert contradictions(BOX, {"x0": 0.0, "x1": 1.0}) == []  # opposite walls never meet
    assert contradictions(BOX, {"x0": 0.0, "y0": 1e-300}) != []
    assert contradictions(BOX, {"x0": 1.0, "y0": 1.0 + 1e-9}) == []


def test_a_contradiction_names_faces_place_and_values():
    (said,) = contradictions(BOX, {"t0": lambda p: p["y"], "x1": -1.0, "y0": lambda p: -1.0 - 0 * p["x"]})
    assert "conditions on t0 and x1 contradict each other where they meet: at x = 2, y = 1, t = 0.25" in said
    assert "they ask for 1 and -1," in said


def test_soft_conditions_and_an_ansatz_are_compared(toy):
    soft = {
        "pde": Constraint(BOX.interior(4), lambda u, p: u(p)),
        "wall": Constraint(BOX.face(4, "x"), Dirichlet(2.0)),
        "flux": Constraint(BOX.face(4, "y"), lambda u, p: partials(u, p, "y") - 7),
    }
    assert contradictory(toy(BOX, soft)) == []
    factor = lambda p: p["t"] - 0.25
    assert contradictory(toy(BOX, soft, ("u",), Ansatz(lambda p: 0 * p["t"] + 2, factor))) == []
    found = contradictory(toy(BOX, soft, ("u",), Ansatz(None, factor)))
    assert [said[:28] for said in found] == ["the conditions on x0 and t0 ", "the conditions on x1 and t0 "]
    hard = hard_conditions(BOX, start=1.0, walls={"x0": 0.0})
    assert len(contradictory(toy(BOX, {"pde": soft["pde"]}, ("u",), hard))) == 1


def test_a_solve_warns_of_it():
    knobs = {"field": {"width": 30}, "head": {"scale": 3.0}}
    heat = Heat(n=60, start="step", walls="dirichlet:1")
    warned = solve(heat, backbone="siren", knobs=knobs, device="cpu").warnings
    assert any("contradict each other" in said for said in warned)
    assert not solve(Heat(n=60), knobs=knobs, device="cpu").warnings
