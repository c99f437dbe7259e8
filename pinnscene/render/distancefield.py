"""A region's distance as a field, to trace, to cut and to mesh like a solved one."""

from pinnscene.domain import Box
from pinnscene.geometry.region import Region
from pinnscene.views import FunctionField

MARGIN = 0.04  # of the longest side, about a region that is to be seen whole


def distance_field(region: Region) -> FunctionField:
    """The signed distance [n, 1] of a region, negative inside."""
    return FunctionField(region.distance, region.axes, ("d",))


def about(region: Region, margin: float = MARGIN) -> Box:
    """A box about a region that its boundary does not reach."""
    pad = margin * max(high - low for low, high in zip(region.lower, region.upper, strict=True))
    ends = zip(region.lower, region.upper, strict=True)
    return Box(**{axis: (low - pad, high + pad) for axis, (low, high) in zip(region.axes, ends, strict=True)})
