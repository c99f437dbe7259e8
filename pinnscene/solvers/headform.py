"""Which least squares the last layer gets, by its size and the free memory: QR factors, or no matrix at all."""

from collections.abc import Sequence
from typing import Literal

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.memory import GIB, expect_room, free_memory
from pinnscene.parallel import anywhere
from pinnscene.solvers.krylov import need as krylov_need
from pinnscene.solvers.krylov import unfit
from pinnscene.solvers.linearise import Rows

FormName = Literal["auto", "dense", "krylov"]
LARGE = 2400  # unknowns beyond which QR factors take longer than conjugate gradients
COPIES = 4  # of the matrix: itself, beside its right side, damped, and factorised
METHODS = {"dense": "QR factors", "krylov": "conjugate gradients"}


def choose(field: Field, rows: Sequence[Rows], form: FormName) -> tuple[str, str]:
    """The form, dense or krylov, alike in every process, and why not the usual one, where it is not.

    Args:
        field: its last layer is the unknown.
        rows: residuals with their linearisation.
        form: the one asked for; "auto" for the faster one that fits the problem and the free memory.

    Raises:
        PinnsceneError: nothing that fits the problem fits the memory.
    """
    name, why = usual(field, form), ""
    need, refusal = dense_need(field, rows), unfit(field, rows) if name == "krylov" or form == "auto" else ""
    if name == "krylov" and anywhere(bool(refusal)):
        if form == "krylov":
            raise PinnsceneError(f"conjugate gradients need {refusal}")
        name, why = "dense", f", since conjugate gradients need {refusal}"
    elif name == "dense" and form == "auto" and anywhere(need > free_memory()) and not anywhere(bool(refusal)):
        name, why = "krylov", f", since QR factors need {need / GIB:.3g} GiB of memory"
    advice = "take fewer modes" if field.separable else "take fewer points or a narrower field (--set field.width=...)"
    expect_room(f"{METHODS[name]}{why}", need if name == "dense" else krylov_need(field, rows), advice)
    return name, why


def usual(field: Field, form: FormName) -> str:
    """The form that a field gets where points and memory do not speak against it."""
    if form != "auto":
        return form
    waves = field.separable and field.encoding.waves  # elsewhere the preconditioner is poor
    return "krylov" if waves and field.head.weight.numel() > LARGE else "dense"


def explain(field: Field, name: str, why: str = "") -> str:
    """A line on the features and how their weights are found."""
    features = field.encoding.describe() if field.separable else ""
    features = features or f"{field.features} features of {type(field.backbone).__name__.lower()}"
    return f"{features}, {unknowns(field)} unknowns: {METHODS[name]}{why}"


def unknowns(field: Field) -> int:
    """The weights of the last layer."""
    return sum(p.numel() for p in field.head.parameters())


def dense_need(field: Field, rows: Sequence[Rows]) -> float:
    """Bytes that the matrix and its factors take."""
    columns = unknowns(field)
    entries = sum(row.block.residual.numel() for row in rows) + columns
    return float(field.dtype.itemsize) * COPIES * entries * columns
