"""Derivatives of a field by axis name.

All take the field u and points p; the engine behind them can change without touching a problem.
``space`` below means all axes but ``t``.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.derivatives import Index, parse
from pinnscene.errors import PinnsceneError
from pinnscene.views import Differentiable


def partials(u: Differentiable, p: Points | Tensor, *names: str) -> Any:
    """Partial derivatives by name, each [n, k].

    Args:
        u: a field.
        p: points [n, d].
        names: such as "t", "xx", "xy"; "" is the value; several letters are separated, "alpha,alpha".

    Returns:
        One tensor for one name, a tuple for several.

    Raises:
        PinnsceneError: a name with an axis that the field does not have.
    """
    if not names:
        raise PinnsceneError('partials() expected at least one name, such as "t" or "xx"')
    results = u.derivatives(p, [{parse(name, u.axes): 1.0} for name in names])
    return results[0] if len(names) == 1 else tuple(results)


def operator(u: Differentiable, p: Points | Tensor, terms: Mapping[str, "float | Tensor"]) -> Tensor:
    """A whole linear operator, ``operator(u, p, {"t": 1, "xx": -alpha})``, as [n, k].

    Cheaper than its partials one by one: jets carry it as a single stream. Coefficients are numbers or [n, 1].
    """
    if not terms:
        raise PinnsceneError('operator() expected at least one term, such as {"xx": 1.0}')
    merged: dict[Index, float | Tensor] = {}
    for name, c in terms.items():
        index = parse(name, u.axes)
        checked = _column(name, c, len(p))
        merged[index] = merged[index] + checked if index in merged else checked
    return u.derivatives(p, [merged])[0]


def _column(name: str, c: "float | Tensor", n: int) -> "float | Tensor":
    if not isinstance(c, Tensor) or c.ndim == 0:
        return c if isinstance(c, Tensor) else float(c)
    if c.shape != (n, 1):
        raise PinnsceneError(f"the coefficient of '{name}' must be a number or [{n}, 1], got {list(c.shape)}")
    return c


def gradient(u: Differentiable, p: Points | Tensor, axes: tuple[str, ...] | None = None) -> Tensor:
    """The gradient [n, len(axes)] of a field of one output; ``axes`` defaults to space."""
    _expect_outputs("gradient", u, 1)
    names = axes or u.space
    return torch.cat(u.derivatives(p, [{parse(a, u.axes): 1.0} for a in names]), 1)


def laplacian(u: Differentiable, p: Points | Tensor, axes: tuple[str, ...] | None = None) -> Tensor:
    """The Laplacian [n, k] of each output; ``axes`` defaults to space."""
    return u.derivatives(p, [{(k, k): 1.0 for k in _numbers(u, axes)}])[0]


def divergence(u: Differentiable, p: Points | Tensor, axes: tuple[str, ...] | None = None) -> Tensor:
    """The divergence [n, 1] of a vector field with one output an axis; ``axes`` defaults to space."""
    numbers = _numbers(u, axes)
    _expect_outputs("divergence", u, len(numbers))
    slopes = u.derivatives(p, [{(k,): 1.0} for k in numbers])
    return torch.stack([s[:, k] for k, s in enumerate(slopes)]).sum(0)[:, None]


def jacobian(u: Differentiable, p: Points | Tensor, axes: tuple[str, ...] | None = None) -> Tensor:
    """First derivatives [n, k, len(axes)]; ``axes`` defaults to all."""
    numbers = _numbers(u, axes or u.axes)
    return torch.stack(u.derivatives(p, [{(k,): 1.0} for k in numbers]), -1)


def hessian(u: Differentiable, p: Points | Tensor, axes: tuple[str, ...] | None = None) -> Tensor:
    """Second derivatives [n, k, d, d] over ``axes`` (all by default); [n, d, d] for a field of one output."""
    numbers = _numbers(u, axes or u.axes)
    pairs = [(i, j) for i in numbers for j in numbers if i <= j]
    known = dict(zip(pairs, u.derivatives(p, [{pair: 1.0} for pair in pairs]), strict=True))
    rows = [torch.stack([known[min(i, j), max(i, j)] for j in numbers], -1) for i in numbers]
    h = torch.stack(rows, -2)
    return h[:, 0] if len(u.values) == 1 else h


def _numbers(u: Differentiable, axes: tuple[str, ...] | None) -> list[int]:
    return [parse(axis, u.axes)[0] for axis in axes or u.space]


def _expect_outputs(what: str, u: Differentiable, k: int) -> None:
    if len(u.values) != k:
        raise PinnsceneError(f"{what} expected a field of {k} output{'s' * (k != 1)}, got {', '.join(u.values)}")
