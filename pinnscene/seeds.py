"""Random streams: one for each (seed, name, step), so that any batch can be drawn again."""

from hashlib import blake2b

import torch


def generator(seed: int, *names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator whose stream depends on ``seed`` and ``names`` alone.

    MPS generators draw no float64, so there the stream lives on the CPU.
    """
    key = "/".join(str(part) for part in (seed, *names))
    digest = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
    home = torch.device(device)
    return torch.Generator("cpu" if home.type == "mps" else home).manual_seed(digest >> 1)


def integer(g: torch.Generator) -> int:
    """One draw from ``g`` as a plain seed, for libraries with random streams of their own."""
    return int(torch.randint(2**31, (), generator=g, device=g.device))
