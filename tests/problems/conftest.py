"""Shared helpers: a small family of shapes, one body as its member, a function as a field."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Operator
from pinnscene.errors import PinnsceneError
from pinnscene.problem import Problem
from pinnscene.problems import familyfigures, familyfitting, familymethods, shapefamily
from pinnscene.problems.familyshapes import Frame, Member
from pinnscene.problems.shapefamily import ShapeFamily
from pinnscene.scenes.meshshape import mesh_shape
from pinnscene.views import Differentiable, coefficient

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


class Differences(Differentiable):
    """A function that can only be evaluated, seen as a field: its derivatives are central differences of order 4."""

    def __init__(self, f: Callable[[Points], Tensor], problem: Problem, h: float) -> None:
        self.f, self.h, self.problem = f, h, problem
        self.axes, self.values = problem.domain.axes, tuple(problem.values)

    def param(self, name: str, p: Points | Tensor) -> Any:
        return coefficient(self.problem.params(), name, p, self.axes)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        x = coordinates(p, len(self.axes))
        return [sum(c * self._partial(x, index) for index, c in op.items()) for op in operators]

    def _partial(self, x: Tensor, index: tuple[int, ...]) -> Tensor:
        if not index:
            return self.f(Points(x, self.axes))
        axis, h = index[-1], self.h
        step = torch.zeros_like(x)
        step[:, axis] = h
        if index[-2:] == (axis, axis):
            weights = {-2: -1 / 12, -1: 4 / 3, 0: -5 / 2, 1: 4 / 3, 2: -1 / 12}
            return sum(w * self._partial(x + k * step, index[:-2]) for k, w in weights.items()) / h**2
        weights = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}
        return sum(w * self._partial(x + k * step, index[:-1]) for k, w in weights.items()) / h


@pytest.fixture(scope="session")
def differences() -> type[Differences]:
    """``differences(f, problem, h)``: a function as a field."""
    return Differences


@pytest.fixture(scope="session")
def refused() -> Callable[..., str]:
    """``refused(make, **options)``: the error that options raise, which must be one line."""

    def attempt(make: Callable[..., Any], **options: Any) -> str:
        with pytest.raises(PinnsceneError) as caught:
            make(**options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return attempt
