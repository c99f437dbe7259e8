"""Grids: their kernels, the sums over table rows, levels, hashing and growth."""

from itertools import pairwise

import pytest
import torch

from pinnscene import PinnsceneError
from pinnscene.derivatives import nested
from pinnscene.encodings.gather import dot, gather, scatter
from pinnscene.encodings.grid import Grid, Hash, resolutions
from pinnscene.encodings.kernels import KERNELS

SMOOTH = {"linear": 0, "smoothstep": 1, "quadratic": 1, "cubic": 2}  # continuous derivatives
REPRODUCED = {"linear": 1, "smoothstep": 0, "quadratic": 1, "cubic": 1}  # degrees that the nodes' own values give


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---- kernels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(KERNELS))
def test_weights_are_a_partition_of_one(name):
    f = uniform(50)
    assert torch.allclose(KERNELS[name].weights(f).sum(-1), torch.ones(50, dtype=torch.float64), atol=1e-14)
    assert KERNELS[name].weights(f, 1).sum(-1).abs().max() < 1e-13


@pytest.mark.parametrize("name", list(KERNELS))
def test_derivatives_of_weights_are_those_of_autograd(name):
    f = uniform(30).requires_grad_()
    kernel = KERNELS[name]
    for tap in range(kernel.taps):
        g = kernel.weights(f)[:, tap]
        for order in (1, 2, 3):
            (g,) = torch.autograd.grad(g.sum(), f, create_graph=True) if g.requires_grad else (torch.zeros_like(f),)
            assert torch.allclose(g, kernel.weights(f, order)[:, tap], atol=1e-12)


@pytest.mark.parametrize("name", list(KERNELS))
def test_a_kernel_is_as_smooth_as_it_says_and_no_smoother(name):
    """At the end of a cell, tap t weights what tap t - 1 weights at the start of the next one."""
    kernel = KERNELS[name]
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    jumps = []
    for order in range(4):
        start, end = kernel.weights(ends, order)
        jump = (end[1:] - start[:-1]).abs().max() + end[0].abs() + start[-1].abs()
        jumps.append(float(jump))
    smooth = SMOOTH[name]
    assert all(jump < 1e-14 for jump in jumps[: smooth + 1])
    assert jumps[smooth + 1] > 0.1


# ---- sums over rows --------------------------------------------------------------------------------------------------


def case(streams, seed=0):
    n, taps, rows, features = 7, 5, 11, 3
    index = torch.randint(0, rows, (n, taps), generator=torch.Generator().manual_seed(seed), dtype=torch.int32)
    table, weights, g = (
        uniform(rows, features),
        uniform(streams, n, taps, seed=1),
        uniform(streams, n, features, seed=2),
    )
    return index, *(t.requires_grad_() for t in (table, weights, g))


@pytest.mark.parametrize("streams", [1, 3])
def test_sums_are_their_formulas(streams):
    index, table, weights, g = case(streams)
    rows = table[index.long()]
    assert torch.allclose(gather(table, index, weights), torch.einsum("snt,ntf->snf", weights, rows))
    assert torch.allclose(dot(table, index, g), torch.einsum("snf,ntf->snt", g, rows))
    by_hand = torch.zeros_like(table)
    for n in range(len(index)):
        for t, row in enumerate(index[n].tolist()):
            by_hand[row] += sum(weights[s, n, t] * g[s, n] for s in range(streams))
    assert torch.allclose(scatter(weights, index, g, len(table)), by_hand)


@pytest.mark.parametrize("streams", [1, 2])
def test_sums_have_exact_gradients_of_first_and_second_order(streams):
    index, table, weights, g = case(streams)
    inputs = {
        "gather": (lambda t, w: gather(t, index, w), (table, weights)),
        "dot": (lambda t, g: dot(t, index, g), (table, g)),
        "scatter": (lambda w, g: scatter(w, index, g, len(table)), (weights, g)),
    }
    for f, arguments in inputs.values():
        assert torch.autograd.gradcheck(f, arguments)
        assert torch.autograd.gradgradcheck(f, arguments)


def test_the_same_sum_has_the_same_bits():
    index = torch.randint(0, 50, (4000, 8), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    weights, g = uniform(1, 4000, 8).float(), uniform(1, 4000, 4).float()
    first = scatter(weights, index, g, 50)
    assert all(torch.equal(first, scatter(weights, index, g, 50)) for _ in range(5))


# ---- levels ----------------------------------------------------------------------------------------------------------


def filled(make, inputs, f, **knobs):
    """A grid of one level whose coefficients are ``f`` at the nodes that they stand for."""
    grid = make(inputs, levels=1, features=1, **knobs).double()
    (level,) = grid.levels
    shift = (level.kernel.taps - 2) / 2  # B-spline coefficients stand for places half a cell before the first node, ...
    line = (torch.arange(level.side, dtype=torch.float64) - shift) * 2 / level.cells - 1
    nodes = torch.stack(torch.meshgrid(*[line] * inputs, indexing="ij"), -1).reshape(-1, inputs)
    with torch.no_grad():
        level.table.copy_(f(nodes)[:, None])
    return grid


@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
@pytest.mark.parametrize("name", list(KERNELS))
def test_linear_functions_are_reproduced(name, inputs):
    slope = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)[:inputs]
    if not REPRODUCED[name]:
        slope = slope * 0
    f = lambda x: x @ slope + 0.7
    grid = filled(Grid, inputs, f, coarsest=4, finest=4, interpolation=name)
    x = uniform(40, inputs) * 2 - 1
    x = torch.cat([x, torch.full((1, inputs), 1.0), torch.full((1, inputs), -1.0)])
    assert torch.allclose(grid(x)[:, 0], f(x), atol=1e-12)
    assert torch.equal(grid(x)[:, 1:], x)  # the coordinates come last


@pytest.mark.parametrize(("name", "order"), [("linear", 2), ("quadratic", 2), ("cubic", 2)])
def test_values_converge_with_the_cells(name, order):
    """Coefficients that are samples give second order for every kernel: halving the cells divides errors by four."""
    f = lambda x: torch.sin(2 * x[:, 0]) * torch.cos(x[:, 1])
    x = uniform(500, 2) * 2 - 1
    errors = []
    for cells in (8, 16, 32):
        grid = filled(Grid, 2, f, coarsest=cells, finest=cells, interpolation=name)
        errors.append(float((grid(x)[:, 0] - f(x)).detach().abs().max()))
    for coarse, fine in pairwise(errors):
        assert 2 ** (order - 0.3) < coarse / fine < 2 ** (order + 0.5)


def test_outside_the_box_a_grid_is_constant():
    grid = filled(Grid, 2, lambda x: x[:, 0] + x[:, 1], coarsest=4, finest=4)
    x = torch.tensor([[3.0, 0.5], [1.0, 0.5], [-7.0, -9.0], [-1.0, -1.0]], dtype=torch.float64)
    values = grid(x)[:, 0]
    assert values[0] == values[1]
    assert values[2] == values[3]
    slope = nested(lambda x: grid(x)[:, :1], x, [{(0,): 1.0}])[0]
    assert slope[0] == 0


def test_a_large_lattice_is_hashed_into_its_table():
    hashed = Hash(3, levels=3, coarsest=4, finest=64, features=2, table=10, interpolation="linear")
    rows = [len(level.table) for level in hashed.levels]
    assert rows == [125, 1024, 1024]
    assert [level.hashed for level in hashed.levels] == [False, True, True]
    index, _ = hashed.levels[-1].place(uniform(5000, 3).float() * 2 - 1)
    assert index.min() >= 0
    assert index.max() < 1024
    assert len(index.unique()) > 1000  # the whole table is used


def test_resolutions_are_a_geometric_series():
    assert resolutions(4, 16, 128) == [16, 32, 64, 128]
    assert resolutions(1, 16, 128) == [16]
    assert resolutions(5, 4, 6) == [4, 5, 6]


def test_finer_levels_join_one_by_one_and_stay():
    grid = Grid(2, levels=4, coarsest=4, finest=32, features=1, grow=0.5)
    grid.reset(torch.Generator().manual_seed(0))
    x = uniform(5, 2).float()
    seen = []
    for share in (0.0, 0.2, 0.3, 0.4, 0.5, 0.9):
        grid.refresh(share)
        seen.append(int((grid(x)[:, :4] != 0).all(0).sum()))
    assert seen[0] == 2
    assert seen[-1] == 4
    assert seen == sorted(seen)
    assert seen[4] == 4  # all of them at half of the steps
    grid.refresh(0.0)  # the next phase begins
    assert int(grid.active) == 4


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"levels": 0}, "levels"),
        ({"features": 0}, "features"),
        ({"coarsest": 8, "finest": 4}, "coarsest <= finest"),
        ({"interpolation": "cubik"}, "cubic"),
        ({"grow": 1.5}, "0 to 1"),
        ({"finest": 4096}, "hash"),
    ],
)
def test_wrong_knobs_are_told(knobs, message):
    with pytest.raises(PinnsceneError, match=message):
        Grid(3, **knobs)


def test_axes_and_tables_that_cannot_be_are_told():
    with pytest.raises(PinnsceneError, match="1 to 4 axes"):
        Grid(5)
    with pytest.raises(PinnsceneError, match="2\\^30"):
        Hash(3, table=30)


def test_no_points_give_no_gradient():
    table = torch.zeros(5, 2, requires_grad=True)
    index, weights = torch.zeros(0, 4, dtype=torch.int32), torch.zeros(1, 0, 4)
    gather(table, index, weights).sum().backward()
    assert table.grad is not None and not table.grad.any() and table.grad.shape == (5, 2)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_gradients_of_tables_are_the_same_for_any_number_of_threads(monkeypatch, threads):
    """Shares by rows that overlap, lie apart, or leave gaps."""
    monkeypatch.setattr("pinnscene.encodings.gather.PARALLEL", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    g = torch.Generator().manual_seed(0)
    for low, high in ((0, 90), (40, 44), (10, 11)):
        index = torch.randint(low, high, (37, 8), generator=g, dtype=torch.int32)
        weights = torch.rand(1, 37, 8, generator=g, dtype=torch.float64)
        table = torch.zeros(100, 3, dtype=torch.float64, requires_grad=True)
        slope = torch.rand(1, 37, 3, generator=g, dtype=torch.float64)
        gather(table, index, weights).backward(slope)
        wanted = torch.zeros(100, 3, dtype=torch.float64)
        wanted.index_add_(0, index.flatten().long(), (weights[0, :, :, None] * slope[0, :, None]).flatten(0, 1))
        assert table.grad is not None and torch.allclose(table.grad, wanted, atol=1e-12)
