"""Fields by name: sizes that no memory holds are told before it is taken, whatever the field is made of."""

import pytest
import torch

from pinnscene import memory
from pinnscene.backbones import backbones
from pinnscene.backbones.siren import Siren
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import TRAINED, FieldSpec
from pinnscene.problem import Problem


class Cube(Problem):
    """Nothing but a place and a value."""

    values, domain = ("u",), Box(x=(0, 1), y=(0, 1), z=(0, 1))

    def constraints(self):
        return {}


WIDE = FieldSpec("siren", knobs={"width": 100, "depth": 2})
PARAMETERS = 3 * 100 + 100 + 100 * 100 + 100 + 100 + 1


@pytest.mark.parametrize("spare", [-1, 0])
def test_parameters_are_counted_before_they_are_made(monkeypatch: pytest.MonkeyPatch, spare: int) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: float(TRAINED * PARAMETERS + spare))
    if spare == 0:
        assert WIDE.build(Cube()).backbone.outputs == 100
        return
    with pytest.raises(PinnsceneError, match=r"a field of 1\.06e\+04 numbers would take about 0\.000158 GiB"):
        WIDE.build(Cube())


def test_a_part_that_needs_values_to_be_made_is_built_uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fixed(Siren):
        def __init__(self, inputs: int, *, width: int = 5) -> None:
            super().__init__(inputs, width=width, depth=1, first=torch.ones(()).item() * 3)

    monkeypatch.setitem(backbones._known, "fixed", Fixed)
    assert FieldSpec("fixed").build(Cube()).backbone.outputs == 5


def test_nothing_is_allocated_for_what_is_refused() -> None:
    with pytest.raises(PinnsceneError, match="take a smaller one"):
        FieldSpec("mlp", knobs={"width": 65_536, "depth": 256}).build(Cube())


@pytest.mark.parametrize("solver", ["head", "gauss-newton", "adam"])
def test_tensor_features_by_name_for_a_problem_without_a_basis(solver: str) -> None:
    spec = Cube().field(solver, "tensor").override(None, {"basis": "sine", "modes": "2,3,4"})
    assert spec.build(Cube()).backbone.outputs == 24
