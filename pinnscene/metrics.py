"""Scores of a field against a reference."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.seeds import generator
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problem import Problem

CHUNK = 8192  # points evaluated at a time


@torch.no_grad()
def evaluate(u: Differentiable, p: Points, chunk: int = CHUNK) -> Tensor:
    """The values [n, k] of a field on the CPU in float64, a chunk of points at a time."""
    device = getattr(u, "device", torch.device("cpu"))
    starts = range(0, max(len(p), 1), chunk)  # no points have a shape too
    return torch.cat([u(p[s : s + chunk].to(device)).double().cpu() for s in starts])


def rel_l2(value: Tensor, truth: Tensor) -> float:
    """||value - truth|| / ||truth||, the plain norm where the truth is zero."""
    error, size = float((value - truth).norm()), float(truth.norm())
    return error / size if size > 0 else error


def max_abs(value: Tensor, truth: Tensor) -> float:
    """The largest deviation."""
    return float((value - truth).abs().max())


def psnr(value: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio in dB for values in [0, 1]; infinite where they are equal."""
    error = float((value - truth).square().mean())
    return float("inf") if error == 0 else -10 * torch.tensor(error, dtype=torch.float64).log10().item()


def against_reference(problem: "Problem", u: Differentiable) -> dict[str, float]:
    """rel_l2 and max_abs of a field on a regular grid of the problem's domain; empty without a reference.

    With several outputs also the rel_l2 of each: the sizes of some may hide the others.
    """
    p = problem.domain.grid()
    truth = problem.reference(p)
    if truth is None:
        return {}
    names = problem.compared()
    value = evaluate(u, p)[:, : len(names)]
    each = {f"rel_l2_{name}": rel_l2(value[:, k], truth[:, k]) for k, name in enumerate(names)}
    return {"rel_l2": rel_l2(value, truth), "max_abs": max_abs(value, truth)} | (each if len(names) > 1 else {})


def quick_error(problem: "Problem", n: int = 2000) -> tuple[str, Callable[[Differentiable], float]] | None:
    """rel_l2 on ``n`` points drawn once; None without a reference."""
    p = problem.domain.interior(n)(generator(0, "monitor"))
    truth = problem.reference(p)
    if truth is None:
        return None
    known = truth.shape[1]
    return "rel_l2", lambda u: rel_l2(evaluate(u, p)[:, :known], truth)
