"""Shared helpers: a small family of shapes, and one body as its member."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from pinnscene.problems import familyfigures, familyfitting, familymethods, shapefamily
from pinnscene.problems.familyshapes import Frame, Member
from pinnscene.problems.shapefamily import ShapeFamily
from pinnscene.scenes.meshshape import mesh_shape

FAR = np.array([100.0, 0.0, -50.0])  # where the bodies stand
AXES = {"disc.ply": (20.0, 20.0, 9.0), "egg.ply": (12.0, 12.0, 20.0)}
SMALL: dict[str, Any] = {"n": 512, "shapes": 2, "points": 64, "code": 4, "unseen": 0.0}


@pytest.fixture(scope="session")
def ellipsoids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ellipsoids as files."""
    made = tmp_path_factory.mktemp("ellipsoids")
    for name, axes in AXES.items():
        body = trimesh.creation.icosphere(2)
        body.apply_scale(axes)
        body.apply_translation(FAR)
        body.export(made / name)
    (made / ".hidden").write_text("passed over")
    return made


@pytest.fixture
def few_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few samples, short fits and small pictures."""
    monkeypatch.setattr(familymethods, "KEPT", 1500)
    monkeypatch.setattr(familymethods, "SURFACE", 600)
    monkeypatch.setattr(familyfitting, "STEPS", 100)
    monkeypatch.setattr(familyfigures, "COARSE", 12)
    monkeypatch.setattr(shapefamily, "STARTS", 2)


@pytest.fixture
def problem_of(ellipsoids: Path) -> Callable[..., ShapeFamily]:
    """``problem_of(method, data, **options)``: a small family, of the ellipsoids where no other folder is given."""

    def make(method: str = "decoder", data: Path | None = ellipsoids, **options: Any) -> ShapeFamily:
        return ShapeFamily(**{"data": data and str(data), "method": method, **SMALL, **options})

    return make


@pytest.fixture(scope="session")
def member_of() -> Callable[..., Member]:
    """``member_of(box=False)``: a ball of radius 0.7, or a box of sides 2, 1 and 0.6, as a member of a family."""

    def make(box: bool = False) -> Member:
        body = trimesh.creation.box((2.0, 1.0, 0.6)) if box else trimesh.creation.icosphere(3, 0.7)
        shape = mesh_shape(np.asarray(body.vertices) + FAR, np.asarray(body.faces), "body")
        return Member(shape, Frame.around(shape.lower, shape.upper))

    return make
