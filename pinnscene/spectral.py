"""Tensor features for problems that need them, whatever the problem takes by itself."""

from collections.abc import Mapping

from pinnscene.fieldspec import FieldSpec
from pinnscene.problem import Problem

MODES = 16  # functions along an axis of which nothing is known
WHOLE = 24  # functions of t at the least, where windows of it are solved as one


def tensor_spec(problem: Problem, more: Mapping[str, int] | None = None, whole: bool = False) -> FieldSpec:
    """Products of the problem's own bases; where it has none, of Chebyshev polynomials, Fourier's on a circle.

    Args:
        problem: posed for tensor features (``Problem.spectral``).
        more: further axes, such as a parameter's, and how many Chebyshev polynomials each has.
        whole: all of t is solved at once, whatever windows the problem takes by itself.
    """
    basis, modes = problem.products()
    axes, further = problem.structure(), more or {}
    if not basis:
        circles = [kind == "periodic" for kind in axes.values()]
        basis, modes = ",".join("fourier" if c else "chebyshev" for c in circles), str(MODES)
    bases, counts = (_each(text, len(axes)) for text in (basis, modes))
    if whole and problem.cuts():
        t = list(axes).index("t")
        counts[t] = str(max(int(counts[t]), WHOLE))
    bases += ["chebyshev"] * len(further)
    counts += [str(count) for count in further.values()]
    return FieldSpec("tensor", knobs={"basis": ",".join(bases), "modes": ",".join(counts)})


def _each(text: str, count: int) -> list[str]:
    parts = text.split(",")
    return parts * count if len(parts) == 1 else parts
