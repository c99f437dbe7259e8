"""One number at every point of a field of light whose level set is the surface: what meshes are made of."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Operator, nested
from pinnscene.radiance.derived import Derived

if TYPE_CHECKING:
    from pinnscene.field import Field


Answers = Callable[[Tensor, Sequence[Operator]], list[Tensor]]


def of_value(value: Callable[[Tensor], Tensor]) -> Answers:
    """The derivatives of a function of points [n, 3] -> [n, 1]."""
    return lambda x, operators: nested(value, x, operators)


class Level(Derived):
    """A function of points made from a field, on its device and in its precision; less inside.

    Attributes:
        answers: linear operators of it at points [n, 3], each [n, 1].
    """

    def __init__(self, field: "Field", answers: Answers, name: str) -> None:
        self.field, self.axes, self.values = field, field.axes, (name,)
        self.answers = answers

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return self.answers(coordinates(p, 3).to(self.dtype), operators)
