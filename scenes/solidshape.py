"""Analytic solids as shapes: distances by their formula, points on the surface by Newton's method."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from pinnscene.mesh.record import Mesh
from pinnscene.scenes.meshshape import on_triangles
from pinnscene.scenes.shapes import Numbers, Shape, queries
from pinnscene.scenes.solids import Moved, Solid
from pinnscene.scenes.volumeshape import isosurface
from pinnscene.scenes.winding import CHUNK

CELLS = 80  # of the marching cubes along the longest side: distances are good to 1e-4 of it
MARGIN = 0.02  # of the longest side, around the box
NEWTON = 4  # steps onto the zero set


@dataclass(frozen=True, eq=False, kw_only=True)
class SolidShape(Shape):
    """A solid by formula, see ``solid_shape``."""

    kind = "solid"
    solid: Solid

    def surface(self, n: int, g: torch.Generator) -> tuple[Numbers, Numbers | None]:
        """Points uniform by area on the mesh, moved onto the zero set, with the gradient's directions there.

        A mesh of cells h changes the density by some (h times the curvature)^2.
        """
        points = self._onto(on_triangles(self._triangles, n, g)[0])
        return points, _unit(self._value_and_slope(points)[1])

    def distance(self, p: Numbers) -> Numbers:
        points = torch.from_numpy(queries(p))
        with torch.no_grad():
            return torch.cat([self.solid.distance(part)[:, 0] for part in points.split(CHUNK)]).numpy()

    def nearest(self, p: Numbers) -> tuple[Numbers, Numbers]:
        """By the formula where it is the true distance; else to the mesh's nearest point, moved onto the zero set."""
        points = queries(p)
        if self.exact:
            value, slope = self._value_and_slope(points)
            return value[:, 0], slope
        apart, away = self._meshed.nearest(points)
        foot, slope = self._newton(points - apart[:, None] * away)
        side = np.where(self.inside(points), -1.0, 1.0)
        return side * np.linalg.norm(points - foot, axis=1), _unit(slope)

    def shifted(self, by: Numbers) -> "SolidShape":
        x, y, z = by.tolist()
        moved = Moved(self.solid, (x, y, z))
        return replace(self, solid=moved, lower=self.lower + by, upper=self.upper + by)

    def mesh(self) -> Mesh:
        return self._triangles

    @cached_property
    def _triangles(self) -> Mesh:
        step = float((self.upper - self.lower).max()) / CELLS
        first = self.lower - MARGIN * step * CELLS
        counts = np.ceil((self.upper - self.lower + 2 * MARGIN * step * CELLS) / step).astype(int) + 1
        lines = [low + step * np.arange(n) for low, n in zip(first, counts, strict=True)]
        places = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
        mesh = isosurface(self.distance(places).reshape(counts), np.full(3, step), first)
        return Mesh(self._onto(mesh.vertices), mesh.faces)

    def _onto(self, p: Numbers) -> Numbers:
        """Points near the surface moved onto it."""
        for _ in range(NEWTON):
            p, _ = self._newton(p)
        return p

    def _newton(self, p: Numbers) -> tuple[Numbers, Numbers]:
        """One step: p - d grad d / |grad d|^2, never farther than half a cell, and grad d at p."""
        most = float((self.upper - self.lower).max()) / CELLS / 2
        value, slope = self._value_and_slope(p)
        move = value * slope / np.maximum((slope**2).sum(1, keepdims=True), 1e-12)
        length = np.linalg.norm(move, axis=1, keepdims=True)
        return p - move * np.minimum(1, most / np.maximum(length, np.finfo(float).tiny)), slope

    @torch.enable_grad()
    def _value_and_slope(self, p: Numbers) -> tuple[Numbers, Numbers]:
        """The distance [n, 1] and its gradient [n, 3]."""
        values, slopes = [], []
        for part in torch.from_numpy(np.ascontiguousarray(p)).split(CHUNK):
            x = part.clone().requires_grad_()
            value = self.solid.distance(x)
            slopes.append(torch.autograd.grad(value.sum(), x)[0].numpy())
            values.append(value.detach().numpy())
        return np.concatenate(values), np.concatenate(slopes)


def _unit(v: Numbers) -> Numbers:
    return v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), np.finfo(float).tiny)


def solid_shape(solid: Solid, name: str) -> SolidShape:
    """A solid as a shape; its distance is taken as true where the solid says so."""
    lower, upper = np.array(solid.lower, np.float64), np.array(solid.upper, np.float64)
    return SolidShape(name=name, lower=lower, upper=upper, exact=solid.exact, solid=solid)
