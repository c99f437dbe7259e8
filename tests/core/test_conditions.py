"""Fields of a family: codes, the encoder of clouds, members that are functions of the points alone."""

import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pinnscene import Batch, Box, Constraint, Field, FieldSpec, PinnsceneError, Problem, gradient, hessian, partials
from pinnscene.batch import Points
from pinnscene.conditions import ConditionSpec, conditions
from pinnscene.metrics import evaluate
from pinnscene.run import Run
from pinnscene.seeds import generator
from pinnscene.solution import Status
from pinnscene.solve import Settings, begin, configure, load_state, run_config

BOX = Box(x=(-1.0, 2.0), y=(0.0, 1.5), z=(-1.0, 1.0))
SPECS = {
    "codes": ConditionSpec("codes", {"count": 3, "size": 4, "spread": 0.5}),
    "cloud": ConditionSpec("cloud", {"size": 4, "width": 6}),
}


@dataclass(frozen=True, eq=False)
class Samples(Batch):
    """Points of members, by number."""

    xyz: Tensor
    member: Tensor


@dataclass(frozen=True)
class Balls(Problem):
    """The distance to spheres of radius 0.2, 0.4, 0.6, one a member."""

    kind: str = "codes"  # of condition
    values, domain = ("d",), BOX

    def condition(self) -> ConditionSpec:
        return SPECS[self.kind]

    def constraints(self) -> Mapping[str, Constraint]:
        def draw(g: torch.Generator) -> Samples:
            return Samples(BOX.interior(30)(g).coords, torch.randint(3, (30,), generator=g))

        def distance(u: Field, p: Samples) -> dict[str, Tensor]:
            z = u.code(p.member)
            truth = p.xyz.norm(dim=1, keepdim=True) - 0.2 * (p.member[:, None] + 1)
            return {"distance": u.bind(z)(p.xyz) - truth, "prior": 0.01 * z}

        return {"balls": Constraint(draw, distance)}


def field_of(kind: str = "codes", backbone: str = "siren", encoding: str = "none", engine: str = "auto") -> Field:
    knobs = {"width": 9, "depth": 2} | ({"first": 3.0, "omega": 2.0} if backbone == "siren" else {})
    return FieldSpec(backbone, encoding, engine, knobs).build(Balls(kind), 3)


def points(n: int = 7, seed: int = 0) -> Tensor:
    return BOX.interior(n)(generator(seed, "points")).coords


def clouds(b: int = 2, m: int = 11) -> Tensor:
    return torch.stack([points(m, seed) for seed in range(b)])


@pytest.mark.parametrize(("backbone", "encoding"), [("siren", "none"), ("mlp", "none"), ("mlp", "positional")])
@pytest.mark.parametrize("rows", [False, True])
def test_jets_are_nested_derivatives(backbone: str, encoding: str, rows: bool) -> None:
    found = {}
    for engine in ("jets", "nested"):
        u = field_of("codes", backbone, encoding, engine)
        z = u.code(torch.tensor([0, 1, 2, 0, 1, 2, 1])) if rows else u.code(1)
        v, p = u.bind(z), points()
        answers = [v(p), gradient(v, p), hessian(v, p), partials(v, p, "xx") + partials(v, p, "z")]
        (table,) = torch.autograd.grad(sum(a.square().sum() for a in answers), [u.condition.table])
        found[engine] = [*answers, table]
    for one, other in zip(found["jets"], found["nested"], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    assert found["jets"][2].abs().max() > 1e-3


def test_derivatives_agree_with_differences() -> None:
    u, p, h = field_of(), points(), 1e-5
    v = u.bind(u.code(2))
    for k in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[k] = h
        slope = (v(p + step) - v(p - step)) / (2 * h)
        torch.testing.assert_close(gradient(v, p)[:, k : k + 1], slope, rtol=1e-6, atol=1e-8)


def test_a_code_a_point_is_each_code_alone() -> None:
    u, p = field_of(), points(6)
    member = torch.tensor([2, 0, 1, 1, 2, 0])
    together = u.bind(u.code(member))(p)
    alone = torch.cat([u.bind(u.code(int(k)))(p[i : i + 1]) for i, k in enumerate(member)])
    torch.testing.assert_close(together, alone)
    assert (u.bind(u.code(0))(p) - u.bind(u.code(1))(p)).abs().max() > 1e-3


def test_many_points_go_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pinnscene.field.CACHED", 9)  # the least, 128 points
    u, p = field_of(), points(300)
    z = u.code(torch.arange(300) % 3)
    whole = u.bind(z)(p)
    assert u.chunk == 128
    with torch.no_grad():
        torch.testing.assert_close(u.bind(z)(p), whole)
        torch.testing.assert_close(u.bind(z[0])(p)[::3], whole[::3])
    torch.testing.assert_close(evaluate(u.bind(z[1]), Points(p, BOX.axes), 50)[1::3], whole[1::3].detach())


@pytest.mark.parametrize("kind", SPECS)
def test_gradients_reach_every_weight(kind: str) -> None:
    u, member = field_of(kind), torch.tensor([0, 2, 2, 0, 2, 0, 2])
    z = u.code(member) if kind == "codes" else u.encode(clouds())[member // 2]
    gradient(u.bind(z), points()).square().sum().backward()
    for name, p in u.named_parameters():
        assert name == "head.bias" or (p.grad is not None and p.grad.abs().max() > 0), name
    if kind == "codes":
        assert u.condition.table.grad[1].abs().max() == 0  # member 1 took no part


def test_the_encoder_ignores_the_order_of_the_points() -> None:
    u, cloud = field_of("cloud"), clouds(1)[0]
    z = u.encode(cloud)
    assert z.shape == (4,)
    torch.testing.assert_close(u.encode(cloud.flip(0)), z)
    torch.testing.assert_close(u.encode(torch.cat([cloud, cloud[:3]])), z)  # a maximum does not count either
    moved = cloud.clone()
    moved[:, 0] += 0.5
    assert (u.encode(moved) - z).abs().max() > 1e-3


def test_clouds_are_encoded_one_by_one() -> None:
    u, both = field_of("cloud"), clouds()
    torch.testing.assert_close(u.encode(both), torch.stack([u.encode(cloud) for cloud in both]))


def test_the_encoder_sees_the_domain_normalised() -> None:
    """The same shape at another place and size of the domain has the same code."""

    @dataclass(frozen=True)
    class Far(Balls):
        domain = Box(x=(990.0, 1020.0), y=(0.0, 15.0), z=(-10.0, 10.0))

    near = field_of("cloud")
    far = FieldSpec("siren", knobs={"width": 9, "depth": 2}).build(Far("cloud"), 3)
    far.condition.load_state_dict(near.condition.state_dict())
    cloud = clouds(1)[0]
    torch.testing.assert_close(far.encode(cloud * 10 + torch.tensor([1000.0, 0, 0])), near.encode(cloud))


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SPECS)
def test_an_unbound_call_is_told(kind: str) -> None:
    u = field_of(kind)
    for call in (
        lambda: u(points()),
        lambda: gradient(u, points()),
        lambda: u.feature_derivatives(points(), [{(): 1}]),
    ):
        with pytest.raises(PinnsceneError, match=r"needs a code: u\.bind\(u\.code\(k\)\)"):
            call()


def test_what_does_not_fit_is_told(make_field) -> None:
    u, v = field_of("codes"), field_of("cloud")
    for call, said in [
        (lambda: make_field().bind(torch.zeros(4)), "has no condition"),
        (lambda: u.bind(torch.zeros(5)), r"expected a code of shape \[4\] or \[n, 4\], got \[5\]"),
        (lambda: u.bind(torch.zeros(6, 4))(points(7)), "bound to 6 codes.* given 7 points"),
        (lambda: u.encode(clouds()), "no encoder"),
        (lambda: v.code(0), "no table of codes"),
        (lambda: v.encode(clouds()[..., :2]), r"expected clouds of shape .* got \[2, 11, 2\]"),
        (lambda: v.encode(clouds()[:, :0]), "expected clouds of shape"),
        (lambda: ConditionSpec("code").build(), "did you mean codes?"),
        (lambda: ConditionSpec("codes", {"count": 2, "sise": 3}).build(), "did you mean size?"),
        (lambda: ConditionSpec("codes", {"count": 0}).build(), "count, size >= 1"),
        (lambda: ConditionSpec("cloud", {"width": 0}).build(), "width and inputs >= 1"),
        (lambda: u.redraw(torch.ones(3), generator(0)), "train it with adam"),
    ]:
        with pytest.raises(PinnsceneError, match=said):
            call()


def test_every_condition_is_registered() -> None:
    assert set(conditions) == set(SPECS)


def test_fields_without_a_condition_draw_the_same_weights(make_field) -> None:
    plain = make_field(BOX, width=9, depth=2, first=3.0, omega=2.0, seed=3)
    u = field_of()
    # the codes are drawn last and join the first layer alone
    torch.testing.assert_close(plain.backbone.layers[1].weight.shape, u.backbone.layers[1].weight.shape)
    assert plain.condition is None and "condition.table" not in plain.state_dict()


# ---- runs ------------------------------------------------------------------------------------------------------------


def settings() -> Settings:
    knobs = {"field": {"width": 8, "depth": 2, "first": 3.0}, "adam": {"every": 1, "warmup": 2, "average": 0.9}}
    return Settings(solver="adam", steps=10, device="cpu", knobs=knobs)


def test_a_conditioned_field_saves_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    problem = Balls()
    config = configure(problem, settings(), "balls")
    whole = run_config(problem, config)

    def interrupt(log) -> None:
        if log.step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    run = begin(problem, config, tmp_path / "run")
    assert run_config(problem, config, run=run, observers=[interrupt]).status == Status.INTERRUPTED
    shutil.move(tmp_path / "run", tmp_path / "moved")
    run = Run.open(tmp_path / "moved")
    again = run_config(problem, config, run=run, state=load_state(run, problem, config))
    trained, resumed = whole.field.state_dict(), again.field.state_dict()
    assert "condition.table" in trained and trained.keys() == resumed.keys()
    assert all(torch.equal(trained[name], resumed[name]) for name in trained)
    assert (again.loss, again.heldout) == (whole.loss, whole.heldout)
    first = FieldSpec.build(config.field, problem, config.seed).condition.table
    assert (trained["condition.table"].double() - first).abs().max() > 1e-4
    loaded = load_state(run, problem, config).fields[0]
    p = points(50).float()
    assert torch.equal(loaded.bind(loaded.code(1))(p), again.field.bind(again.field.code(1))(p))


def test_the_heldout_residual_is_a_share_of_a_zero_network(tmp_path: Path) -> None:
    solution = run_config(Balls(), configure(Balls(), settings(), "balls"))
    assert 0 < solution.heldout < 1
