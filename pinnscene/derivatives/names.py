"""Names of derivatives: "t", "xx", "xy", and "alpha,alpha" where an axis has several letters.

An *index* is the sorted tuple of the axis numbers differentiated by: () is the value itself, (0, 0) the second
derivative along the first axis. An *operator* maps indices to coefficients: a float, or one value [n, 1] a point.
"""

from collections.abc import Mapping

from torch import Tensor

from pinnscene.errors import unknown

Index = tuple[int, ...]
Operator = Mapping[Index, "float | Tensor"]


def parse(name: str, axes: tuple[str, ...]) -> Index:
    """The index that a derivative's name stands for; raises ``PinnsceneError`` for an unknown axis."""
    if not name:
        return ()
    letters = name.split(",") if "," in name or name in axes else list(name)
    for letter in letters:
        if letter not in axes:
            raise unknown(f"axis in the derivative '{name}'", letter, axes)
    return tuple(sorted(axes.index(letter) for letter in letters))
