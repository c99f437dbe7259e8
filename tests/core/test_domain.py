"""Boxes: points inside and on faces, normals, shares, sequences, distance; the same draw from the same stream."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscene import Box, Fixed, PinnsceneError
from pinnscene.samplers import CUBES, unit_cube
from pinnscene.seeds import generator, integer

AXES = ("x", "y", "z", "t", "alpha")


@st.composite
def boxes(draw):
    d = draw(st.integers(1, 5))
    ends = {}
    for axis in AXES[:d]:
        low = draw(st.floats(-1e3, 1e3))
        ends[axis] = (low, low + draw(st.floats(1e-3, 1e3)))
    return Box(**ends)


def bounds(box):
    return torch.tensor(box.lower, dtype=torch.float64), torch.tensor(box.upper, dtype=torch.float64)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(boxes(), st.integers(1, 70), st.sampled_from(sorted(CUBES)), st.integers(0, 10**6))
def test_interior_points_lie_inside(box, n, points, seed):
    """Up to one rounding of lower + (upper - lower) u."""
    p = box.interior(n, points)(generator(seed, "pde", 0))
    low, high = bounds(box)
    slack = 1e-12 * (high - low + low.abs())
    assert p.coords.shape == (n, len(box.axes))
    assert p.coords.dtype == torch.float64
    assert p.axes == box.axes
    assert p.normal is None
    assert (p.coords >= low - slack).all()
    assert (p.coords <= high + slack).all()


@settings(deadline=None, max_examples=60, derandomize=True)
@given(boxes(), st.integers(1, 70), st.sampled_from(sorted(CUBES)), st.data())
def test_face_points_lie_exactly_on_their_wall(box, n, points, data):
    axis = data.draw(st.sampled_from(box.axes))
    p = box.face(n, axis, points=points)(generator(0, "walls", 0))
    k = box.axes.index(axis)
    low, high = box.bounds[axis]
    column = p.coords[:, k]
    assert ((column == low) | (column == high)).all()
    expected = torch.zeros_like(p.coords)
    expected[:, k] = torch.where(column == high, 1.0, -1.0).double()
    assert torch.equal(p.normal, expected)
    assert len(p) == n
    if len(box.axes) > 1:
        others = [j for j in range(len(box.axes)) if j != k]
        lower, upper = bounds(box)
        slack = 1e-12 * (upper - lower + lower.abs())
        assert (p.coords >= lower - slack)[:, others].all()
        assert (p.coords <= upper + slack)[:, others].all()


@settings(deadline=None, max_examples=60, derandomize=True)
@given(boxes(), st.integers(1, 400))
def test_walls_share_points_by_area(box, n):
    """The area of a wall across axis a is the volume over the extent of a; shares are exact but for rounding to whole
    points, which cumulated ends keep below one.
    """
    p = box.face(n, *box.axes)(generator(0, "walls", 0))
    extent = [high - low for low, high in box.bounds.values()]
    areas = [math.prod(extent) / e for e in extent for _ in (0, 1)]
    wall = p.normal.abs().argmax(1) * 2 + (p.normal.sum(1) > 0)
    counts = torch.bincount(wall, minlength=len(areas)).tolist()
    assert sum(counts) == n
    for found, area in zip(counts, areas, strict=True):
        assert abs(found - n * area / sum(areas)) <= 1 + 1e-9


def test_planes_by_name():
    box = Box(x=(0, 1), y=(0, 2), t=(0, 1))
    start = box.face(10, t=0.0)(generator(0))
    assert (start["t"] == 0).all()
    assert torch.equal(start.normal, torch.tensor([[0.0, 0.0, -1.0]], dtype=torch.float64).expand(10, 3))
    middle = box.face(10, t=0.3)(generator(0))
    assert (middle["t"] == 0.3).all()
    assert not middle.normal.any()
    both = box.face(9, "x", t=0.0)(generator(0))
    counts = [int((both.normal[:, 0] == s).sum()) for s in (-1, 1)] + [int((both.normal[:, 2] == -1).sum())]
    assert sum(counts) == 9
    assert min(counts) >= 2


@pytest.mark.parametrize("points", sorted(CUBES))
def test_a_draw_depends_on_seed_name_and_step_alone(points):
    sampler = Box(x=(0, 1), t=(0, 2)).interior(33, points)
    draw = lambda *key: sampler(generator(*key)).coords
    first = draw(0, "pde", 4)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert torch.equal(first, draw(0, "pde", 4))
    assert torch.equal(before, torch.get_rng_state())
    for other in ((1, "pde", 4), (0, "walls", 4), (0, "pde", 5), (0, "pde", "held-out")):
        assert not torch.equal(first, draw(*other))


@pytest.mark.parametrize("points", sorted(CUBES))
def test_the_mean_over_samples_converges(points):
    """E x = 1/2, E x y = 1/4 on the unit square. Uniform points: 5 standard errors of 4096 draws, 5 * 0.29 / 64 =
    0.023; the other sequences are stratified at least in each axis, so their means of x are ten times closer.
    """
    u = unit_cube(4096, 2, points, generator(0, "mean"))
    bound = 0.023 if points == "uniform" else 0.0023
    assert (u.mean(0) - 0.5).abs().max() < bound
    assert abs(float((u[:, 0] * u[:, 1]).mean()) - 0.25) < 0.023
    assert ((u >= 0) & (u <= 1)).all()


def test_sobol_points_fill_each_half_evenly():
    """The first 2^k points of a scrambled Sobol sequence put exactly half of them in each half of each axis."""
    u = unit_cube(64, 3, "sobol", generator(0, "halves"))
    assert ((u < 0.5).sum(0) == 32).all()


def test_streams_of_neighbouring_keys_are_unrelated():
    """5 standard errors of the correlation of 4096 pairs: 5 / 64."""
    a, b = (torch.rand(4096, generator=generator(*key), dtype=torch.float64) for key in ((0, "a", 1), (0, "a", 2)))
    assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 5 / 64
    assert 0 <= integer(generator(0)) < 2**31


# ---- distance --------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40, derandomize=True)
@given(boxes(), st.integers(0, 10**6))
def test_distance_has_sign_and_unit_slope(box, seed):
    """|grad| = 1 by central differences, but for points within a step of where the nearest wall changes."""
    low, high = bounds(box)
    g = generator(seed)
    x = low + (high - low) * (torch.rand(60, len(low), generator=g, dtype=torch.float64) * 2 - 0.5)
    inside = ((x > low) & (x < high)).all(1, keepdim=True)
    d = box.distance(x)
    assert d.shape == (60, 1)
    assert ((d < 0) == inside).all()
    h = 1e-6 * float((high - low).min())
    steps = h * torch.eye(len(low), dtype=torch.float64)
    slope = torch.cat([(box.distance(x + s) - box.distance(x - s)) / (2 * h) for s in steps], 1)
    q = ((x - (low + high) / 2).abs() - (high - low) / 2).sort(1, descending=True).values
    kink = (q.abs() < 10 * h).any(1)
    if len(low) > 1:
        kink |= (q[:, 0] < 0) & (q[:, 0] - q[:, 1] < 10 * h)
    kink |= ((x - (low + high) / 2).abs() < 10 * h).any(1)
    # 1e-3: rounding of coordinates of 1e3 (1e-13) over a step of at least 1e-9
    assert ((slope.norm(dim=1) - 1).abs()[~kink] < 1e-3).all()


def test_distance_at_known_places():
    box = Box(x=(0, 2), y=(0, 1))
    x = torch.tensor([[1.0, 0.5], [0.0, 0.5], [2.0, 1.0], [5.0, 5.0], [-1.0, 0.5], [0.1, 0.5]], dtype=torch.float64)
    expected = torch.tensor([-0.5, 0.0, 0.0, 5.0, 1.0, -0.1], dtype=torch.float64)
    assert torch.allclose(box.distance(x)[:, 0], expected, rtol=1e-14, atol=1e-15)


# ---- grids -----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30, derandomize=True)
@given(boxes(), st.integers(243, 60_000))
def test_grid_has_its_ends_and_centre_and_is_not_too_large(box, most):
    p = box.grid(most)
    low, high = bounds(box)
    assert len(p) <= most
    assert torch.allclose(p.coords.amin(0), low, rtol=0, atol=0)
    assert torch.allclose(p.coords.amax(0), high, rtol=0, atol=0)
    gap = ((p.coords - (low + high) / 2).abs() / (high - low)).amax(1).min()
    assert gap < 1e-9


def test_lattice_runs_along_the_last_axis_first():
    p = Box(x=(0, 1), t=(0, 3)).lattice(2, 4)
    assert p["t"][:4, 0].tolist() == [0, 1, 2, 3]
    assert p["x"][:, 0].tolist() == [0] * 4 + [1] * 4
    assert p.coords.dtype == torch.float64


# ---- points and batches ----------------------------------------------------------------------------------------------


def test_points_are_indexed_by_axis_by_column_and_by_row():
    p = Box(x=(0, 1), t=(0, 1)).face(8, "x")(generator(0))
    assert p["t"].shape == (8, 1)
    assert torch.equal(p[:, 1:], p["t"])
    some = p[torch.tensor([0, 3])]
    assert len(some) == 2
    assert torch.equal(some.normal, p.normal[[0, 3]])
    assert len(p[:3]) == 3
    moved = p.to("cpu", torch.float32)
    assert moved.coords.dtype == moved.normal.dtype == torch.float32
    with pytest.raises(PinnsceneError, match="no axis 'q'"):
        p["q"]


def test_fixed_draws_once():
    calls = []

    def sampler(g):
        calls.append(1)
        return Box(x=(0, 1)).interior(5)(g)

    fixed = Fixed(sampler, seed=3)
    first, second = fixed(generator(0, "a", 0)), fixed(generator(7, "b", 9))
    assert torch.equal(first.coords, second.coords)
    assert len(calls) == 1
    assert torch.equal(Fixed(Box(x=(0, 1)).interior(5), seed=3)(generator(1)).coords, first.coords)
    assert not torch.equal(Fixed(Box(x=(0, 1)).interior(5), seed=4)(generator(1)).coords, first.coords)


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [(1, 0), (1, 1), (0, math.inf), (math.nan, 1)])
def test_bad_ends_are_refused(ends):
    with pytest.raises(PinnsceneError, match="axis x expected two finite ends, lower first"):
        Box(x=ends)


def test_bad_requests_are_refused():
    box = Box(x=(0, 1), alpha=(0, 1))
    with pytest.raises(PinnsceneError, match="at least one axis"):
        Box()
    with pytest.raises(PinnsceneError, match="did you mean alpha"):
        box.face(4, "alpa")
    with pytest.raises(PinnsceneError, match=r"x=2.0 lies outside the box's x from 0.0 to 1.0"):
        box.face(4, x=2.0)
    with pytest.raises(PinnsceneError, match="got neither"):
        box.face(4)
    for n in (0, -1, 2.5, True, "7"):
        with pytest.raises(PinnsceneError, match="whole number of at least 1"):
            box.interior(n)
    with pytest.raises(PinnsceneError, match="unknown point sequence 'sobbol'; did you mean sobol"):
        box.interior(4, "sobbol")(generator(0))


def test_boxes_compare_by_their_ends():
    assert Box(x=(0, 1)) == Box(x=(0.0, 1.0))
    assert hash(Box(x=(0, 1))) == hash(Box(x=(0.0, 1.0)))
    assert Box(x=(0, 1)) != Box(y=(0, 1))
    assert repr(Box(x=(0, 1))) == "Box(x=(0.0, 1.0))"
