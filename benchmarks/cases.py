"""Cases of a benchmark, each measured in a process of its own."""

import multiprocessing
import sys
from collections.abc import Callable, Iterable


def apart(measure: Callable[..., None], names: Iterable[str], *more: str) -> int:
    """Call ``measure(name, *more)`` for each name in a process of its own; returns how many failed."""
    failed = []
    for name in names:
        print(f"\n{name} ...", flush=True)
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(name, *more))
        process.start()
        process.join()
        failed += [name] if process.exitcode else []
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)
