"""Points that suit the features: lattices of the nodes of their own bases, in place of points anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import BoxSampler
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.plan import Phase


@dataclass(frozen=True)
class Lattice:
    """All combinations of the ``lines`` of each axis, inside a box or on planes of it.

    Attributes:
        among: the sampler that it stands in for: its box and planes, and the points never trained on.
        lines: points of each axis [n_a], in the box's units.
    """

    among: BoxSampler
    lines: tuple[Tensor, ...]

    def __call__(self, generator: torch.Generator) -> Points:
        device = generator.device
        if not self.among.planes:
            return Points(torch.cartesian_prod(*self.lines).view(-1, len(self.lines)).to(device), self.among.box.axes)
        parts = [self._plane(axis, value) for axis, value in self.among.planes]
        coords, normals = (torch.cat(column).to(device) for column in zip(*parts, strict=True))
        return Points(coords, self.among.box.axes, normals)

    def _plane(self, axis: str, value: float) -> tuple[Tensor, Tensor]:
        box, k = self.among.box, self.among.box.axes.index(axis)
        at = self.lines[k].new_tensor([value])
        coords = torch.cartesian_prod(*[at if i == k else line for i, line in enumerate(self.lines)])
        coords = coords.view(-1, len(self.lines))
        normals = torch.zeros_like(coords)
        normals[:, k] = float(value == box.upper[k]) - float(value == box.lower[k])
        return coords, normals

    def heldout(self, generator: torch.Generator) -> Points:
        """Points anywhere in the same places."""
        return self.among(generator)


def suited(constraints: Mapping[str, Constraint], field: Field) -> dict[str, Constraint]:
    """The constraints with points of a box exchanged for lattices that suit the field's features, where those ask."""
    lines = field.encoding.lines()
    if lines is None:
        return dict(constraints)
    ends = zip(field.centre.cpu(), field.extent.cpu(), lines, strict=True)
    placed = tuple(centre + extent * line.cpu().double() for centre, extent, line in ends)

    def suit(sampler: Any) -> Any:
        return Lattice(sampler, placed) if isinstance(sampler, BoxSampler) else sampler

    return {name: replace(c, sampler=suit(c.sampler)) for name, c in constraints.items()}


def expect_used(
    constraints: Mapping[str, Constraint], chosen: Mapping[str, Mapping[str, Any]], field: Field, plan: Sequence[Phase]
) -> None:
    """Raise ``PinnsceneError`` for chosen numbers or sequences of points that a field's own lattices would replace."""
    if field.encoding.lines() is None or any(phase.resample for phase in plan):
        return
    for name, knobs in chosen.items():
        lost = [knob for knob in ("n", "points") if knob in knobs]
        if lost and isinstance(constraints[name].sampler, BoxSampler):
            raise PinnsceneError(
                f"{name}.{lost[0]} would change nothing: these features take the nodes of their own bases as points; "
                "set field.oversample for more of them, or take another --backbone"
            )
