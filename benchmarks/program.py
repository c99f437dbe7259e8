"""The program around it: start-up, a whole command from a cold start, memory of rendering a picture."""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from record import record


def command(*arguments: str, cwd: str) -> tuple[float, float]:
    """Wall seconds and peak memory in MiB of one pinnscene command in a process of its own."""
    code = ("import resource, subprocess, sys; rc = subprocess.run([sys.executable, '-m', 'pinnscene', *sys.argv[1:]], "
            "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode; "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(rc)")  # fmt: skip
    began = perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return perf_counter() - began, float(done.stdout) / unit


def main() -> None:
    """Time the commands; render one field at growing sizes."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for arguments, asked in ((["--help"], 0.4), (["list"], 0.4), (["solve", "heat"], 8.0)):
            runs = [command(*arguments, cwd=folder) for _ in range(5)]
            rows.append({"what": "pinnscene " + " ".join(arguments), "seconds asked": asked,
                         "seconds (median of 5)": statistics.median(s for s, _ in runs),
                         "peak MiB": max(m for _, m in runs)})  # fmt: skip
            print(rows[-1], flush=True)
        command("solve", "image-fit", "--steps", "300", "--out", "run", cwd=folder)
        for side in (512, 2048, 8192):
            seconds, peak = command("render", "run", "--size", f"{side}x{side}", "--out", f"{side}.png", cwd=folder)
            rows.append({"what": f"render {side}x{side}", "seconds (median of 5)": seconds, "peak MiB": peak,
                         "the picture itself, MiB": 3 * side * side / 2**20,
                         "peak less the picture, MiB": peak - 3 * side * side / 2**20})  # fmt: skip
            print(rows[-1], flush=True)
            Path(folder, f"{side}.png").unlink()
    record("program", rows)


if __name__ == "__main__":
    main()
