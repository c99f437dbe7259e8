"""The Jacobian of residuals to the last layer, against reverse autograd through the whole field."""

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, PinnsceneError, operator, partials
from pinnscene.field import Field
from pinnscene.seeds import generator
from pinnscene.solvers.linearise import linearise

BOX = Box(x=(-1, 1), t=(0, 1))
SHAPE = Ansatz(lift=lambda p: torch.sin(3 * p["x"]), factor=lambda p: p["t"] * (1 - p["x"] ** 2))


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


def mean(u, p):
    return u(p) * u(p).mean() - p["x"]


def flipped(u, p):
    return u(p) ** 2 + partials(u, p, "x").flip(0)


def integral(u, p):
    """Rows that see a finer set of points than the batch's own."""
    fine = BOX.lattice(5, 4)
    return p["x"] * u(fine).mean() ** 2 + 0 * p["t"]


def by_autograd(field, constraint, batch):
    """[n, k, (m + 1) outputs], the bias last, columns by output."""
    lines = []
    for block in constraint.blocks("c", field, batch):
        r = block.residual
        rows = []
        for entry in r.flatten():
            layer = list(field.head.parameters())  # the weight, and the bias of a biased one
            grads = torch.autograd.grad(entry, layer, retain_graph=True, allow_unused=True)
            w, *b = (torch.zeros_like(p) if g is None else g for g, p in zip(grads, layer, strict=True))
            rows.append(torch.cat([w.T, *[g[None] for g in b]]).flatten())
        lines.append(torch.stack(rows).view(*r.shape, -1))
    return lines


def check(field, residual, n=23):
    constraint = Constraint(BOX.interior(n), residual)
    batch = constraint.draw("c", generator(0))
    found = linearise(field, lambda u: constraint.blocks("c", u, batch))
    exact = by_autograd(field, constraint, batch)
    assert len(found) == len(exact)
    for row, jacobian, block in zip(found, exact, constraint.blocks("c", field, batch), strict=True):
        chunks = list(row.chunks())
        assert [part.start for part, _ in chunks] == sorted({part.start for part, _ in chunks})
        assert torch.allclose(row.block.residual, block.residual, rtol=1e-12, atol=1e-13)
        together = torch.cat([j for _, j in chunks])
        scale = float(jacobian.abs().max())
        assert together.shape == jacobian.shape
        assert float((together - jacobian).abs().max()) <= 1e-11 * scale  # rounding of jets against nested autograd
    return found


@pytest.mark.parametrize("shape", [None, SHAPE], ids=["plain", "ansatz"])
@pytest.mark.parametrize("zero", [False, True], ids=["weights", "zero-head"])
@pytest.mark.parametrize(
    ("residual", "values"),
    [(burgers, ("u",)), (coupled, ("u", "v")), (seam, ("u",)), (mean, ("u",)), (flipped, ("u",)), (integral, ("u",))],
    ids=lambda a: getattr(a, "__name__", ""),
)
def test_jacobian_equals_autograd(make_field, residual, values, shape, zero):
    u = make_field(BOX, values=values, ansatz=shape)
    if zero and (shape is not None or residual in (burgers, coupled)):  # else the slope vanishes with the field
        with torch.no_grad():
            for p in u.head.parameters():
                p.zero_()
    check(u, residual)


@pytest.mark.parametrize(("residual", "rows"), [(burgers, None), (mean, 1), (flipped, 1)])
def test_only_mixing_rows_take_the_row_by_row_road(make_field, residual, rows):
    (found,) = check(make_field(BOX), residual)
    lengths = {part.stop - part.start for part, _ in found.chunks()}
    assert lengths == ({23} if rows is None else {1})


def test_named_blocks_share_a_pass(make_field):
    residual = lambda u, p: {"pde": burgers(u, p), "value": u(p) - p["x"]}
    found = check(make_field(BOX, ansatz=SHAPE), residual)
    assert [row.block.name for row in found] == ["c.pde", "c.value"]


def test_chunks_join_with_coefficients_by_row(make_field, monkeypatch):
    monkeypatch.setattr(Field, "chunk", 10)
    (found,) = check(make_field(BOX, values=("u", "v")), coupled)
    assert [part.stop - part.start for part, _ in found.chunks()] == [10, 10, 3]


def test_every_backbone_and_encoding(make_field):
    from pinnscene.backbones import backbones
    from pinnscene.encodings import encodings

    for backbone in set(backbones) - {"singular"}:  # which wants two coordinates
        for encoding in encodings:
            check(make_field(BOX, backbone, encoding, ansatz=SHAPE), burgers, 7)


def test_a_residual_that_forgets_the_field_is_refused(make_field):
    constraint = Constraint(BOX.interior(5), lambda u, p: p["x"])
    batch = constraint.draw("c", generator(0))
    with pytest.raises(PinnsceneError, match="residual of 'c' does not depend on the field"):
        linearise(make_field(BOX), lambda u: constraint.blocks("c", u, batch))


def test_a_residual_of_an_unknown_alone_is_refused(make_field):
    """It has a gradient, but none to the last layer."""
    unknown = torch.ones(1, dtype=torch.float64, requires_grad=True)
    constraint = Constraint(BOX.interior(5), lambda u, p: (u(p).detach() + unknown) * p["x"])
    batch = constraint.draw("c", generator(0))
    with pytest.raises(PinnsceneError):
        for row in linearise(make_field(BOX), lambda u: constraint.blocks("c", u, batch)):
            list(row.chunks())


def test_fourth_order(make_field):
    """Kuramoto-Sivashinsky's residual: towers of features."""
    check(make_field(BOX, ansatz=SHAPE), lambda u, p: u(p) * partials(u, p, "x") + partials(u, p, "xxxx"))
