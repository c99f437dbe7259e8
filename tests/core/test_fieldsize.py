"""Fields that no memory holds are refused before any of it is taken."""

import pytest

from pinnscene import fieldspec
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec, check_size
from pinnscene.problems.heat import Heat


def test_a_field_that_fits_is_built_and_one_that_does_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = FieldSpec("mlp", knobs={"width": 100, "depth": 2})
    numbers = sum(p.numel() for p in spec.build(Heat()).parameters())
    monkeypatch.setattr(fieldspec, "free_memory", lambda: 16.0 * numbers - 1)
    with pytest.raises(PinnsceneError, match=r"GiB in training.*smaller field.width"):
        spec.build(Heat())
    monkeypatch.setattr(fieldspec, "free_memory", lambda: 16.0 * numbers)
    spec.build(Heat())


def test_nothing_is_allocated_for_what_is_refused() -> None:
    with pytest.raises(PinnsceneError, match="take a smaller field"):
        FieldSpec("mlp", knobs={"width": 65_536, "depth": 256}).build(Heat())
    check_size(0)
