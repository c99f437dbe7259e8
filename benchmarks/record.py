"""Results with everything that is needed to read them: machine, versions, date, command."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("pinnscene", "torch", "numpy", "scipy", "deepxde")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, GPU, system."""
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_GiB": round(memory, 1),
        "gpu": gpu,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return f"{wanted.get('model name', '')} (family {wanted.get('cpu family')}, model {wanted.get('model')})"


def versions() -> dict[str, str]:
    """Of the packages that matter, where installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def median_seconds(run: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The median wall time of several runs, and the last one's result."""
    seconds, result = [], None
    for _ in range(times):
        began = perf_counter()
        result = run()
        seconds.append(perf_counter() - began)
    return statistics.median(seconds), result


def record(name: str, rows: Sequence[dict[str, Any]], arguments: str = "", **more: Any) -> None:
    """Print the rows as a table and write them to results/NAME.json.

    Args:
        name: of the benchmark.
        rows: what was measured.
        arguments: with which the command measures these rows alone.
        more: what else belongs into the file and not into the table, such as curves.
    """
    RESULTS.mkdir(exist_ok=True)
    command = f"python benchmarks/{Path(sys.argv[0]).name} {arguments}".strip()
    content = {"benchmark": name, "command": command, "date": str(date.today()),
               "machine": machine(), "versions": versions(), "rows": list(rows), **more}  # fmt: skip
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    print(f"\n{name}, {content['date']}, {content['machine']}")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(cell(row.get(c)) for c in columns) + " |")


def cell(value: Any) -> str:
    """A value in a table: numbers to three digits."""
    if isinstance(value, float):
        return f"{value:.3g}" if 1e-2 <= abs(value) < 1e5 else f"{value:.2e}"
    return "" if value is None else str(value)
