"""The fields of ray scenes: as fine as the pictures that they are made from, and no finer."""

from itertools import pairwise

import pytest

from pinnscene.problems.rayfields import adam_of, field_of

SIDES = (16, 40, 64, 72, 73, 128, 144, 200, 400, 4000)


@pytest.mark.parametrize("backbone", ["grid", "hash"])
def test_grids_and_steps_grow_with_the_pictures(backbone):
    specs = [field_of(backbone, side, False) for side in SIDES]
    for knob in ("finest", "samples", "cells"):
        assert all(a.knobs[knob] <= b.knobs[knob] for a, b in pairwise(specs))
    for side, spec in zip(SIDES, specs, strict=True):  # a scene fills about three quarters of a picture
        assert spec.knobs["finest"] >= min(0.7 * side, 256)
        assert spec.knobs["finest"] <= max(2.0 * side, 64)
    steps = [adam_of(backbone, side, False)["steps"] for side in SIDES]
    assert steps == sorted(steps)
    assert adam_of(backbone, 64, True)["steps"] == steps[2] / 2
