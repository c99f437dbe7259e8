"""Steps a second beside the roof of the hardware, on a GPU where there is one (else on the CPU, for the code's sake).

Roofs: 3 F N operations a step for a fit with F = 526,848 a point for SIREN 256x5, and (k streams) 3 k F N for jets;
an H100 peaks at about 60 TFLOP/s in float32 and 400 in TF32.
"""

from time import perf_counter

import torch
from record import record

from pinnscene.device import precision, resolve_device
from pinnscene.objective import Objective
from pinnscene.plan import make_plan
from pinnscene.problems.heat import Heat
from pinnscene.problems.image_fit import ImageFit
from pinnscene.solve import Settings, configure

ROOF = {"highest": 60e12, "high": 400e12}  # operations a second of an H100


def rate(problem, settings: Settings, name: str, steps: int) -> float:
    """Training steps a second after a warm-up."""
    config = configure(problem, settings)
    device = resolve_device("auto")
    field = config.field.build(problem).to(device, torch.float32)
    objective = Objective(problem.constraints(), 0, device, torch.float32)
    stepper = make_plan("adam")[0].solver.start(field, objective, steps, {})
    with precision(name, device):
        for k in range(10):
            stepper.step(k)
        _wait(device)
        began = perf_counter()
        for k in range(steps):
            stepper.step(k)
        _wait(device)
    return steps / (perf_counter() - began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Image fit and heat by adam at two precisions, heat by head."""
    on_gpu = torch.cuda.is_available()
    n, m, steps = (65_536, 10_000, 200) if on_gpu else (1024, 512, 5)
    knobs = {"field": {"width": 256, "depth": 5}}
    work = 526_848.0
    rows = []
    for name, roof in ROOF.items():
        fit = rate(ImageFit(n=n), Settings(solver="adam", backbone="siren", knobs=knobs), name, steps)
        heat = rate(Heat(n=m), Settings(solver="adam", backbone="siren", knobs=knobs), name, steps)
        cases = (("image-fit", n, fit, 3 * work * n), ("heat", m, heat, 9 * work * m))
        for what, points, measured, load in cases:
            rows.append({"what": f"{what}, SIREN 256x5, {points} points", "precision": name,
                         "steps a second": measured, "H100 roof": roof / load,
                         "share of it": measured * load / roof if on_gpu else None})  # fmt: skip
            print(rows[-1], flush=True)
    for device in ("cpu", "cuda") if on_gpu else ("cpu",):
        Heat().solve(device=device)
        solution = Heat().solve(device=device)
        rows.append({"what": f"heat by head on {device}", "seconds": solution.seconds, **solution.metrics})
    record("gpu" if on_gpu else "gpu_absent", rows)


if __name__ == "__main__":
    main()
