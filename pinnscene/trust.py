"""Reasons not to trust an answer, found in residuals on points that it was not trained on."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.field import Field
from pinnscene.objective import Objective

FLAT = 0.02  # spread of the values, as a share of what a condition asks for, below which a field is constant
UNMET = 0.5  # share of a zero network's residual that is no progress
FELL = 0.1  # a residual on trained points has fallen when it is at most this share of what it was
STAYED = 0.9  # one on held-out points has not when it is at least this share
NOISE = 1e-8  # of the zero network's residual: below it a held-out residual is as good as zero

Gauge = tuple[float, float, float]  # step of its phase; residual on trained points; on held-out ones


def doubts(field: Field, objective: Objective, share: float, gauges: Sequence[Gauge], zero: float) -> list[str]:
    """What speaks against a trained field, a sentence each.

    Args:
        field: trained.
        objective: what it was trained on.
        share: of the held-out points to look at.
        gauges: residuals on the way, the last ones those of the field.
        zero: held-out residual of a zero network.
    """
    if not all(constraint.seeks_zero for constraint in objective.constraints.values()):
        return []
    found = [overfitted(gauges, zero)]
    if field.pointwise:
        found.append(trivial(field, objective, share))
    return [sentence for sentence in found if sentence]


def overfitted(gauges: Sequence[Gauge], zero: float) -> str:
    """A sentence where the residual fell on the points of training and nowhere else."""
    if not gauges:
        return ""
    _, trained, heldout = gauges[-1]
    for _, before, unseen in gauges[:-1]:
        if trained < FELL * before and heldout > max(STAYED * unseen, NOISE * zero) and heldout > trained / FELL:
            return (
                f"the residual fell from {before:.2g} to {trained:.2g} on the points trained on, while on held-out "
                f"points it went from {unseen:.2g} to {heldout:.2g}: the points are fitted, not the equation; take "
                "more of them (--set NAME.n=...), or fresh ones at every step (adam)"
            )
    return ""


def trivial(field: Field, objective: Objective, share: float) -> str:
    """A sentence where the field has collapsed to a constant that misses a condition, as a zero network does."""
    batches = [b for b in objective.heldout_batches(share).values() if isinstance(b, Points)]
    if not batches:
        return ""
    with torch.no_grad():
        values = torch.cat([field(p) for p in batches]).double()
    spread = float(values.std(0, correction=0).max())
    asked = objective.heldout_blocks(field.lift(), share, weighted=False)
    missed = objective.heldout_blocks(field, share, weighted=False)
    worst = max(asked, key=lambda name: missed[name])
    flat = spread < FLAT * asked[worst]
    if not flat or missed[worst] < UNMET * asked[worst] or min(missed.values()) > FELL * missed[worst]:
        return ""
    return (
        f"the field is nearly constant, {_mean(values)} give or take {spread:.1g}, and misses '{worst}' as a zero "
        f"network does ({missed[worst]:.2g} against {asked[worst]:.2g}): this is the trivial solution; weigh that "
        f"condition more (--set {worst.partition('.')[0]}.weight=..., --balance ntk) or hold it by the ansatz"
    )


def _mean(values: Tensor) -> str:
    return ", ".join(f"{float(v):.2g}" for v in values.mean(0))
