"""The scale of random features, found by held-out residual: space and time apart.

A narrow network finds how the scales of space and time stand to each other; a wider one how far both can go: the
more features, the higher the frequencies that they resolve.
"""

from collections.abc import Callable
from math import sqrt

Scales = list[float]
RUNGS = 16  # factors sqrt(2) that the search may go from its start


def scan_scales(
    axes: tuple[str, ...],
    score: Callable[[Scales, int], float],
    width: int,
    probe: int,
    start: Scales,
    enough: float = 0.0,
) -> Scales:
    """The scales, one an axis, of the least held-out residual.

    Args:
        axes: names; those of space share a scale, ``t`` has its own.
        score: (scales, features) -> held-out residual.
        width: features of the network in the end.
        probe: features of the narrow trials; the wide ones have up to three times as many.
        start: where to begin, one an axis.
        enough: a residual to be content with.
    """
    narrow, wide = min(width, probe), min(width, 3 * probe)
    found = coordinate_search(axes, lambda s: score(s, narrow), start, enough)
    if wide > narrow:
        best = score(found, wide)
        for _ in range(4):
            trial = [2 * s for s in found]
            value = score(trial, wide) if best > enough else best
            if not value < best / 2:  # a little better here is worse with all features more often than not
                break
            found, best = trial, value
    return found


def coordinate_search(
    axes: tuple[str, ...], score: Callable[[Scales], float], start: Scales, enough: float = 0.0
) -> Scales:
    """The best scales on a ladder of factors 2, then of sqrt(2), one group of axes after the other."""
    groups = [names for names in ([a for a in axes if a != "t"], [a for a in axes if a == "t"]) if names]
    known: dict[tuple[int, ...], float] = {}

    def expand(rungs: list[int]) -> Scales:
        of = {a: r for names, r in zip(groups, rungs, strict=True) for a in names}
        return [s * sqrt(2.0) ** of[a] for a, s in zip(axes, start, strict=True)]

    def value(rungs: list[int]) -> float:
        key = tuple(rungs)
        if key not in known:
            known[key] = score(expand(rungs))
        return known[key]

    def better(trial: list[int]) -> bool:
        return value(best) > enough and max(map(abs, trial)) <= RUNGS and value(trial) < value(best)

    best = [0] * len(groups)
    for stride in (2, 1):
        improved = True
        while improved:
            improved = False
            for k in range(len(groups)):
                for step in (stride, -stride):
                    while better(trial := [r + step * (i == k) for i, r in enumerate(best)]):
                        best, improved = trial, stride == 2
    return expand(best)
