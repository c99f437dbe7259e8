"""The fields, and Adam's knobs, that suit scenes of rays, by preset."""

from math import inf
from typing import Any

from pinnscene.fieldspec import FieldSpec

# Grids find their way in seconds. ``mlp`` is the classic network (2003.08934, section 5.3 and appendix A): eight layers
# of 256, a skip into the fifth, coarse and fine. The other trunks look where the occupancy grid tells them to.
CLASSIC: dict[str, Any] = {
    "latent": 256,
    "colour": 128,
    "layers": 1,
    "seen": "positional",
    "degree": 4,
    "sampling": "hierarchical",
    "samples": 24,
    "fine": 24,
}
TRUNK: dict[str, Any] = {"width": 128, "latent": 64, "colour": 64, "layers": 1, "samples": 96, "cells": 64}
HEADS: dict[str, Any] = {
    "width": 64,
    "depth": 1,
    "activation": "relu",
    "latent": 15,
    "colour": 64,
    "layers": 1,
}
FIELDS: dict[str, dict[str, Any]] = {
    "grid": {**HEADS, "levels": 4, "features": 4, "coarsest": 16, "interpolation": "linear"},
    "hash": {**HEADS, "levels": 6, "features": 2, "coarsest": 16, "interpolation": "linear", "table": 17},
    "mlp": {**CLASSIC, "frequencies": 10, "width": 256, "depth": 8, "skip": 5, "activation": "relu"},
    "fourier": {**TRUNK, "sigma": 1.0, "depth": 3, "activation": "relu"},
    "siren": {**TRUNK, "depth": 4, "first": 20.0},
}
ADAM: dict[str, dict[str, Any]] = {
    "grid": {"lr": 5e-3, "encoding": 4.0, "eps": 1e-15, "warmup": 20, "steps": 800},
    "hash": {"lr": 5e-3, "encoding": 4.0, "eps": 1e-15, "warmup": 20, "steps": 800},
    "mlp": {"lr": 1e-3, "warmup": 20, "steps": 3000},
    "fourier": {"lr": 3e-3, "warmup": 20, "steps": 2000},
    "siren": {"lr": 1e-3, "warmup": 20, "steps": 2000},
}
RAYS = {"mlp": 128, "fourier": 512, "siren": 512}  # a step, where every sample takes a large network
FAST = ("grid", "hash")
# Pixels along a side up to which a grid shows all there is, the grid, and how many times Adam's steps it takes.
GRIDS: tuple[tuple[float, dict[str, Any], float], ...] = (
    (72, {"finest": 64, "samples": 64, "cells": 64}, 1.0),
    (144, {"finest": 128, "samples": 128, "cells": 64}, 1.0),
    (288, {"finest": 144, "samples": 192, "cells": 128}, 3.25),
    (inf, {"finest": 256, "samples": 256, "cells": 128}, 5.0),
)
SMALL = 144
BUILT_IN = 0.5  # of the steps are enough for a built-in scene, which shall soon be there


def field_of(backbone: str, side: int, unbounded: bool) -> FieldSpec | None:
    """The field for pictures of ``side`` pixels; None for a backbone that is not known here."""
    if backbone not in FIELDS:
        return None
    knobs = dict(FIELDS[backbone])
    if backbone in FAST:
        knobs |= next(grid for most, grid, _ in GRIDS if side <= most)
    knobs |= {"unbounded": unbounded}
    if unbounded:  # thin, or cameras would stand in fog from the start and never see what is far
        knobs |= {"shift": -3.0}
    encoding = "positional" if backbone == "mlp" else None
    return FieldSpec(backbone, encoding, knobs=knobs, kind="radiance")


def adam_of(backbone: str, side: int, built_in: bool) -> dict[str, Any]:
    """Adam's knobs: more steps for pictures with more pixels."""
    known = dict(ADAM.get(backbone, {}))
    if known:
        more = next(steps for most, _, steps in GRIDS if side <= most)
        known["steps"] = round(known["steps"] * more * (BUILT_IN if built_in and side <= SMALL else 1.0))
    return known
