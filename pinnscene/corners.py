"""Conditions that contradict each other where their faces meet: no smooth field has both."""

from collections.abc import Mapping

import torch

from pinnscene.batch import Points
from pinnscene.boundary import Dirichlet, Value, as_column
from pinnscene.domain import Box, BoxSampler
from pinnscene.hard import HardAnsatz, moved
from pinnscene.problem import Problem

AGREE = 1e-6  # difference, as a share of the values on both faces, up to which two conditions agree
LOOKED = 256  # points on an edge where two conditions are compared


def contradictory(problem: Problem) -> list[str]:
    """Where conditions of a problem on a box ask for different values of u, a sentence for each pair of faces.

    Known are the conditions that an ansatz holds, and constraints whose residual is a ``Dirichlet`` on faces.
    """
    box = problem.domain
    if not isinstance(box, Box):
        return []
    return contradictions(box, _soft(box, problem) | _held(box, problem))


def contradictions(box: Box, asked: Mapping[str, Value]) -> list[str]:
    """The same of values of u by face, ``{"t0": u0, "x0": 0.0}``."""
    names = list(asked)
    pairs = [(a, b) for k, a in enumerate(names) for b in names[k + 1 :] if box.faces[a][0] != box.faces[b][0]]
    return [sentence for a, b in pairs if (sentence := _compared(box, (a, asked[a]), (b, asked[b])))]


def _soft(box: Box, problem: Problem) -> dict[str, Value]:
    asked: dict[str, Value] = {}
    for constraint in problem.constraints().values():
        sampler, residual = constraint.sampler, constraint.residual
        if isinstance(sampler, BoxSampler) and isinstance(residual, Dirichlet) and residual.output is None:
            planes = set(sampler.planes)
            asked |= {name: residual.value for name, plane in box.faces.items() if plane in planes}
    return asked


def _held(box: Box, problem: Problem) -> dict[str, Value]:
    ansatz = problem.ansatz()
    if isinstance(ansatz, HardAnsatz):
        return dict(ansatz.held)
    if ansatz is None or ansatz.factor is None:
        return {}
    asked: dict[str, Value] = {}
    for name, plane in box.faces.items():
        p = moved(_somewhere(box), *plane)
        with torch.no_grad():
            vanishes = bool((ansatz.factor(p) == 0).all())
        if vanishes:
            asked[name] = 0.0 if ansatz.lift is None else ansatz.lift
    return asked


def _somewhere(box: Box) -> Points:
    return box.interior(LOOKED, "halton")(torch.Generator().manual_seed(0))


def _compared(box: Box, one: tuple[str, Value], other: tuple[str, Value]) -> str:
    faces = [moved(_somewhere(box), *box.faces[name]) for name, _ in (one, other)]
    p = moved(faces[0], *box.faces[other[0]])
    with torch.no_grad():
        first, second = as_column(one[1], p), as_column(other[1], p)
        size = max(float(as_column(c[1], q).abs().max()) for c, q in zip((one, other), faces, strict=True))
    difference, column = (first - second).abs().max(1)
    worst = int(difference.argmax())
    if not float(difference[worst]) > AGREE * size:
        return ""
    values = [t.expand(-1, (first - second).shape[1])[worst, column[worst]] for t in (first, second)]
    place = ", ".join(f"{axis} = {float(c):.3g}" for axis, c in zip(box.axes, p.coords[worst], strict=True))
    return (
        f"the conditions on {one[0]} and {other[0]} contradict each other where they meet: at {place} they ask for "
        f"{float(values[0]):.3g} and {float(values[1]):.3g}, which no smooth field has both"
    )
