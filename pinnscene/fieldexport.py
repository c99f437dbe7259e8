"""Fields on domains as files for other programs: cells with values, coloured surfaces, values on a lattice."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.errors import PinnsceneError
from pinnscene.exporting import Exported, ExportRequest, export_lattice, export_surface
from pinnscene.files import replacing
from pinnscene.geometry.region import Region
from pinnscene.geometry.space import space_of
from pinnscene.metrics import evaluate
from pinnscene.render import tone
from pinnscene.render.distancefield import about, distance_field
from pinnscene.render.moment import Moment
from pinnscene.render.planes import times
from pinnscene.render.shot import PAINT
from pinnscene.views import Differentiable, FunctionField

if TYPE_CHECKING:
    from pinnscene.mesh import Mesh
    from pinnscene.problem import Problem

MOMENTS = 11  # times of a file of cells
MOST = {2: 1000, 3: 64}  # cells along the longest side of a file of cells at most, by the axes of space

Floats = NDArray[np.float64]


def formats_of(domain: Domain) -> tuple[str, ...]:
    """What a field on a domain may be written as, the usual format first."""
    region = space_of(domain)
    return ("npz", "vtu", "ply", "glb") if region is not None and len(region.axes) in MOST else ("npz",)


def export_field(problem: "Problem", u: Differentiable, request: ExportRequest) -> Exported:
    """Write a field in the request's format, one of ``formats_of`` the problem's domain.

    - npz: see ``export_lattice``.
    - vtu: triangles or tetrahedra that fill the region, with the values of all outputs at their corners and, as cells,
      at their middles; beside them the reference and the error where there is one, and what the problem derives from
      the field. A field with t has its values at 11 times, each by name.
    - ply, glb: the surface of a solid, or a region of the plane at z = 0, coloured by the first output and with the
      values of all as attributes of its vertices; at the last time where there is t.

    Raises:
        PinnsceneError: a level or bodies where there is no surface, or what the formats raise.
    """
    region = space_of(problem.domain)
    if request.format == "npz" or region is None:
        return export_lattice(problem, u, request)
    if request.level:
        raise PinnsceneError("level is for surfaces of fields that are solved for them: leave --level out")
    if request.format != "vtu" and len(region.axes) == 3:
        paint = lambda mesh: painted(mesh, _last(problem, u))
        return export_surface(distance_field(region), about(region), request, finish=paint)
    if request.bodies is not None:
        raise PinnsceneError("bodies are pieces of a solid's surface, there is none: leave --bodies out")
    return (_export_cells if request.format == "vtu" else _export_plane)(problem, u, region, request)


def _last(problem: "Problem", u: Differentiable) -> Moment:
    return Moment(u, (times(problem.domain, 2) or [None])[-1])


def painted(mesh: "Mesh", u: Differentiable) -> "Mesh":
    """A mesh with the values of a field of space, and the colours of its first output."""
    x = torch.from_numpy(mesh.vertices[:, : len(u.axes)])
    values = evaluate(u, Points(x, u.axes))
    first = values[:, 0]
    colours = tone.to_bytes(tone.mapped(first, float(first.min()), float(first.max()), PAINT))
    return replace(mesh, colours=colours, values=dict(zip(u.values, values.numpy().T, strict=True)))


def _cells(region: Region, request: ExportRequest) -> tuple[Floats, NDArray[np.int64], list[str]]:
    from pinnscene.mesh.cells import cells_of

    n = min(request.resolution, MOST[len(region.axes)])
    notes = [] if n == request.resolution else [f"{n} cells along the longest side: the most that such a file has"]
    return *cells_of(region, n), notes


def _export_plane(problem: "Problem", u: Differentiable, region: Region, request: ExportRequest) -> Exported:
    from pinnscene.mesh import Mesh, write_mesh

    vertices, faces, notes = _cells(region, request)
    flat, up = _in_space(vertices), np.tile([0.0, 0.0, 1.0], (len(vertices), 1))
    mesh = painted(Mesh(flat, faces, up), _last(problem, u))
    written = write_mesh(mesh, request.out)
    request.progress(1.0)
    return Exported([written], [f"{len(faces)} triangles", *notes], {"vertices": len(vertices), "faces": len(faces)})


def _export_cells(problem: "Problem", u: Differentiable, region: Region, request: ExportRequest) -> Exported:
    import meshio

    vertices, cells, notes = _cells(region, request)
    middles = vertices[cells].mean(1)
    at_points = _named(problem, u, vertices, lambda share: request.progress(0.5 * share))
    at_cells = _named(problem, u, middles, lambda share: request.progress(0.5 + 0.5 * share))
    kind = "triangle" if len(region.axes) == 2 else "tetra"
    made = meshio.Mesh(
        _in_space(vertices), [(kind, cells)], at_points, {name: [values] for name, values in at_cells.items()}
    )
    with replacing(request.out) as temporary:
        meshio.write(temporary, made, file_format="vtu")
    facts = {"points": len(vertices), "cells": len(cells), "arrays": list(at_points)}
    return Exported(
        [request.out], [f"{len(cells)} cells, {len(vertices)} points, {len(at_points)} arrays", *notes], facts
    )


def _named(problem: "Problem", u: Differentiable, x: Floats, progress: Callable[[float], None]) -> dict[str, Any]:
    """The outputs, reference and error, and what is derived at places [n, d], by name, each [n]."""
    moments, derived = times(problem.domain, MOMENTS) or [None], problem.derived(u)
    found: dict[str, Any] = {}
    for k, t in enumerate(moments):
        when = "" if t is None else f", t = {t:.6g}"
        p = Points(torch.from_numpy(x), u.space)
        values = evaluate(Moment(u, t), p)
        truth = _truth(problem, u, t, p)
        for column, name in enumerate(u.values):
            found[f"{name}{when}"] = values[:, column].numpy()
            if truth is not None and column < truth.shape[1]:
                stem = name if len(u.values) > 1 else ""
                found[f"reference {stem}".strip() + when] = truth[:, column].numpy()
                found[f"error {stem}".strip() + when] = (values - truth)[:, column].numpy()
        if derived is not None:
            columns = evaluate(Moment(derived, t), p).numpy().T
            found |= {f"{name}{when}": column for name, column in zip(derived.values, columns, strict=True)}
        progress((k + 1) / len(moments))
    return found


def _truth(problem: "Problem", u: Differentiable, t: float | None, p: Points) -> torch.Tensor | None:
    known = FunctionField(problem.reference, u.axes, problem.compared())  # pyright: ignore[reportArgumentType]
    at = Moment(known, t)
    return None if problem.reference(Points(at.whole(p[:1]), u.axes)) is None else evaluate(at, p)


def _in_space(x: Floats) -> Floats:
    """Places [n, 3] of a plane at z = 0."""
    return x if x.shape[1] == 3 else np.column_stack([x, np.zeros(len(x))])
