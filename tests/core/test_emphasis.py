"""Balancing, causal weights and adaptive points from settings: recorded, resumed to the same bits, refused clearly."""

import os
import re
import signal
from pathlib import Path

import pytest
import torch

from pinnscene import PinnsceneError
from pinnscene.causal import Causal
from pinnscene.config import Config
from pinnscene.emphasis import Emphasis, choose
from pinnscene.problems.heat import Heat
from pinnscene.run import Run
from pinnscene.solution import Status
from pinnscene.solve import Settings, begin, configure, load_state, reopen, run_config, solve

HEAT = Heat(n=24, hard=False)
FIELD = {"width": 8, "depth": 2, "first": 3.0, "omega": 3.0}
OFTEN = {"rad": {"every": 3}, "r3": {"every": 2}, "causal": {"every": 2}, "ntk": {"every": 2, "rows": 4}}
OFTEN |= {"grad-norm": {"every": 3}, "relobralo": {"every": 1, "saudade": 0.5}}
ALL = {"balance": "relobralo", "causal": True, "adaptive": "pde=rad,start=r3"}
CASES = [
    {"balance": "grad-norm"},
    {"balance": "ntk"},
    {"balance": "relobralo"},
    {"causal": True},
    {"adaptive": "rad"},
    {"adaptive": "r3"},
    ALL,
]


def settings(solver="adam", steps=12, **chosen):
    words = re.findall(r"[\w-]+", str(chosen))
    knobs = {name: dict(given) for name, given in OFTEN.items() if name in words}
    for name in solver.split(","):
        knobs[name] = {"every": 1}
    return Settings(solver=solver, steps=steps, device="cpu", knobs=knobs | {"field": FIELD}, **chosen)


def weights(solution):
    return {k: t.clone() for k, t in solution.field.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def stop_at(*places):
    def observe(log):
        if (log.stage, log.phase, log.step) in places:
            os.kill(os.getpid(), signal.SIGINT)

    return observe


@pytest.mark.parametrize("chosen", CASES, ids=str)
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, chosen):
    config = configure(HEAT, settings(**chosen), "heat")
    whole = run_config(HEAT, config)
    assert not equal(weights(whole), weights(run_config(HEAT, configure(HEAT, settings(), "heat"))))
    run = begin(HEAT, config, tmp_path / "run")
    assert run_config(HEAT, config, run=run, observers=[stop_at((0, "adam", 5))]).status == Status.INTERRUPTED
    made, read = reopen(Run.open(tmp_path / "run"))
    assert read == config
    again = run_config(made, read, run=run, state=load_state(run, made, read))
    assert equal(weights(again), weights(whole))
    assert (again.loss, again.heldout, again.warnings) == (whole.loss, whole.heldout, whole.warnings)


@pytest.mark.parametrize("place", [(0, "lbfgs", 3), (1, "adam", 7)])
def test_through_phases_and_windows_too(tmp_path, place):
    """State is kept from one phase to the next and begins anew in each window."""
    heat = Heat(n=24, hard=False, windows=2)
    config = configure(heat, settings("adam,lbfgs", 8, **ALL), "heat")
    whole = run_config(heat, config)
    run = begin(heat, config, tmp_path / "run")
    run_config(heat, config, run=run, observers=[stop_at(place)])
    again = run_config(heat, config, run=run, state=load_state(run, heat, config))
    assert equal(weights(again), weights(whole))


@pytest.mark.parametrize("chosen", CASES, ids=str)
def test_a_configuration_reads_back_whole(chosen):
    config = configure(HEAT, settings(**chosen), "heat")
    assert Config.loads(config.dumps()) == config
    plain = configure(HEAT, settings(), "heat")
    assert Config.loads(plain.dumps()).emphasis == Emphasis()


def test_the_same_from_python(tmp_path):
    knobs = {"field": FIELD, "adam": {"steps": 4}, "rad": {"every": 2}}
    given = {"balance": "ntk", "causal": True, "adaptive": "rad", "solver": "adam", "device": "cpu", "knobs": knobs}
    solution = solve(HEAT, out=tmp_path / "run", **given)
    text = (tmp_path / "run" / "config.toml").read_text()
    assert all(part in text for part in ("[balance]", "[causal]", "[adaptive.pde]"))
    assert solution.history[-1].weights.keys() == solution.history[-1].losses.keys()
    assert '"weights"' in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_by_default_what_lies_inside_is_chosen():
    found = choose(HEAT.constraints(), None, True, "r3", {})
    assert list(found.causal) == list(found.adaptive) == ["pde"]
    both = choose(HEAT.constraints(), None, True, "r3,start=rad", {"causal": {"on": "pde,wall_x0"}, "rad": {"pool": 3}})
    assert list(both.causal) == ["pde", "wall_x0"]
    assert {name: a.name for name, a in both.adaptive.items()} == {"pde": "r3", "start": "rad"}
    assert both.adaptive["start"].pool == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"balance": "ntkk"}, "unknown loss balancing 'ntkk'; did you mean ntk"),
        ({"balance": ""}, "unknown loss balancing"),
        ({"adaptive": "radd"}, "did you mean rad"),
        ({"adaptive": "pdee=rad"}, "unknown constraint 'pdee'; did you mean pde"),
        ({"adaptive": ""}, "unknown kind of adaptive points"),
        ({"adaptive": "rad,"}, "unknown kind of adaptive points"),
        ({"balance": "ntk", "knobs": {"ntk": {"evry": 3}}}, "did you mean every"),
        ({"balance": "ntk", "knobs": {"ntk": {"every": "soon"}}}, "ntk every"),
        ({"knobs": {"ntk": {"every": 3}}}, "ntk was not chosen: add --balance ntk"),
        ({"knobs": {"causal": {"chunks": 3}}}, "causal was not chosen: add --causal,"),
        ({"knobs": {"r3": {"every": 3}}}, "add --adaptive r3"),
        ({"causal": True, "knobs": {"causal": {"on": "wall"}}}, "unknown constraint 'wall'"),
        ({"causal": True, "knobs": {"causal": {"epsilon": "[0.1, nan]"}}}, "causal epsilon"),
        ({"balance": "ntk", "solver": "head"}, "head solves for all conditions at once and needs no balancing"),
        ({"adaptive": "rad", "steps": 500}, "rad moves points every 500 steps, and no solver takes more"),
        ({"tol": 1e-8}, "tol 1e-08 is below what float32 can tell from zero, 1.2e-07: take --dtype float64"),
        ({"tol": 1e-17, "dtype": "float64"}, "tol 1e-17 is below what float64 can tell from zero"),
    ],
    ids=str,
)
def test_bad_choices_are_refused_before_any_work(tmp_path, given, said):
    with pytest.raises(PinnsceneError, match=said) as caught:
        solve(HEAT, out=tmp_path / "run", **{"solver": "adam", **given})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_problem_without_time_has_no_causal_weights(toy):
    from pinnscene import Box, Constraint

    line = Box(x=(0.0, 1.0))
    constraints = {"fit": Constraint(line.interior(8), lambda u, p: u(p))}
    with pytest.raises(PinnsceneError, match="points with a time t, which no constraint draws"):
        choose(constraints, None, True, None, {})
    with pytest.raises(PinnsceneError, match="points with a time t, which 'fit' does not draw"):
        choose(constraints, None, True, None, {"causal": {"on": ["fit"]}})
    walls = {"wall": Constraint(line.face(2, "x"), lambda u, p: u(p))}
    with pytest.raises(PinnsceneError, match="such as --adaptive wall=rad"):
        choose(walls, None, False, "rad", {})


def test_a_tolerance_that_one_phase_can_reach_is_taken():
    assert configure(HEAT, Settings(solver="adam,lbfgs", tol=1e-12)).budget.tol == 1e-12


def test_an_older_checkpoint_is_continued(tmp_path):
    """One that knows nothing of parts, gauges and warnings."""
    import json

    config = configure(HEAT, settings(), "heat")
    run = begin(HEAT, config, tmp_path / "run")
    run_config(HEAT, config, run=run, observers=[stop_at((0, "adam", 5))])
    (file,) = Path(tmp_path / "run" / "checkpoints").glob("*/state.json")
    content = json.loads(file.read_text())
    for name in ("parts", "gauges", "warnings"):
        del content["state"][name]
    file.write_text(json.dumps(content))
    again = run_config(HEAT, config, run=run, state=load_state(run, HEAT, config))
    assert equal(weights(again), weights(run_config(HEAT, config)))


def test_wrapping_leaves_names_and_order_alone():
    constraints = HEAT.constraints()
    wrapped = Emphasis(causal={"pde": Causal(), "gone": Causal()}).wrap(constraints)
    assert list(wrapped) == list(constraints)
    assert wrapped["pde"].plain is constraints["pde"]
