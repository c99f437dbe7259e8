"""The Jacobian of residuals to every weight: against finite differences; its products against itself written out."""

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, PinnsceneError, operator, partials
from pinnscene.objective import Objective
from pinnscene.penalty import huber, softplus, square
from pinnscene.solvers import jacobian as module
from pinnscene.solvers.jacobian import jacobian_of, parameters_of, residual_of, survey

BOX = Box(x=(-1, 1), t=(0, 1))
SHAPE = Ansatz(lift=lambda p: torch.sin(3 * p["x"]), factor=lambda p: p["t"] * (1 - p["x"] ** 2), scale=2.0)


def burgers(u, p):
    value, t, x, xx = partials(u, p, "", "t", "x", "xx")
    return t + value * x - 0.1 * xx


def coupled(u, p):
    value, lap = u(p), operator(u, p, {"xx": 1 + p["x"] ** 2, "t": -1.0, "": 0.5})
    return torch.cat([lap[:, :1] * value[:, 1:], lap[:, 1:] + value[:, :1] ** 3, value[:, 1:] - p["x"]], 1)


def seam(u, p):
    """Two calls at different points, joined row by row."""
    across = p.coords.clone()
    across[:, 0] = 1.0
    return u(p) ** 2 - u(across)


def eikonal(u, p):
    """First order alone, where autograd would be the faster engine."""
    x, t = partials(u, p, "x", "t")
    return x**2 + t**2 - 1


def mean(u, p):
    return u(p) * u(p).mean() - p["x"]


def of(field, constraints):
    objective = Objective(constraints, 0, torch.device("cpu"), torch.float64, resample=False)
    batches = objective.batches(0)
    blocks = lambda: objective.blocks(field, batches)
    parts = [lambda n=n, c=c: c.blocks(n, field, batches[n]) for n, c in constraints.items()]
    return parts, blocks


def differences(field, blocks, j, h=1e-5):
    """Central differences of the scaled residuals, one weight after the other: their own error is h^2."""
    columns = []
    with torch.no_grad():
        for p in parameters_of(field):
            for i in range(p.numel()):
                ends = []
                for side in (h, -h):
                    p.view(-1)[i] += side
                    ends.append(residual_of(blocks()))
                    p.view(-1)[i] -= side
                columns.append(j.scale * (ends[0] - ends[1]) / (2 * h))
    return torch.stack(columns, 1)


@pytest.mark.parametrize("shape", [None, SHAPE], ids=["plain", "ansatz"])
@pytest.mark.parametrize(
    ("residual", "values", "penalty"),
    [
        (burgers, ("u",), square),
        (burgers, ("u",), huber),
        (coupled, ("u", "v"), softplus),
        (seam, ("u",), square),
        (eikonal, ("u",), square),
        (mean, ("u",), square),
    ],
    ids=lambda a: getattr(a, "__name__", None) or type(a).__name__,
)
def test_it_equals_finite_differences(make_field, residual, values, penalty, shape):
    """1e-7 of the largest entry: a third derivative times h^2 = 1e-10, and rounding over h = 1e-11."""
    u = make_field(BOX, "mlp", values=values, ansatz=shape, width=6, activation="tanh")
    parts, blocks = of(u, {"c": Constraint(BOX.interior(9), residual, penalty=penalty, weight=3.0)})
    j = jacobian_of(u, parts)
    exact = differences(u, blocks, j)
    assert float((j.dense() - exact).abs().max()) <= 1e-7 * float(exact.abs().max())


@pytest.mark.parametrize("encoding", ["none", "fourier", "learned-fourier", "positional", "grid"])
def test_every_encoding(make_field, encoding):
    """Also those with weights outside linear layers, whose rows are written out."""
    u = make_field(BOX, "mlp", encoding, width=5, activation="softplus")
    parts, blocks = of(u, {"c": Constraint(BOX.interior(4), lambda u, p: u(p) ** 2 - p["x"])})
    j = jacobian_of(u, parts)
    exact = differences(u, blocks, j)
    assert float((j.dense() - exact).abs().max()) <= 1e-6 * float(exact.abs().max())
    assert (j.rows[0].dense is None) == (encoding in ("none", "fourier", "positional"))


@pytest.mark.parametrize("residual", [burgers, seam, mean])
def test_products_need_no_matrix(make_field, rng, residual, monkeypatch):
    """J v, J^T w and J J^T from the layers' factors, against J itself; strips join."""
    monkeypatch.setattr(module, "STRIP", 7)
    u = make_field(BOX, "mlp", width=6)
    parts, _ = of(u, {
        "c": Constraint(BOX.interior(17), residual, weight=2.0),
        "start": Constraint(BOX.face(10, t=0.0), lambda u, p: u(p) - p["x"]),
    })  # fmt: skip
    j = jacobian_of(u, parts)
    dense = j.dense()
    assert dense.shape == (27, j.columns)
    assert len(list(j.strips())) == 5
    v = torch.randn(j.columns, generator=rng, dtype=torch.float64)
    w = torch.randn(27, generator=rng, dtype=torch.float64)
    for found, expected in (
        (j.times(v), dense @ v),
        (j.transposed(w), dense.T @ w),
        (j.kernel(), dense @ dense.T),
    ):
        assert float((found - expected).abs().max()) <= 1e-13 * float(expected.abs().max())


def test_squares_of_its_target_sum_to_the_loss(make_field):
    """For squares the parabola is exact: ||y||^2 is the loss."""
    u = make_field(BOX, "mlp")
    constraints = {
        "pde": Constraint(BOX.interior(20), burgers, weight=0.5),
        "start": Constraint(BOX.face(7, t=0.0), lambda u, p: u(p) - p["x"], weight=30.0),
    }
    parts, _ = of(u, constraints)
    objective = Objective(constraints, 0, torch.device("cpu"), torch.float64, resample=False)
    with torch.no_grad():
        loss = float(sum(objective.losses(u, objective.batches(0)).values()))
    assert float(jacobian_of(u, parts).target.square().sum()) == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize(("residual", "mixed"), [(burgers, False), (coupled, False), (mean, True)])
def test_its_size_is_known_beforehand(make_field, residual, mixed):
    u = make_field(BOX, "mlp", values=("u", "v") if residual is coupled else ("u",))
    parts, _ = of(u, {"c": Constraint(BOX.interior(12), residual)})
    size, j = survey(u, parts), jacobian_of(u, parts)
    assert (size.rows, size.columns) == (len(j), j.columns)
    assert size.factors == sum(f.slopes.numel() + f.inputs.numel() for row in j.rows for f in row.factors)
    assert size.dense == (len(j) * j.columns if mixed else 0)


def test_the_field_is_left_as_it_was(make_field):
    u = make_field(BOX, "mlp", engine="nested")
    parts, _ = of(u, {"c": Constraint(BOX.interior(5), burgers)})
    jacobian_of(u, parts)
    assert u.engine == "nested"
    assert not any(m._forward_hooks for m in u.modules())


def test_a_residual_that_forgets_the_field_is_refused(make_field):
    u = make_field(BOX)
    parts, _ = of(u, {"c": Constraint(BOX.interior(5), lambda u, p: p["x"])})
    with pytest.raises(PinnsceneError, match="residual of 'c' does not depend on the field"):
        survey(u, parts)
