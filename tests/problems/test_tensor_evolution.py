"""Tensor features through whole runs: windows, resuming to the same bits, and reading a run again from its folder."""

import json
import os
import signal
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pinnscene import PinnsceneError
from pinnscene.cli.app import app
from pinnscene.options import build_problem, find_problem
from pinnscene.problems.allen_cahn import AllenCahn
from pinnscene.problems.burgers import Burgers
from pinnscene.problems.evolution import growing
from pinnscene.problems.grayscott import GrayScott
from pinnscene.run import Run
from pinnscene.solution import Status
from pinnscene.solve import Settings, begin, conclude, configure, explain, load_state, reopen, run_config

SMALL = {"field": {"modes": "24,4"}}
BURGERS = Burgers(windows=3, end=0.3)


def weights(solution):
    return {k: t.clone() for k, t in solution.field.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 60), st.floats(1.0, 3.0), st.floats(0.0, 1.0))
def test_windows_grow_by_the_ratio_up_to_the_longest_and_fill_the_whole(count, ratio, share):
    longest = max(share, 1 / count)
    ends = growing(count, ratio, longest)
    lengths = [b - a for a, b in pairwise([0.0, *ends])]
    assert len(ends) == count and abs(ends[-1] - 1) < 1e-9
    assert max(lengths) <= longest * (1 + 1e-9)
    for a, b in pairwise(lengths):
        assert b == pytest.approx(min(a * ratio, longest), rel=1e-6, abs=1e-12)


def test_growth_without_end_is_told_in_one_line():
    with pytest.raises(PinnsceneError, match="windows that grow by 1e\\+300") as told:
        Burgers(growth=1e300, windows=4).cuts()
    assert "\n" not in str(told.value)


def test_the_start_is_held_by_the_ansatz_where_features_are_random():
    """By a constraint else; ``hard`` says otherwise."""
    assert BURGERS.ansatz() is None and {"start"} < set(BURGERS.constraints())
    hard = Burgers(hard=True)
    assert hard.ansatz() is not None and "start" not in hard.constraints()
    assert hard.holds and not BURGERS.holds


def test_a_window_is_prepared_with_the_state_before():
    """Knots where that is steep, and weights that hold it in t, as well as 40 splines hold its kink."""
    config = configure(AllenCahn(), Settings(knobs={"field": {"modes": "40,3"}}))
    first, second = AllenCahn().stage(0, None), None
    u = config.field.build(first)
    first.prepare(u)
    assert bool(u.head.weight.any())
    assert float(u.encoding.bases[0].breaks.diff().std()) > 1e-3
    second = AllenCahn().stage(1, u)
    v = config.field.build(second)
    second.prepare(v)
    x = second.domain.lattice(41, 3).coords
    held = torch.cat([x[:, :1], torch.full_like(x[:, :1], second.begin)], 1)
    with torch.no_grad():
        assert float((v(x) - u(held)).abs().max()) < 1e-3


@pytest.mark.parametrize(("stage", "step"), [(0, 1), (1, 1)])
def test_a_resumed_march_ends_with_the_same_bits(tmp_path, stage, step):
    """Knots move in each window, and are kept."""
    config = configure(BURGERS, Settings(knobs=SMALL, device="cpu"), "burgers")
    whole = run_config(BURGERS, config)
    run = begin(BURGERS, config, tmp_path / "run")

    def interrupt(log):
        if (log.stage, log.step) == (stage, step):
            os.kill(os.getpid(), signal.SIGINT)

    assert run_config(BURGERS, config, run=run, observers=[interrupt]).status == Status.INTERRUPTED
    run = Run.open(tmp_path / "run")
    made, read = reopen(run)
    again = run_config(made, read, run=run, state=load_state(run, made, read))
    assert same(weights(again), weights(whole)) and again.heldout == whole.heldout
    breaks = [t for name, t in weights(again).items() if name.endswith("breaks")]
    assert len(breaks) == 3 and not torch.equal(breaks[0], breaks[2])


def test_a_run_is_evaluated_rendered_and_exported_from_its_folder(tmp_path):
    """All from the moved knots: the score of the folder is that of the run."""
    config = configure(BURGERS, Settings(knobs=SMALL, device="cpu"), "burgers")
    run = begin(BURGERS, config, tmp_path / "run")
    solution = run_config(BURGERS, config, run=run)
    conclude(run, solution, figures=False)
    read = load_state(Run.open(tmp_path / "run"), *reopen(run))
    assert all(same(dict(a.state_dict()), dict(b.state_dict()))
               for a, b in zip(read.fields, solution.field.fields, strict=True))  # fmt: skip
    for command in (["eval"], ["render"], ["export"]):
        more = (
            ["--json"]
            if command == ["eval"]
            else ["--out", str(tmp_path / f"{command[0]}.{'npz' if command == ['export'] else 'png'}")]
        )
        done = CliRunner().invoke(app, [*command, str(tmp_path / "run"), *more])
        assert done.exit_code == 0, done.output
        if command == ["eval"]:
            metrics = json.loads(done.stdout)["metrics"]
            assert metrics["rel_l2"] == pytest.approx(solution.metrics["rel_l2"], rel=1e-9)


def test_the_default_plan_is_explained():
    """How t is cut, the features, their number, and how their weights are found."""
    why = explain(BURGERS, configure(BURGERS, Settings(knobs=SMALL)))
    assert why == (
        "in 3 windows of t, each from the state before: products of 24 spline and 4 chebyshev functions, "
        "96 unknowns: QR factors"
    )
    adam = explain(Burgers(windows=1), configure(Burgers(windows=1), Settings(solver="adam,lbfgs")))
    assert adam.startswith("all of t at once: ") and " weights by Adam " in adam and ", then " in adam


@pytest.mark.parametrize("name", ["heat", "image-fit", "eikonal-sdf", "shape-family", "burgers"])
@pytest.mark.parametrize("solver", ["head", "adam"])
def test_every_problem_takes_products_or_says_why_not(name, solver):
    """Widths that a problem chose for its own network are left out; a name that no layer has is still told."""
    problem = build_problem(find_problem(name), {})
    try:
        config = configure(problem, Settings(solver=solver, backbone="tensor"))
    except PinnsceneError as told:
        assert "--solver adam" in str(told) or "does not fit" in str(told)
        assert "\n" not in str(told)
    else:
        assert config.field.encoding == "tensor" and set(config.field.knobs) <= {"basis", "modes", "oversample"}
    with pytest.raises(PinnsceneError, match="widht"):
        configure(problem, Settings(backbone="tensor", solver="adam", knobs={"field": {"widht": "3"}}))


def test_two_outputs_by_conjugate_gradients_are_those_of_factors(tmp_path):
    """Gray-Scott on few modes: to the residual that conjugate gradients leave."""
    problem = GrayScott(windows=1, end=2.0)
    known = {"field": {"modes": "8,8,4"}}
    found = [run_config(problem, configure(problem, Settings(knobs=known | {"head": {"form": form}}, device="cpu")))
             for form in ("dense", "krylov")]  # fmt: skip
    p = problem.domain.lattice(21, 21, 3)
    with torch.no_grad():
        dense, free = (s.field(p) for s in found)
    assert float((dense - free).abs().max()) < 1e-3 * float(dense.abs().max())
    assert found[1].heldout < 1.1 * found[0].heldout
