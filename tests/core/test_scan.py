"""The scan for the scale of random features, on scores that are known."""

from math import log2

import pytest

from pinnscene.solvers.scan import coordinate_search, scan_scales


@pytest.mark.parametrize("best", [(8.0, 8.0, 2.0), (1.0, 1.0, 32.0), (3.0, 3.0, 3.0)])
def test_coordinate_search_finds_the_least_score(best):
    """A bowl in the logarithms, slightly tilted: the rung nearest to its floor, within half a factor of sqrt(2)."""
    target = [log2(b) for b in best]
    calls = []

    def score(scales):
        calls.append(tuple(scales))
        off = [log2(s) - t for s, t in zip(scales, target, strict=True)]
        return off[0] ** 2 + off[2] ** 2 + 0.3 * off[0] * off[2]

    found = coordinate_search(("x", "y", "t"), score, [2.0] * 3)
    assert found[0] == found[1]
    for f, b in zip(found, best, strict=True):
        assert abs(log2(f / b)) <= 0.5 + 1e-9
    assert len(calls) == len(set(calls))  # no scale is tried twice


def test_coordinate_search_ends_where_every_score_is_infinite():
    assert coordinate_search(("x",), lambda s: float("inf"), [2.0]) == [2.0]


def test_coordinate_search_is_bounded():
    """A score that always falls ends at 16 rungs of sqrt(2)."""
    assert coordinate_search(("x",), lambda s: 1 / s[0], [2.0]) == [pytest.approx(2.0 * 2**8)]


def test_coordinate_search_is_content_with_enough():
    """From its start of 2, one step of a factor 2 gives 1 / 4, which is below 0.3: no further trial is taken."""
    calls = []
    found = coordinate_search(("x",), lambda s: calls.append(s[0]) or 1 / s[0], [2.0], enough=0.3)
    assert found == [pytest.approx(4.0)]
    assert len(calls) == 2


def test_scan_scales_goes_on_with_a_wider_network():
    """The narrow network is best at 4 and the wide one at 16: doubling goes on while it at least halves the score."""

    def score(scales, width):
        best = 4.0 if width <= 10 else 16.0
        return sum(log2(s / best) ** 2 for s in scales)

    assert scan_scales(("x", "t"), score, 120, 10, [2.0, 2.0]) == pytest.approx([16.0, 16.0])
    assert scan_scales(("x", "t"), score, 8, 10, [2.0, 2.0]) == pytest.approx([4.0, 4.0])
