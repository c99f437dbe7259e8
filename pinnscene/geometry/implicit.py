"""Regions where a function is negative: signed distance functions, solved ones included."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.pieces import Piece, Placed
from pinnscene.geometry.region import Factor, Region
from pinnscene.geometry.solid import triangles
from pinnscene.metrics import evaluate
from pinnscene.views import Differentiable

PART = "surface"
CELLS = {2: 512, 3: 96}  # cells along the longest side in which the zero set is looked for
STEPS = 6  # of Newton's method from a cell's straight piece to the zero set
SLOPES = (0.7, 1.4)  # of a function that may be called a distance: nine in ten places on its zero set
LOOKED = 512


class Implicit(Region):
    """Where ``u`` is negative within a box, in 2 or 3 dimensions; one part of the boundary, ``surface``.

    Args:
        u: a field of one output, near its zero set the signed distance to it.
        box: a box that the zero set does not leave.
        name: what to call it.

    Raises:
        PinnsceneError: other axes or outputs, no zero set, one that leaves the box, or no distance.
    """

    def __init__(self, u: Differentiable, box: Box, name: str = "the field") -> None:
        if box.axes != u.axes or len(u.axes) not in CELLS or len(u.values) != 1 or "t" in u.axes:
            raise PinnsceneError(
                f"a region expected a field of one output over two or three axes of space, got {name} with "
                f"{', '.join(u.values)} over {', '.join(u.axes)}"
            )
        self.u, self.box, self.name, self.axes = u, box, name, u.axes
        x = self._vertices
        margin = 0.01 * max(high - low for low, high in zip(box.lower, box.upper, strict=True))
        self.lower = tuple(max(l, float(v) - margin) for l, v in zip(box.lower, x.amin(0), strict=True))
        self.upper = tuple(min(h, float(v) + margin) for h, v in zip(box.upper, x.amax(0), strict=True))
        self._check()

    def __repr__(self) -> str:
        return self.name

    def _check(self) -> None:
        """Raise where the function is no distance near its zero set."""
        x, _ = self.pieces[0].place(torch.rand(LOOKED, 3, generator=torch.Generator().manual_seed(0)).double())
        slope = self._gradient(x).norm(dim=1)
        low, high = SLOPES
        if float(((slope > low) & (slope < high)).double().mean()) < 0.9:
            raise PinnsceneError(
                f"{self.name} is no distance field: its slope on its zero set is {float(slope.median()):.3g} in the "
                "middle, expected about 1; solve eikonal-sdf"
            )

    def inside(self, x: Tensor) -> Tensor:
        return self.distance(x)[:, 0] < 0

    def distance(self, p: Points | Tensor) -> Tensor:
        x = self.coordinates(p)
        if x.requires_grad:
            return self.u(x)
        return evaluate(self.u, Points(x, self.axes)).to(x)

    @cached_property
    def _vertices(self) -> Tensor:
        return torch.as_tensor(self._outline[0])

    @cached_property
    def _outline(self) -> "tuple[np.ndarray, np.ndarray]":
        """Vertices [v, d] and simplices [f, d] of the zero set, inside on the same side of all."""
        return self._contour() if len(self.axes) == 2 else self._surface()

    def _contour(self) -> "tuple[np.ndarray, np.ndarray]":
        from skimage.measure import find_contours

        n = CELLS[2] + 1
        p = self.box.lattice(n, n)
        values = evaluate(self.u, p)[:, 0].view(n, n).numpy()
        lines = find_contours(values, 0.0)
        if not lines:
            raise PinnsceneError(f"{self.name} has no zero set in its box: there is no boundary")
        if any(np.abs(line[0] - line[-1]).max() > 1e-9 for line in lines):
            raise PinnsceneError(f"the zero set of {self.name} leaves its box: the region must be closed")
        lower, upper = np.array(self.box.lower), np.array(self.box.upper)
        vertices, faces, start = [], [], 0
        for line in lines:
            k = len(line) - 1
            vertices.append(lower + (upper - lower) * line[:-1] / (n - 1))
            faces.append(start + np.stack([np.arange(k), (np.arange(k) + 1) % k], 1))
            start += k
        return np.concatenate(vertices), np.concatenate(faces)

    def _surface(self) -> "tuple[np.ndarray, np.ndarray]":
        from pinnscene.mesh import extract, report

        mesh = extract(self.u, self.box, CELLS[3])
        if not report(mesh).watertight:
            raise PinnsceneError(f"the zero set of {self.name} is open, or leaves its box: the region must be closed")
        return mesh.vertices, mesh.faces

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        vertices, faces = self._outline
        if len(self.axes) == 2:
            flat = _segments(vertices[faces])
        else:
            from pinnscene.mesh.record import Mesh

            flat = triangles(Mesh(vertices, faces), PART)
        return (Piece(PART, flat.measure, flat.columns, self._projected(flat.place)),)

    def _projected(self, place: Callable[[Tensor], Placed]) -> Callable[[Tensor], Placed]:
        def projected(unit: Tensor) -> Placed:
            x, _ = place(unit)
            for _ in range(STEPS):
                g = self._gradient(x)
                x = x - self.distance(x) * g / g.square().sum(1, keepdim=True).clamp_min(1e-12)
            g = self._gradient(x)
            return x, g / g.norm(dim=1, keepdim=True).clamp_min(1e-12)

        return projected

    def _gradient(self, x: Tensor) -> Tensor:
        place = getattr(self.u, "device", x.device)
        slopes = self.u.derivatives(x.to(place), [{(k,): 1.0} for k in range(len(self.axes))])
        return torch.cat(slopes, 1).detach().to(x)

    def factors(self) -> dict[str, list[Factor]]:
        return {PART: [lambda p: -self.u(p)]}


def _segments(ends: "np.ndarray") -> Piece:
    """Segments [n, 2 ends, 2] as a piece; normals are for whoever projects."""
    lengths = torch.as_tensor(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1))
    stops, corners = lengths.cumsum(0), torch.as_tensor(ends)

    def place(unit: Tensor) -> Placed:
        along = unit[:, 0] * float(stops[-1])
        k = torch.bucketize(along, stops.to(unit), right=True).clamp_max(len(stops) - 1)
        share = (along - stops.to(unit)[k]) / lengths.to(unit)[k] + 1
        a, b = corners.to(unit)[k].unbind(1)
        return a + share[:, None] * (b - a), torch.zeros_like(a)

    return Piece(PART, float(stops[-1]), 1, place)
