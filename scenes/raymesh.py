"""Meshes out of files as objects of a scene: exact intersections, colours of vertices or of a texture."""

from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.render import tone
from pinnscene.scenes.meshpromises import PROMISED
from pinnscene.scenes.pictures import load_picture
from pinnscene.scenes.rayitems import Item, Place
from pinnscene.scenes.raymaterials import Material
from pinnscene.scenes.shapechecks import explained, finite, not_empty
from pinnscene.scenes.solid import Vector
from pinnscene.scenes.winding import Held

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Painted:
    """Triangles with their colours.

    Attributes:
        vertices: [v, 3].
        faces: [f, 3].
        colours: linear colours of the vertices [v, 3]; None where there are none.
        places: places of the vertices in the texture [v, 2], from 0 to 1, from its lower left corner; None for none.
        texture: linear colours [height, width, 3], the first row on top; None for none.
    """

    vertices: Numbers
    faces: NDArray[np.int64]
    colours: Numbers | None = None
    places: Numbers | None = None
    texture: Numbers | None = None

    def colour(self, face: NDArray[np.int64], weights: Numbers) -> Numbers | None:
        """Colours [n, 3] at barycentric ``weights`` [n, 3] of faces [n]; None where the material decides."""
        corners = self.faces[face]
        if self.texture is not None and self.places is not None:
            return sample(self.texture, np.einsum("nk,nkc->nc", weights, self.places[corners]))
        return None if self.colours is None else np.einsum("nk,nkc->nc", weights, self.colours[corners])


def sample(texture: Numbers, places: Numbers) -> Numbers:
    """Texels [n, 3] of a texture [h, w, 3] at places [n, 2], bilinear, repeating itself."""
    height, width = texture.shape[:2]
    x, y = places[:, 0] * width - 0.5, (1 - places[:, 1]) * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    a, b = (x - left)[:, None], (y - top)[:, None]
    texel = lambda i, j: texture[(top + j) % height, (left + i) % width]
    upper, under = texel(0, 0) * (1 - a) + texel(1, 0) * a, texel(0, 1) * (1 - a) + texel(1, 1) * a
    return upper * (1 - b) + under * b


@dataclass(frozen=True, eq=False)
class MeshItem(Item):
    """A mesh in the world's coordinates. Open ones are seen from both sides."""

    mesh: Painted
    material: Material = field(default_factory=Material)
    place: Place = field(default_factory=Place)

    @cached_property
    def lower(self) -> Vector:
        x, y, z = self.mesh.vertices.min(0).tolist()
        return x, y, z

    @cached_property
    def upper(self) -> Vector:
        x, y, z = self.mesh.vertices.max(0).tolist()
        return x, y, z

    @cached_property
    def _held(self) -> Held:
        from igl import AABB

        tree = AABB()
        tree.init(self.mesh.vertices, self.mesh.faces)
        return Held(tree)

    @cached_property
    def _winding(self) -> Any:
        from pinnscene.mesh.record import Mesh
        from pinnscene.scenes.winding import MeshWinding

        return MeshWinding(Mesh(self.mesh.vertices, self.mesh.faces))

    def first(self, origins: Tensor, directions: Tensor) -> Tensor:
        """How far [n] rays [n, 3] go until they meet it, float64; infinite where they do not."""
        o, d = (np.ascontiguousarray(x.double().numpy()) for x in (origins, directions))
        face, t, _ = self._held.tree.intersect_ray_first(self.mesh.vertices, self.mesh.faces, o, d)
        return torch.from_numpy(np.where(face >= 0, t, np.inf))

    def distance(self, p: Tensor) -> Tensor:
        points = _array(p)
        square, _, _ = self._held.tree.squared_distance(self.mesh.vertices, self.mesh.faces, points)
        side = np.where(self._winding(points) > 0.5, -1.0, 1.0)
        return torch.from_numpy(side * np.sqrt(square)).to(p)

    def normal(self, p: Tensor) -> Tensor:
        a, b, c = np.moveaxis(self.mesh.vertices[self.mesh.faces[self._nearest(p)[0]]], 1, 0)
        across = np.cross(b - a, c - a)
        return torch.from_numpy(across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)).to(p)

    def base(self, p: Tensor) -> Tensor:
        face, closest = self._nearest(p)
        colour = self.mesh.colour(face, barycentric(self.mesh.vertices[self.mesh.faces[face]], closest))
        return self.material.base(self.place.local(p)) if colour is None else torch.from_numpy(colour).to(p)

    def _nearest(self, p: Tensor) -> tuple[NDArray[np.int64], Numbers]:
        _, face, closest = self._held.tree.squared_distance(self.mesh.vertices, self.mesh.faces, _array(p))
        return np.atleast_1d(face), closest.reshape(-1, 3)


def barycentric(corners: Numbers, p: Numbers) -> Numbers:
    """The weights [n, 3] of points [n, 3] in the planes of triangles [n, 3, 3]."""
    a, b, c = np.moveaxis(corners, 1, 0)
    normal = np.cross(b - a, c - a)
    square = np.maximum((normal * normal).sum(1), 1e-300)
    w = (np.cross(b - a, p - a) * normal).sum(1) / square
    v = (np.cross(p - a, c - a) * normal).sum(1) / square
    return np.stack([1 - v - w, v, w], 1).clip(0, 1)


def load_painted(path: Path, texture: Path | None = None) -> Painted:
    """A mesh file (OBJ, PLY, GLB, STL, OFF) with the colours of its vertices, or with a texture.

    A texture comes out of the GLB file itself or from ``texture``, a picture; a file's references to others are not
    followed. Several bodies become one; their colours count where all have them, a texture where there is one body.

    Raises:
        PinnsceneError: an unknown ending, an empty or broken file, no triangles, a texture without places.
    """
    import trimesh

    ending = path.suffix.lower()
    if ending not in PROMISED:
        raise PinnsceneError(f"{path}: expected a mesh ({', '.join(sorted(PROMISED))}), got '{ending}'")
    if not path.is_file():
        raise PinnsceneError(f"there is no mesh {path}: check the path")
    size = not_empty(path)
    with explained(path):
        PROMISED[ending](path, size)
        scene = trimesh.load_scene(BytesIO(path.read_bytes()), file_type=ending[1:], process=False)
        bodies = [body for body in scene.dump() if len(getattr(body, "faces", ()))]
        painted = [_painted(body) for body in bodies]
    if not painted:
        raise PinnsceneError(f"{path} has no triangles: expected a mesh")
    made = painted[0] if len(painted) == 1 else _joined(painted)
    finite(made.vertices, path, "vertex")
    if not (made.faces.min() >= 0 and made.faces.max() < len(made.vertices)):
        raise PinnsceneError(f"{path}: a face names a vertex that is not there: the file is broken")
    if texture is None:
        return made
    if made.places is None:
        raise PinnsceneError(f"{path} has no texture coordinates: expected them for the texture {texture.name}")
    return Painted(made.vertices, made.faces, None, made.places, _linear(load_picture(texture).pixels))


def _painted(body: Any) -> Painted:
    vertices, faces = np.asarray(body.vertices, np.float64), np.asarray(body.faces, np.int64)
    places, image = getattr(body.visual, "uv", None), None
    if places is not None:
        places = np.asarray(places, np.float64)[:, :2]
        image = getattr(body.visual.material, "baseColorTexture", None)
    if body.visual.kind == "vertex":
        colours = _linear(np.asarray(body.visual.vertex_colors)[:, :3] / 255)
        return Painted(vertices, faces, colours)
    pixels = None if image is None else _linear(np.asarray(image.convert("RGB")) / 255)
    return Painted(vertices, faces, None, places, pixels)


def _joined(bodies: list[Painted]) -> Painted:
    """All bodies in one."""
    starts = np.cumsum([0, *(len(body.vertices) for body in bodies)])
    faces = np.concatenate([body.faces + start for body, start in zip(bodies, starts, strict=False)])
    colours = [body.colours for body in bodies if body.colours is not None]
    vertices = np.concatenate([body.vertices for body in bodies])
    return Painted(vertices, faces, np.concatenate(colours) if len(colours) == len(bodies) else None)


def _linear(shown: NDArray[Any]) -> Numbers:
    """Colours of sRGB, grey or with alpha, as linear light [..., 3]."""
    rgb = np.repeat(shown, 3, -1) if shown.shape[-1] == 1 else shown[..., :3]
    return tone.decode(torch.from_numpy(np.ascontiguousarray(rgb, np.float64))).numpy()


def _array(p: Tensor) -> Numbers:
    return np.ascontiguousarray(p.detach().double().numpy())
