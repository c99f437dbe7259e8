"""Values on a whole lattice, written as NumPy's npz a part at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
from numpy.lib import format as npy

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.metrics import evaluate
from pinnscene.render.planes import within
from pinnscene.views import Differentiable

CHUNK = 2**17  # points at a time


def write_lattice(
    u: Differentiable,
    domain: Domain,
    shape: tuple[int, ...],
    path: Path,
    progress: Callable[[float], None],
    origin: Sequence[float] | None = None,
) -> None:
    """Write ``axes``, each axis' coordinates by its name, ``names`` and ``values`` [*shape, k] to an npz file.

    ``origin`` is added to the coordinates in the file; values outside of a domain that does not fill its box are nan.
    """
    lines = [np.linspace(low, high, n) for low, high, n in zip(domain.lower, domain.upper, shape, strict=True)]
    told = [line + o for line, o in zip(lines, origin or [0.0] * len(lines), strict=True)]
    small = {"axes": np.array(u.axes), "names": np.array(u.values), **dict(zip(u.axes, told, strict=True))}
    with ZipFile(path, "w") as archive:
        for name, array in small.items():
            with archive.open(f"{name}.npy", "w") as member:
                npy.write_array(member, array, allow_pickle=False)
        with archive.open("values.npy", "w", force_zip64=True) as member:
            head = {"descr": "<f8", "fortran_order": False, "shape": (*shape, len(u.values))}
            npy.write_array_header_2_0(member, head)
            total = int(np.prod(shape))
            for start in range(0, total, CHUNK):
                places = np.unravel_index(np.arange(start, min(total, start + CHUNK)), shape)
                coords = np.stack([line[place] for line, place in zip(lines, places, strict=True)], 1)
                x = torch.from_numpy(coords)
                values, inside = evaluate(u, Points(x, u.axes)), within(domain, x)
                if inside is not None:
                    values[~inside] = torch.nan
                member.write(values.numpy().tobytes())
                progress(min(1.0, (start + CHUNK) / total))
