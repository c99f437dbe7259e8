"""A field of a family and its members: functions of the points alone, each under a code."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.conditions.base import Condition
from pinnscene.conditions.cloud import CloudEncoder
from pinnscene.conditions.codes import Codes
from pinnscene.derivatives import Jet, Operator
from pinnscene.errors import PinnsceneError
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.field import Field


class Conditional(Differentiable):
    """What a conditioned field can do beside what every field can: give codes, and be bound to one."""

    condition: Condition | None
    centre: Tensor
    extent: Tensor

    def bind(self, code: Tensor) -> Differentiable:
        """The member of the family with a code [size]; or with one code [n, size] for each of n points."""
        return Bound(self, code)

    def code(self, k: int | Tensor) -> Tensor:
        """The trained code [size] of member ``k``, or the codes [b, size] of members [b]."""
        if not isinstance(self.condition, Codes):
            raise PinnsceneError(
                "this field has no table of codes: u.encode(cloud) gives codes where it has an encoder"
            )
        return self.condition(torch.as_tensor(k, device=self.centre.device))

    def encode(self, clouds: Tensor) -> Tensor:
        """The code [size] of a cloud [m, d] in the domain's units, or the codes [b, size] of clouds [b, m, d]."""
        if not isinstance(self.condition, CloudEncoder):
            raise PinnsceneError("this field has no encoder: u.code(k) gives codes where it has a table of them")
        d = len(self.axes)
        if clouds.ndim not in (2, 3) or clouds.shape[-1] != d or not clouds.shape[-2]:
            raise PinnsceneError(f"encode expected clouds of shape [m, {d}] or [b, m, {d}], got {list(clouds.shape)}")
        batch = clouds.to(self.centre).reshape(-1, *clouds.shape[-2:])
        codes = self.condition((batch - self.centre) / self.extent)
        return codes[0] if clouds.ndim == 2 else codes

    @abstractmethod
    def answers(self, p: Points | Tensor, operators: Sequence[Operator], code: Tensor | None) -> list[Tensor]:
        """``derivatives`` under a code."""


class Bound(Differentiable):
    """``field`` under a code [size], or under one code [n, size] for each of the n points that it is given."""

    def __init__(self, field: Conditional, code: Tensor) -> None:
        condition = field.condition
        if condition is None:
            raise PinnsceneError("this field has no condition: call u(p) itself, without bind")
        if code.ndim not in (1, 2) or code.shape[-1] != condition.size:
            size = condition.size
            raise PinnsceneError(f"bind expected a code of shape [{size}] or [n, {size}], got {list(code.shape)}")
        self.field, self.code = field, code.to(field.centre)
        self.axes, self.values = field.axes, field.values

    @property
    def device(self) -> torch.device:
        return self.field.centre.device

    @property
    def dtype(self) -> torch.dtype:
        return self.field.centre.dtype

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.field.param(name, p, along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return self.field.answers(p, operators, self.code)


class Indifferent(Differentiable):
    """A function of the points that is the same for every code; the codes are those of ``field``."""

    def __init__(self, field: "Field", u: Differentiable) -> None:
        self.u, self.axes, self.values = u, u.axes, u.values
        self.code, self.encode = field.code, field.encode

    def bind(self, code: Tensor) -> Differentiable:
        """The function, whatever the code."""
        del code
        return self.u

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.u.param(name, p, along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return self.u.derivatives(p, operators)


def check_code(condition: Condition | None, code: Tensor | None, n: int) -> None:
    """Raise ``PinnsceneError`` where a conditioned field is called without a code, or with another number of rows."""
    if condition is not None and code is None:
        raise PinnsceneError(
            "this field stands for a family and needs a code: u.bind(u.code(k))(p), or u.bind(u.encode(cloud))(p)"
        )
    if code is not None and code.ndim == 2 and len(code) != n:
        raise PinnsceneError(f"the field is bound to {len(code)} codes, one a point, but was given {n} points")


def join_code(a: Tensor | Jet, code: Tensor | None) -> Tensor | Jet:
    """The encoded coordinates [n, m] with the code beside them, which does not depend on the coordinates."""
    if code is None:
        return a
    n = a.data.shape[-2]
    columns = code.expand(n, -1)
    if not isinstance(a, Jet):
        return torch.cat([a, columns], -1)
    streams = columns.new_zeros(len(a.data) - 1, *columns.shape)
    return Jet(torch.cat([a.data, torch.cat([columns[None], streams])], -1), a.streams)
