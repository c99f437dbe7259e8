"""Ctrl-C during a solve: the running step ends, the state is saved, then the solve stops."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether an interrupt has come."""

    def __init__(self) -> None:
        self.came = False


@contextmanager
def deferred_interrupts() -> Iterator[Interrupt]:
    """Turn the first SIGINT or SIGTERM into a flag; a second SIGINT interrupts at once, as usual."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt  # signals arrive in the main thread only
        return
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        interrupt.came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for s in before:
        signal.signal(s, note)
    try:
        yield interrupt
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
