"""The region of space that a domain covers, for pictures and files."""

from pinnscene.domain import Box, Domain
from pinnscene.geometry.csg import as_region
from pinnscene.geometry.overtime import OverTime
from pinnscene.geometry.region import Region


def space_of(domain: Domain) -> Region | None:
    """The region that a domain covers at every time; None for a domain that is none, or has no axis of space."""
    if isinstance(domain, Region):
        return domain
    if isinstance(domain, OverTime):
        return domain.region
    if isinstance(domain, Box) and domain.space:
        return as_region(Box(**{axis: domain.bounds[axis] for axis in domain.space}))
    return None
