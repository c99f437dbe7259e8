"""Which form of a Jacobian a problem gets, by its size and the memory that there is."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from pinnscene.errors import PinnsceneError
from pinnscene.memory import GIB, free_memory
from pinnscene.parallel import world
from pinnscene.solvers.damped import Dual, Form, Free, Primal
from pinnscene.solvers.jacobian import STRIP, Jacobian, Size

FormName = Literal["auto", "primal", "dual", "free"]
DOUBLE = 8  # bytes


def needs(size: Size, rank: int) -> dict[str, float]:
    """Bytes that a step takes in each form.

    Beside the factors of J and the graph that they come from (three times their size in all), a square matrix, that
    matrix damped and its triangular factor; QR works on two strips at a time; ``rank`` is that of the matrix-free
    form's preconditioner.
    """
    base = DOUBLE * (3 * size.factors + size.dense)
    square = lambda n: DOUBLE * 4.0 * n * n
    strip = DOUBLE * 2.0 * min(size.rows, STRIP) * size.columns
    return {
        "primal": base + square(size.columns) + strip,
        "dual": base + square(size.rows),
        "free": base + DOUBLE * (16.0 * size.rows + (16.0 + 4 * min(rank, size.columns)) * size.columns),
    }


def choose_form(
    size: Size, form: FormName, memory: float, inner: int, tolerance: float, rank: int
) -> tuple[Callable[[Jacobian], Form], str]:
    """What makes the form from a Jacobian, and a line that says which and why.

    Args:
        size: of the Jacobian.
        form: the one asked for; "auto" for the smaller system.
        memory: bytes that there are; never more than are free.
        inner: iterations of a matrix-free solve.
        tolerance: of such a solve.
        rank: random directions of its preconditioner.

    Raises:
        PinnsceneError: not even the matrix-free form fits.
    """
    memory, need = min(memory, free_memory()), needs(size, rank)
    relation = f"{size.columns} parameters {'<=' if size.columns <= size.rows else '>'} {size.rows} rows"
    name = form if form != "auto" else "primal" if size.columns <= size.rows else "dual"
    if name == "dual" and world() > 1:
        name, relation = "primal", f"{relation}, which several processes hold"
    reason = relation if form == "auto" else "as asked for"
    if need[name] > memory:
        reason, name = f"{name} needs {_gib(need[name])}, there are {_gib(memory)}", "free"
    if need[name] > memory:
        raise PinnsceneError(
            f"gauss-newton needs {_gib(need[name])} even without forming its matrices and there are {_gib(memory)}: "
            "take fewer points or a narrower field, raise gauss-newton.memory, or use adam or soap"
        )
    spare = memory - need["dual"] > DOUBLE * 2.0 * size.rows * size.columns
    makes: dict[str, Callable[[Jacobian], Form]] = {
        "primal": Primal,
        "dual": partial(Dual, dense=spare),
        "free": partial(Free, iterations=inner, tolerance=tolerance, rank=rank),
    }
    return makes[name], f"{'matrix-free' if name == 'free' else name}: {reason}"


def _gib(count: float) -> str:
    return f"{count / GIB:.3g} GiB"
