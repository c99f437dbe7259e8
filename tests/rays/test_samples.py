"""Packed stretches, and how they are spread evenly over rays."""

import torch

from pinnscene.rays.even import even, spread
from pinnscene.rays.samples import Samples, nothing, stretches

PACKED = Samples(torch.tensor([0, 0, 2, 2, 2, 5]), torch.arange(6.0), torch.arange(6.0) + 0.5, 7)


def test_tables_hold_each_ray_in_a_row():
    table = PACKED.table(torch.arange(1.0, 7.0))
    expected = torch.zeros(7, 3)
    expected[0, :2], expected[2], expected[5, 0] = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0]), 6.0
    torch.testing.assert_close(table, expected)
    torch.testing.assert_close(PACKED.packed(table), torch.arange(1.0, 7.0))
    assert PACKED.slot.tolist() == [0, 1, 0, 1, 2, 0]


def test_totals_are_sums_along_each_ray():
    values = torch.arange(12.0).view(6, 2)
    expected = torch.stack([values[PACKED.ray == k].sum(0) for k in range(7)])
    torch.testing.assert_close(PACKED.total(values), expected)
    kept = torch.tensor([1, 4])
    some = PACKED.total(values[kept], kept)
    torch.testing.assert_close(some.sum(0), values[kept].sum(0))
    torch.testing.assert_close(some[2], values[4])


def test_some_stretches_stay_in_order():
    some = PACKED.chosen(PACKED.ray > 0)
    assert some.ray.tolist() == [2, 2, 2, 5] and some.slot.tolist() == [0, 1, 2, 0] and some.count == 7


def test_nothing_has_no_stretch_and_sums_to_nothing():
    none = nothing(3, torch.zeros(1))
    assert len(none) == 0 and none.width == 1
    assert none.table(torch.zeros(0)).shape == (3, 1)
    assert none.total(torch.zeros(0, 2)).tolist() == [[0, 0]] * 3


def test_stretches_follow_each_other():
    made = stretches(torch.tensor([[0.0, 1.0, 3.0], [2.0, 2.5, 4.0]]))
    assert made.ray.tolist() == [0, 0, 1, 1]
    assert made.length.tolist() == [1.0, 2.0, 0.5, 1.5]
    assert made.middle.tolist() == [0.5, 2.0, 2.25, 3.25]


def test_even_stretches_cover_the_ray_each_edge_in_its_own_place(around):
    rays = around(50, near=1.0, far=4.0)
    made = even(rays, 16)
    start, end = made.start.view(50, 16), made.end.view(50, 16)
    torch.testing.assert_close(start[:, 1:], end[:, :-1])
    assert bool((start[:, 0] == 1).all()) and bool((end[:, -1] == 4).all())
    nominal = 1 + 3 / 16 * torch.arange(1, 16)
    assert float((start[:, 1:] - nominal).abs().max()) <= 3 / 32
    assert float((start[:, 1:] - nominal).std()) > 0.02


def test_spread_fills_the_unit_interval_and_keeps_the_precision():
    for dtype in (torch.float32, torch.float64):
        made = spread(torch.tensor([[0.3], [0.999999]], dtype=dtype), 500)
        assert made.dtype == dtype and float(made.min()) >= 0 and float(made.max()) < 1
        assert float(made.sort(1).values.diff(dim=1).max()) < 2.7 / 500  # three gaps of a golden rotation
    exact = spread(torch.tensor([[0.3]], dtype=torch.float64), 500)
    k = torch.arange(500, dtype=torch.float64)
    torch.testing.assert_close(exact[0], (0.3 + k * (5**0.5 - 1) / 2) % 1, rtol=0, atol=1e-12)
