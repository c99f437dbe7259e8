"""The history of a solve: each constraint's loss over the steps."""

from collections.abc import Sequence
from pathlib import Path

from pinnscene.render.canvas import figure, save
from pinnscene.solution import Log


def draw_history(history: Sequence[Log], folder: Path) -> Path | None:
    """history.png with the losses; None where there are fewer than three log points."""
    if len(history) < 3:
        return None
    made = figure(7, 4)
    ax = made.add_subplot()
    names = list(dict.fromkeys(name for log in history for name in log.losses))
    seconds = [log.seconds for log in history]
    for name in names:
        ax.plot(seconds, [log.losses.get(name, float("nan")) for log in history], label=name, lw=1.3)
    if len(names) > 1:
        ax.plot(seconds, [log.loss for log in history], label="total", color="black", lw=1)
    if any(log.loss > 0 for log in history):
        ax.set_yscale("log")
    ax.set(xlabel="seconds", ylabel="weighted mean penalty", title="Losses")
    ax.grid(alpha=0.3)
    ax.legend()
    return save(made, folder / "history.png")
