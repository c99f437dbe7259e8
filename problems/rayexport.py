"""Exports of a scene of rays, in the data's own units and place: meshes, points, depths, cameras, the density."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import NoSurface, PinnsceneError
from pinnscene.exporting import Exported, ExportRequest, Kind, export_lattice, export_surface
from pinnscene.files import replacing
from pinnscene.mesh import Mesh, write_mesh
from pinnscene.mesh.bodies import without_crumbs
from pinnscene.problems.rayrender import WHITE, looking
from pinnscene.radiance.solid import CRUMB, HALF, Solid, looked_at
from pinnscene.rays import RayBatch
from pinnscene.rays.composite import Rendered, composite
from pinnscene.rays.view import CHUNK, rays_of
from pinnscene.render.raycameras import write_cameras
from pinnscene.render.rayfilm import file_names, save_values
from pinnscene.scenes.views import Views
from pinnscene.seeds import generator
from pinnscene.views import Differentiable, FunctionField

if TYPE_CHECKING:
    from pinnscene.problems.nerf_ray import NerfRay
    from pinnscene.radiance import RadianceField

KINDS = {
    "mesh": Kind(("ply", "glb", "obj", "stl")),
    "grid": Kind(("npz",)),
    "points": Kind(("ply", "npz")),
    "cameras": Kind(("json",)),
    "depth": Kind(("tiff", "npy"), folder=True),
}
SOLID = 0.8  # opacity of a ray that ends on something
THIN = 0.02  # of the box's diagonal: a ray's light comes from a stretch that is no longer, or it ends on no one thing
TRIES = 10  # rays for each point of a cloud, at most


def export_rays(problem: "NerfRay", u: "RadianceField", request: ExportRequest) -> Exported:
    """Write one of ``KINDS``.

    - mesh: where a density is half opaque (``radiance.solid``), or of a signed distance its zero set; in the box
      alone. The colours of its vertices are those seen along the normal from outside.
    - grid: the density per unit of length on a lattice of the box.
    - points: ends of random rays of the training views, where they end on one thing, with colours and normals.
    - cameras: those of all pictures, as ``render --camera FILE.json`` reads them.
    - depth: of each picture the distance along its rays, 32-bit, NaN where nothing is.

    Raises:
        PinnsceneError: a level that is no density, a kind that has no level, or no surface to be found.
    """
    what = request.what or next(name for name, kind in KINDS.items() if request.format in kind.formats)
    if what != "mesh" and request.level is not None:
        raise PinnsceneError(f"level is for meshes, {what} has none: leave --level out")
    views = problem.posed
    if what == "mesh":
        return _mesh(problem.domain, u, views, request)
    if what == "grid":
        density = FunctionField(lambda p: _masked_density(u, p.coords), u.axes, ("density",))
        return export_lattice(problem, density, request, views.origin.tolist())
    if what == "points":
        return _points(u, views, request)
    if what == "depth":
        return _depths(u, views, request)
    write_cameras(request.out, views.cameras, views.origin)
    return Exported([request.out], [f"{len(views.cameras)} cameras"], {"cameras": len(views.cameras)})


def _mesh(box: Box, u: "RadianceField", views: Views, request: ExportRequest) -> Exported:
    field, level, words = surface_of(u, box, request.resolution, request.level)
    x, y, z = views.origin.tolist()
    notes = [f"surface: {words}"]

    def finish(mesh: Mesh) -> Mesh:
        kept, dropped = without_crumbs(mesh, CRUMB)
        if dropped:
            notes.append(f"left out: {dropped} bodies of less than {CRUMB:.1%} of the area each")
        return replace(kept, colours=colours_of(u, kept))

    try:
        made = export_surface(field, box, replace(request, level=level), (x, y, z), finish)
    except NoSurface:
        raise NoSurface(f"no surface that is {words}: take another level, or train for longer") from None
    return replace(made, notes=[*made.notes, *notes])


def surface_of(
    u: "RadianceField", box: Box, resolution: int, level: float | None = None
) -> tuple[Differentiable, float, str]:
    """A field of the points whose level set is the surface, less inside; its value there; and what that is, in words.

    Args:
        u: a field of light.
        box: where to look.
        resolution: cells along its longest side.
        level: a density per unit of length, or for a field of distances a distance; None for what suits.

    Raises:
        PinnsceneError: a level that is no density.
    """
    distance = u.distance()
    if distance is not None:
        level = level or 0.0
        return distance, level, f"a distance of {level:g}"
    solid = Solid(u, box, resolution, level)
    words = f"half opaque at a density of {solid.level:.4g} per unit of length, averaged over {solid.width:.3g}"
    return solid, 1 - HALF, words


def colours_of(u: "RadianceField", mesh: Mesh) -> NDArray[np.uint8]:
    """The colours [v, 3] of a mesh's vertices as they are seen along the normal from outside."""
    assert mesh.normals is not None
    made = np.empty((len(mesh.vertices), 3), np.uint8)
    for first in range(0, len(made), u.chunk):
        rows = slice(first, first + u.chunk)
        p = Points(torch.from_numpy(mesh.vertices[rows]), u.axes).to(u.device)
        towards = -torch.from_numpy(np.asarray(mesh.normals[rows], dtype=np.float64)).to(u.device)
        with torch.no_grad():
            seen = u.bind(direction=towards)(p)[:, 1:]
        made[rows] = (seen.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    return made


def _masked_density(u: "RadianceField", x: Tensor) -> Tensor:
    y = x.to(u.device, u.dtype)
    return torch.where(looked_at(u, y), u.density(y), 0.0).to(x)


def _points(u: "RadianceField", views: Views, request: ExportRequest) -> Exported:
    """Ends of random rays, until there are as many as asked for."""
    parts: list[NDArray[np.float64]] = []
    found = tried = 0
    for rays in _random_rays(views, CHUNK[u.device.type]):
        with torch.no_grad():
            some = _ends(u, rays.to(u.device, u.dtype), THIN * float(np.linalg.norm(views.upper - views.lower)))
        parts.append(some)
        found, tried = found + len(some), tried + len(rays)
        request.progress(min(1.0, max(found / request.points, tried / (TRIES * request.points))))
        if found >= request.points or (tried >= TRIES * request.points and tried >= 10 * len(rays)):
            break
    if not found:
        raise NoSurface("no ray of the training views ends on anything: train for longer")
    cloud = np.concatenate(parts)[: request.points]
    places, normals, colours = cloud[:, :3] + views.origin, cloud[:, 3:6], (cloud[:, 6:] * 255).round().astype(np.uint8)
    if request.format == "npz":
        with replacing(request.out) as temporary, temporary.open("wb") as file:
            np.savez(file, points=places, normals=normals.astype(np.float32), colours=colours)
    else:
        write_mesh(Mesh(places, np.zeros((0, 3), np.int64), normals, colours), request.out)
    fewer = f" of {request.points}: other rays end on nothing solid" if len(places) < request.points else ""
    note = f"{len(places)} points with normals and colours{fewer}"
    return Exported([request.out], [note], {"points": len(places)})


def _random_rays(views: Views, n: int) -> Iterator[RayBatch]:
    """Batches of rays of the training views in turn, through random pixels."""
    drawn, k = generator(0, "points"), 0
    near, far, behind = views.near, views.far, views.background or WHITE
    while True:
        camera = views.cameras[views.train[k % len(views.train)]]
        width, height = camera.size
        pixel = torch.randint(width * height, (max(64, n // 8),), generator=drawn)
        yield rays_of(camera, pixel, near, far, behind)
        k += 1


def _ends(u: "RadianceField", rays: RayBatch, thin: float) -> NDArray[np.float64]:
    """Place, normal and colour [m, 9] where rays end on something that is thinner than ``thin``."""
    seen = composite(u, rays, normals=True)
    assert seen.normal is not None
    fit = (seen.opacity[:, 0] > SOLID) & (_deviation(seen)[:, 0] < thin)
    places = rays.origins + seen.depth * rays.directions
    inside = ((places - u.centre).abs() < u.extent).all(1)
    normal = torch.nn.functional.normalize(seen.normal, dim=1)
    return torch.cat([places, normal, seen.colour.clamp(0, 1)], 1)[fit & inside].double().cpu().numpy()


def _deviation(seen: Rendered) -> Tensor:
    """The standard deviation [n, 1] of the distance that each ray's light comes from."""
    if not len(seen.samples):
        return torch.zeros_like(seen.depth)
    away = seen.samples.middle - seen.depth[seen.samples.ray, 0]
    return (seen.samples.total((seen.weights * away.square())[:, None]) / seen.opacity.clamp(min=1e-6)).sqrt()


def _depths(u: "RadianceField", views: Views, request: ExportRequest) -> Exported:
    """A file for each picture, held-out ones too."""
    look, written = looking(u, views), []
    names = file_names([camera.name for camera in views.cameras])
    for k, (camera, name) in enumerate(zip(views.cameras, names, strict=True)):
        share = _part(request.progress, k, len(names))
        written.append(save_values(look(camera, False, share).depth, request.out / f"{name}.{request.format}"))
    note = f"{len(written)} files: distances along the rays in the data's units, NaN where nothing is"
    return Exported(written, [note], {"depths": len(written)})


def _part(progress: Callable[[float], None], k: int, count: int) -> Callable[[float], None]:
    return lambda share: progress((k + share) / count)
