"""Devices and precisions by name, resolved phase by phase."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pinnscene.errors import PinnsceneError, unknown

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = {"float32": torch.float32, "float64": torch.float64}
PRECISIONS = ("highest", "high", "bfloat16")


def resolve_dtype(name: str) -> torch.dtype:
    """The torch type of a name, float32 or float64."""
    if name not in DTYPES:
        raise unknown("dtype", name, DTYPES)
    return DTYPES[name]


def resolve_device(name: str, dtype: torch.dtype = torch.float32) -> torch.device:
    """The device of a name; ``auto`` is cuda, then mps, then cpu.

    MPS has no float64, so such a phase runs on the CPU there.

    Raises:
        PinnsceneError: an unknown name, or a device that this machine does not have.
    """
    kind, _, number = name.partition(":")
    if kind not in DEVICES or (number and not (kind == "cuda" and number.isdigit())):
        raise unknown("device", name, DEVICES)
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if cuda else "mps" if mps else "cpu"
    if kind == "cuda" and (not cuda or (number and int(number) >= torch.cuda.device_count())):
        raise PinnsceneError(f"device '{name}' is not on this machine: use --device auto or cpu")
    if kind == "mps" and not mps:
        raise PinnsceneError("device 'mps' is not on this machine: use --device auto or cpu")
    if kind == "mps" and dtype == torch.float64:
        kind = "cpu"
    return torch.device(f"{kind}:{number}" if number else kind)


@contextmanager
def precision(name: str, device: torch.device) -> Iterator[None]:
    """Matrix products as a phase wants them: full float32, TF32 ("high"), or bfloat16 where PyTorch deems it safe."""
    if name not in PRECISIONS:
        raise unknown("precision", name, PRECISIONS)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if name != "highest" else "highest")
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=name == "bfloat16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
