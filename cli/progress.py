"""The live progress display, on standard error."""

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pinnscene.solution import Log


PAUSE = 10.0  # seconds between lines on how much is done


class Progress:
    """Phase, step, each constraint's loss, the metric, rate and time left.

    A terminal gets a display that updates in place; a file or a pipe a line now and then.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(stderr=True, quiet=quiet)
        self.live = Live(console=self.console, refresh_per_second=8, transient=True)
        self.metric: tuple[str, float] | None = None
        self.note, self.spoken = "", 0.0
        self.shared = monotonic()  # when a share was last shown where no display is

    def __enter__(self) -> Self:
        if self.console.is_terminal and not self.quiet:
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.live.is_started:
            self.live.stop()

    def log(self, log: "Log") -> None:
        """Show a log point."""
        self.metric = log.metric or self.metric
        if log.note and log.note != self.note:
            self.note = log.note
            self.console.print(f"[dim]{log.note}[/dim]", highlight=False)
        if self.live.is_started:
            self.live.update(self._panel(log))
        elif not self.quiet and (log.seconds >= self.spoken or log.step == log.steps):
            print(self._line(log), file=sys.stderr)
            self.spoken = log.seconds + 5

    def say(self, text: str) -> None:
        """Say what goes on after the solve."""
        if self.live.is_started:
            self.live.update(Text(text + " ..."))

    def share(self, done: float, what: str = "rendering") -> None:
        """Show how much of a rendering or an export is done."""
        if self.live.is_started:
            self.live.update(Group(Text(what), ProgressBar(total=1.0, completed=done, width=40)))
        elif not self.quiet and monotonic() - self.shared > PAUSE:
            print(f"{what} {done:.0%}", file=sys.stderr)
            self.shared = monotonic()

    def tell(self, line: str) -> None:
        """Say in a line what is known beforehand."""
        if not self.quiet:
            self.console.print(line, highlight=False, soft_wrap=True)

    def _line(self, log: "Log") -> str:
        losses = "  ".join(f"{name} {loss:.2e}{_weight(log, name)}" for name, loss in log.losses.items())
        metric = f"  {self.metric[0]} {self.metric[1]:.3g}" if self.metric else ""
        window = f" window {log.stage + 1}/{log.stages}" if log.stages > 1 else ""
        return f"{log.phase}{window} step {log.step}/{log.steps}  {losses}{metric}  {log.rate:.3g} steps/s"

    def _panel(self, log: "Log") -> Group:
        table = Table.grid(padding=(0, 2))
        for name, loss in log.losses.items():
            table.add_row(f"  {name}", f"{loss:.3e}{_weight(log, name)}")
        if self.metric:
            table.add_row(f"  {self.metric[0]}", f"{self.metric[1]:.4g}")
        left = (log.steps - log.step) / log.rate if log.rate > 0 else 0.0
        window = f"window {log.stage + 1}/{log.stages}  " if log.stages > 1 else ""
        head = Text(f"{log.phase}  {window}step {log.step}/{log.steps}  {log.rate:.3g} steps/s  {left:.0f} s left")
        return Group(head, ProgressBar(total=log.steps, completed=log.step, width=40), table)


def _weight(log: "Log", name: str) -> str:
    """What balancing multiplies a loss by, where it does."""
    return f" x{log.weights[name]:.3g}" if name in log.weights else ""
