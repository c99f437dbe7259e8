"""Values of parameters, and points whose last columns are such values."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from math import isfinite

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.samplers import unit_cube

Range = tuple[float, float]
Values = Mapping[str, float]


def expect_range(name: str, ends: Range) -> None:
    """Raise ``PinnsceneError`` where a range is not of two finite ends in order."""
    low, high = ends
    if not (isfinite(low) and isfinite(high) and low < high):
        raise PinnsceneError(f"{name} expected a range of two finite ends, lower first, got {low}..{high}")


def told(values: Values) -> str:
    """Values as text, ``radius=0.3``."""
    return ", ".join(f"{name}={value:g}" for name, value in values.items())


@contextmanager
def naming(values: Values) -> Iterator[None]:
    """Within it a ``PinnsceneError`` says at which values it arose."""
    try:
        yield
    except PinnsceneError as cause:
        raise PinnsceneError(f"at {told(values)}: {cause}") from cause


def corners(ranges: Mapping[str, Range]) -> list[dict[str, float]]:
    """All combinations of the ends of ranges."""
    return [dict(zip(ranges, ends, strict=True)) for ends in product(*ranges.values())]


def evenly(ranges: Mapping[str, Range], count: int) -> list[dict[str, float]]:
    """About so many values of the parameters, evenly spaced, ends included."""
    each = max(2, round(count ** (1 / len(ranges))))
    lines = [torch.linspace(*ends, each, dtype=torch.float64).tolist() for ends in ranges.values()]
    return [dict(zip(ranges, values, strict=True)) for values in product(*lines)]


def spread(ranges: Mapping[str, Range], count: int, seed: int = 0) -> list[dict[str, float]]:
    """``count`` values of each parameter, the same for the same seed: Sobol's, denser towards the ends of the ranges.

    Their density is that of Chebyshev's nodes: what is fitted at even ones swings at the ends.
    """
    even = unit_cube(count * len(ranges), len(ranges), "sobol", torch.Generator().manual_seed(seed))
    unit = ((1 - torch.cos(torch.pi * even)) / 2).tolist()
    ends = list(ranges.items())
    return [{name: low + (high - low) * s for (name, (low, high)), s in zip(ends, row, strict=True)} for row in unit]


def by_value(p: Points, parameters: tuple[str, ...]) -> list[tuple[dict[str, float], Tensor]]:
    """The values of the parameters, which are the last axes of points, that occur, each with the rows that have it."""
    rows, place = torch.unique(p.coords[:, -len(parameters) :], dim=0, return_inverse=True)
    order = [(place == k).nonzero()[:, 0] for k in range(len(rows))]
    return [(dict(zip(parameters, row, strict=True)), mine) for row, mine in zip(rows.tolist(), order, strict=True)]


def without(p: Points, count: int) -> Points:
    """Points without their last ``count`` axes."""
    normal = None if p.normal is None else p.normal[:, :-count]
    return Points(p.coords[:, :-count], p.axes[:-count], normal)


def joined(parts: Iterable[tuple[Values, Points]]) -> Points:
    """Points of several members as one batch, the values of the parameters as their last columns."""
    found = [extended(p, values) for values, p in parts]
    coords = torch.cat([p.coords for p in found])
    normal = None if found[0].normal is None else torch.cat([p.normal for p in found if p.normal is not None])
    return Points(coords, found[0].axes, normal)


def extended(p: Points, values: Values) -> Points:
    """Points with values as further axes."""
    columns = torch.tensor(list(values.values()), dtype=p.coords.dtype, device=p.coords.device).expand(len(p), -1)
    normal = None if p.normal is None else torch.cat([p.normal, torch.zeros_like(columns)], 1)
    return replace(p, coords=torch.cat([p.coords, columns], 1), axes=(*p.axes, *values), normal=normal)
