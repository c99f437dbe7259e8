"""Constraints: what a sampler and a residual may return, and how they are told when they do not."""

import pytest
import torch

from pinnscene import Box, Constraint, PinnsceneError
from pinnscene.penalty import absolute, huber, square
from pinnscene.seeds import generator

BOX = Box(x=(0, 1), t=(0, 1))
SAMPLER = BOX.interior(32)


def blocks(make_field, residual, **more):
    constraint = Constraint(SAMPLER, residual, **more)
    return constraint.blocks("pde", make_field(BOX), constraint.draw("pde", generator(0)))


def test_a_residual_becomes_a_block(make_field):
    (block,) = blocks(make_field, lambda u, p: u(p) - 1, weight=3.0, penalty=huber)
    assert block.name == "pde"
    assert block.residual.shape == (32, 1)
    assert block.weight == 3.0
    assert block.penalty is huber


@pytest.mark.parametrize(
    ("residual", "got"),
    [
        (lambda u, p: u(p)[:, 0], r"\[32\]"),
        (lambda u, p: u(p) - torch.sin(p.coords[:, 0]), r"\[32, 32\]"),
        (lambda u, p: u(p)[None], r"\[1, 32, 1\]"),
        (lambda u, p: u(p)[:5], r"\[5, 1\]"),
        (lambda u, p: u(p).mean(), r"\[\]"),
    ],
    ids=["n", "n-n", "1-n-1", "fewer", "number"],
)
def test_a_wrong_shape_is_refused_naming_both(make_field, residual, got):
    with pytest.raises(PinnsceneError, match=rf"residual of 'pde' expected shape \[32, .*got {got}"):
        blocks(make_field, residual)


def test_as_many_columns_as_a_small_batch_has_rows_are_fine(make_field):
    """Two residuals a point at two points are no mistake."""
    constraint = Constraint(BOX.interior(2), lambda u, p: torch.cat([u(p), 2 * u(p)], 1))
    (block,) = constraint.blocks("pde", make_field(BOX), constraint.draw("pde", generator(0)))
    assert block.residual.shape == (2, 2)


@pytest.mark.parametrize("result", [None, 1.0, [1.0]])
def test_what_is_no_tensor_is_refused(make_field, result):
    with pytest.raises(PinnsceneError, match=rf"must be a tensor.*got {type(result).__name__}"):
        blocks(make_field, lambda u, p: result)


def test_named_blocks_have_their_own_penalties_and_weights(make_field):
    residual = lambda u, p: {"value": u(p), "slope": 2 * u(p)}
    first, second = blocks(
        make_field, residual, penalty={"value": square, "slope": absolute}, weight={"value": 1, "slope": 0.5}
    )
    assert (first.name, second.name) == ("pde.value", "pde.slope")
    assert (first.penalty, second.penalty) == (square, absolute)
    assert (first.weight, second.weight) == (1.0, 0.5)
    shared = blocks(make_field, residual, penalty=huber, weight=4.0)
    assert [(b.penalty, b.weight) for b in shared] == [(huber, 4.0)] * 2


@pytest.mark.parametrize("more", [{"weight": {"value": 1.0}}, {"penalty": {"value": square}}])
def test_a_missing_weight_or_penalty_is_named(make_field, more):
    with pytest.raises(PinnsceneError, match=r"'pde' gives no (penalty|weight) for its block 'slope'"):
        blocks(make_field, lambda u, p: {"value": u(p), "slope": u(p)}, **more)


def test_a_wrong_block_is_named(make_field):
    with pytest.raises(PinnsceneError, match=r"'pde.slope' expected shape \[32, .*got \[32\]"):
        blocks(make_field, lambda u, p: {"value": u(p), "slope": u(p)[:, 0]})


@pytest.mark.parametrize("batch", [None, 5])
def test_a_sampler_must_return_a_batch(batch):
    with pytest.raises(PinnsceneError, match=rf"sampler of constraint 'pde' must return.*got {type(batch).__name__}"):
        Constraint(lambda g: batch, lambda u, p: u(p)).draw("pde", generator(0))


def test_an_empty_batch_is_refused():
    with pytest.raises(PinnsceneError, match="sampler of constraint 'pde' returned no points"):
        Constraint(lambda g: SAMPLER(g)[:0], lambda u, p: u(p)).draw("pde", generator(0))
