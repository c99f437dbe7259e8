"""Interrupted runs go on to the same bits, from a folder that has moved, past a damaged checkpoint."""

import json
import os
import shutil
import signal
from math import inf, isnan, nan

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscene import Constraint, FieldSpec, PinnsceneError, partials
from pinnscene import run as runs
from pinnscene.checkpoints import checkpoints, load_checkpoint, load_latest, present, save_checkpoint
from pinnscene.plan import make_plan
from pinnscene.problems.heat import Heat
from pinnscene.run import Run
from pinnscene.solution import Status
from pinnscene.solve import Settings, begin, configure, load_state, reopen, run_config
from pinnscene.state import State
from pinnscene.trainer import train
from pinnscene.tree import pack, unpack

HEAT = {"n": 24}
FIELD = {"width": 8, "depth": 2, "first": 3.0, "omega": 3.0}


def weights(solution):
    return {k: t.clone() for k, t in solution.field.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def interrupt_at(*places):
    """An observer that sends SIGINT at these (stage, phase, step)."""

    def observe(log):
        if (log.stage, log.phase, log.step) in places:
            os.kill(os.getpid(), signal.SIGINT)

    return observe


def settings_of(solver, **adam):
    solvers = {"adam": {"every": 1, "warmup": 3, "lr": 1e-2, **adam}, "lbfgs": {"every": 1}}
    solvers |= {
        "gauss-newton": {"every": 1},
        "soap": {"every": 1, "warmup": 3, "lr": 1e-2, **adam},
        "ssbroyden": {"every": 1},
    }
    knobs = {"field": FIELD} | {name: given for name, given in solvers.items() if name in solver}
    return Settings(solver=solver, backbone="siren", steps=12, device="cpu", knobs=knobs)


def resumed(path, heat, config):
    run = Run.open(path)
    made, read = reopen(run)
    assert made == heat
    return run_config(made, read, run=run, state=load_state(run, made, read))


CASES = {
    "adam": ("adam", {}, 1, [(0, "adam", 5)]),
    "adam-average": ("adam", {"average": 0.9, "clip": 0.5}, 1, [(0, "adam", 5)]),
    "adam-first-and-last": ("adam", {}, 1, [(0, "adam", 1), (0, "adam", 12)]),
    "lbfgs": ("lbfgs", {}, 1, [(0, "lbfgs", 5), (0, "lbfgs", 9)]),
    "adam-then-lbfgs": ("adam,lbfgs", {"average": 0.9}, 1, [(0, "adam", 12), (0, "lbfgs", 1)]),
    "soap": ("soap", {"average": 0.9}, 1, [(0, "soap", 1), (0, "soap", 6)]),
    "gauss-newton": ("gauss-newton", {}, 1, [(0, "gauss-newton", 1), (0, "gauss-newton", 7)]),
    "ssbroyden": ("ssbroyden", {}, 1, [(0, "ssbroyden", 1), (0, "ssbroyden", 6)]),
    "windows": ("adam,lbfgs", {}, 2, [(0, "lbfgs", 3), (1, "adam", 4), (1, "lbfgs", 4)]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, case):
    solver, adam, windows, places = CASES[case]
    heat = Heat(**HEAT, windows=windows)
    config = configure(heat, settings_of(solver, **adam), "heat")
    whole = run_config(heat, config)
    path = tmp_path / "run"
    run = begin(heat, config, path)
    solution = run_config(heat, config, run=run, observers=[interrupt_at(places[0])])
    for k, place in enumerate([*places[1:], None]):
        assert solution.status == Status.INTERRUPTED
        moved = tmp_path / f"moved-{k}"
        shutil.move(path, moved)
        path, run = moved, Run.open(moved)
        made, read = reopen(run)
        observers = [interrupt_at(place)] if place else []
        solution = run_config(made, read, run=run, state=load_state(run, made, read), observers=observers)
    assert solution.status == whole.status
    assert solution.steps == whole.steps
    assert equal(weights(solution), weights(whole))
    assert solution.loss == whole.loss
    assert solution.heldout == whole.heldout
    last = load_state(run, made, read)
    assert all(equal(dict(f.state_dict()), dict(g.state_dict())) for f, g in
               zip(last.fields, getattr(solution.field, "fields", [solution.field]), strict=True))  # fmt: skip


def test_resume_needs_the_random_layers_of_a_head_no_more(tmp_path):
    """Gauss-Newton interrupted between its steps keeps its features."""
    heat = Heat(**HEAT)

    def nonlinear(u, p):
        return partials(u, p, "t") - 0.4 * partials(u, p, "xx") + u(p) ** 3

    constraints = lambda stage: {"pde": Constraint(stage.domain.interior(60), nonlinear)}
    spec, plan = FieldSpec("siren", knobs={"width": 20, "depth": 1}), make_plan("head", {"head": {"scale": 3.0}})
    go = lambda **more: train(heat, spec, plan, constraints=constraints, device="cpu", **more)
    whole = go()
    assert whole.steps > 2
    run = Run.create(tmp_path / "run")
    assert go(keeper=run, observers=[interrupt_at((0, "head", 2))]).status == Status.INTERRUPTED
    config = configure(heat, Settings(solver="head", knobs={"field": {"width": 20, "depth": 1}}), "heat")
    again = go(keeper=run, state=load_state(run, heat, config))
    assert equal(weights(again), weights(whole))


def test_a_finished_run_resumes_to_itself(tmp_path):
    heat = Heat(**HEAT)
    config = configure(heat, settings_of("adam"), "heat")
    first = run_config(heat, config, run=begin(heat, config, tmp_path / "run"))
    again = resumed(tmp_path / "run", heat, config)
    assert equal(weights(first), weights(again))
    assert (again.steps, again.loss, again.heldout) == (first.steps, first.loss, first.heldout)


def test_adam_resumes_where_some_weights_have_no_gradient(tmp_path, toy, make_field):
    """Derivatives alone leave the last bias out: the moments of the others still go back to their own weights."""
    heat = Heat(**HEAT)
    constraints = lambda stage: {"slope": Constraint(stage.domain.interior(20), lambda u, p: partials(u, p, "x") - 1)}
    spec = FieldSpec("mlp", engine="nested", knobs={"width": 6, "depth": 2, "activation": "relu"})
    plan = make_plan("adam", {"adam": {"steps": 8, "every": 1, "warmup": 0, "average": 0.5}})
    problem = toy(heat.domain)
    go = lambda **more: train(problem, spec, plan, constraints=constraints, device="cpu", **more)
    whole = go()
    run = Run.create(tmp_path / "run")
    go(keeper=run, observers=[interrupt_at((0, "adam", 4))])
    config = configure(heat, Settings(solver="adam"), "heat")
    config = type(config)(config.problem, {}, spec, plan)
    assert equal(weights(go(keeper=run, state=load_state(run, problem, config))), weights(whole))


def test_the_averaged_weights_are_there_to_be_shown(tmp_path):
    """The checkpoint of an interrupted run keeps the weights in training, and the averages for whoever evaluates."""
    heat = Heat(**HEAT)
    config = configure(heat, settings_of("adam", average=0.9), "heat")
    run = begin(heat, config, tmp_path / "run")
    solution = run_config(heat, config, run=run, observers=[interrupt_at((0, "adam", 5))])
    state = load_state(run, heat, config)
    assert not equal(dict(state.fields[0].state_dict()), weights(solution))
    present(state)
    assert equal(dict(state.fields[0].state_dict()), weights(solution))


# ---- damage ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A run with checkpoints at its last two steps (and its best)."""
    monkeypatch.setattr(runs, "EVERY", -1.0)
    heat = Heat(**HEAT)
    config = configure(heat, settings_of("adam"), "heat")
    run = begin(heat, config, tmp_path / "run")
    run_config(heat, config, run=run, observers=[interrupt_at((0, "adam", 6))])
    return run, heat, config


def test_the_last_two_and_the_best_are_kept(kept):
    run, _, _ = kept
    names = [int(p.name) for p in checkpoints(run.path / "checkpoints")]
    assert names[-2:] == [5, 6]
    assert len(names) in (2, 3)
    assert not list((run.path / "checkpoints").glob(".*"))


def test_of_older_checkpoints_the_best_stays(tmp_path, make_field):
    for taken, loss in enumerate([5.0, 1.0, 4.0, nan, 2.0, 3.0], 1):
        save_checkpoint(tmp_path, State(fields=[make_field()], taken=taken, loss=loss))
    assert [int(p.name) for p in checkpoints(tmp_path)] == [2, 5, 6]


@pytest.mark.parametrize("damage", ["weights", "half-weights", "json", "half-json", "other-json", "no-state", "gone"])
def test_a_damaged_checkpoint_falls_back_with_a_warning(kept, damage):
    run, heat, config = kept
    *_, older, newest = checkpoints(run.path / "checkpoints")
    file = newest / ("state.safetensors" if "weights" in damage else "state.json")
    data = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "other-json":
        file.write_text("[1, 2]")
    elif damage == "no-state":
        file.write_text('{"schema": 1}')
    else:
        file.write_bytes(data[: len(data) // 2] if "half" in damage else b"")
    with pytest.warns(UserWarning, match=rf"{newest.name}.*damaged.*using {older.name} instead"):
        state = load_state(run, heat, config)
    assert state.taken == int(older.name)
    whole = run_config(heat, config)
    assert equal(weights(run_config(heat, config, state=state)), weights(whole))


def test_no_readable_checkpoint_is_told(kept):
    run, heat, config = kept
    for path in checkpoints(run.path / "checkpoints"):
        (path / "state.json").write_text("{")
    with pytest.raises(PinnsceneError, match=r"damaged.*no other checkpoint can be read"):
        load_state(run, heat, config)
    shutil.rmtree(run.path / "checkpoints")
    with pytest.raises(PinnsceneError, match="no checkpoint in"):
        load_state(run, heat, config)


def test_a_newer_schema_is_refused_and_not_skipped(kept):
    run, heat, config = kept
    path = checkpoints(run.path / "checkpoints")[-1] / "state.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"schema": content["schema"] + 1}))
    with pytest.raises(PinnsceneError, match=r"newer than this pinnscene's.*upgrade"):
        load_state(run, heat, config)


def test_weights_of_another_field_are_refused(kept):
    run, heat, config = kept
    other = type(config)(config.problem, config.options, FieldSpec("siren", knobs=FIELD | {"width": 9}), config.plan)
    with pytest.raises(PinnsceneError, match=r"do not fit the field of config.toml"):
        load_state(run, heat, other)


def test_a_checkpoint_that_cannot_be_written_is_told(tmp_path, make_field):
    (tmp_path / "file").write_text("")
    with pytest.raises(PinnsceneError, match="cannot write"):
        save_checkpoint(tmp_path / "file" / "checkpoints", State(fields=[make_field()]))


def test_state_survives_to_the_bit(tmp_path, make_field):
    state = State(1, 2, 3, [make_field()], {"failures": 2, "before": inf, "memory": {"al": [None, torch.ones(3)]}},
                  None, {"scales": [0.1, 1 / 3]}, 7, 1.25, nan)  # fmt: skip
    content = load_latest(save_checkpoint(tmp_path, state).parent)
    assert content["stepper"]["before"] == inf
    assert content["stepper"]["failures"] == 2
    assert content["stepper"]["memory"]["al"][0] is None
    assert torch.equal(content["stepper"]["memory"]["al"][1], torch.ones(3))
    assert content["memory"] == {"scales": [0.1, 1 / 3]}
    assert [content[k] for k in ("stage", "phase", "step", "taken", "seconds")] == [1, 2, 3, 7, 1.25]
    assert isnan(content["loss"])
    assert load_checkpoint(tmp_path / "00000007").keys() == content.keys()


# ---- trees -----------------------------------------------------------------------------------------------------------

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES, lambda t: st.lists(t, max_size=4) | st.dictionaries(st.text(max_size=5), t, max_size=4), max_leaves=20
)


def same(a, b):
    if isinstance(a, float) and isnan(a):
        return isinstance(b, float) and isnan(b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b and str(a) == str(b)  # -0.0 stays -0.0


@settings(deadline=None, derandomize=True)
@given(TREES)
def test_plain_trees_survive_json(tree):
    assert same(tree, unpack(json.loads(json.dumps(pack(tree, "t", {}))), {}))


def test_tensors_get_names_of_their_own():
    """Also where keys hold dots, as those of state dicts do."""
    tensors = {}
    tree = {"a": {"b": torch.ones(2)}, "a.b": torch.zeros(3), "c": [torch.tensor(2.5), torch.arange(3)], "t": (1, inf)}
    back = unpack(json.loads(json.dumps(pack(tree, "s", tensors))), tensors)
    assert torch.equal(back["a"]["b"], torch.ones(2))
    assert torch.equal(back["a.b"], torch.zeros(3))
    assert torch.equal(back["c"][0], torch.tensor(2.5))
    assert torch.equal(back["c"][1], torch.arange(3))
    assert back["t"] == [1, inf]


def test_packed_tensors_are_copies():
    tensors, t = {}, torch.ones(3, requires_grad=True)
    pack([t], "s", tensors)
    with torch.no_grad():
        t.zero_()
    assert all(bool(kept.eq(1).all()) and not kept.requires_grad for kept in tensors.values())


@pytest.mark.parametrize("bad", [[], {}, {"list": 3}, {"tensor": "gone"}, {"what": 1}, {"value": 1, "list": []}, 7])
def test_damaged_trees_are_told(bad):
    with pytest.raises(PinnsceneError, match="damaged state"):
        unpack(bad, {})


def test_what_cannot_be_kept_is_refused():
    with pytest.raises(TypeError, match=r"cannot keep set at s\.a"):
        pack({"a": {1}}, "s", {})
