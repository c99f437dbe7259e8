"""A whole picture seen by a camera: colours, opacity, depth and normals in one pass."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.composite import Rendered, composite
from pinnscene.rays.posed import PosedCamera
from pinnscene.render.camera import pattern

if TYPE_CHECKING:
    from pinnscene.radiance.field import RadianceField

Floats = NDArray[np.float32]
CHUNK = {"cpu": 1 << 13, "cuda": 1 << 16, "mps": 1 << 15}  # rays at a time
COLOURS = (1.0, 1.0, 1.0)


class Seen(NamedTuple):
    """A picture of a scene.

    Attributes:
        rgb: colours from 0 to 1 over the background [height, width, 3].
        opacity: [height, width].
        depth: the mean distance along each ray [height, width], NaN where nothing is.
        normal: [height, width, 3], as long as the opacity; None where not asked for.
    """

    rgb: Floats
    opacity: Floats
    depth: Floats
    normal: Floats | None


@torch.no_grad()
def see(
    u: "RadianceField",
    camera: PosedCamera,
    near: float,
    far: float,
    background: tuple[float, float, float] = COLOURS,
    normals: bool = False,
    progress: Callable[[float], None] = lambda share: None,
    chunk: int | None = None,
    samples: int = 1,
) -> Seen:
    """The picture that a camera sees, about ``chunk`` rays at a time.

    Args:
        u: a field in the camera's units.
        camera: where from, and how many pixels.
        near: distance along the rays to look from.
        far: and to look to.
        background: the colour behind everything, from 0 to 1.
        normals: the normals too.
        progress: told the share done, from 0 to 1.
        chunk: rays at a time; None for what suits the device.
        samples: rays a pixel: one goes through its middle, more are spread over it and their mean is taken.
    """
    width, height = camera.size
    pixels, step = width * height, max(1, (chunk or CHUNK[u.device.type]) // samples)
    places = torch.from_numpy(pattern(samples))
    parts = []
    for first in range(0, pixels, step):
        pixel = torch.arange(first, min(first + step, pixels))
        rays = rays_of(camera, pixel, near, far, background, places).to(u.device, u.dtype)
        seen = composite(u, rays, normals)
        parts.append([t.float().cpu().numpy() for t in _columns(seen, samples)])
        progress(min(first + step, pixels) / pixels)
    rgb, opacity, depth, *normal = (np.concatenate(column) for column in zip(*parts, strict=True))
    shape = (height, width)
    return Seen(
        rgb.clip(0, 1).reshape(*shape, 3),
        opacity.reshape(shape),
        np.where(opacity > 0.5, depth, np.nan).reshape(shape),
        normal[0].reshape(*shape, 3) if normal else None,
    )


def _columns(seen: Rendered, samples: int) -> list[torch.Tensor]:
    """Colour, opacity, depth, and normal where there is one: means over the samples of pixels, of depths by opacity."""
    normal = [] if seen.normal is None else [seen.normal]
    if samples == 1:
        return [seen.colour, seen.opacity, seen.depth, *normal]
    opacity, depth = (t.view(-1, samples, 1) for t in (seen.opacity, seen.depth))
    reach = (opacity * depth).sum(1) / opacity.sum(1).clamp(min=1e-6)
    colour, *normal = (t.view(-1, samples, 3).mean(1) for t in (seen.colour, *normal))
    return [colour, opacity.mean(1), reach, *normal]


def rays_of(
    camera: PosedCamera,
    pixel: torch.Tensor,
    near: float,
    far: float,
    background: tuple[float, float, float] = COLOURS,
    places: torch.Tensor | None = None,
) -> RayBatch:
    """The rays of pixels [n] of a camera in float64: through their middles, or all through ``places`` [s, 2] of each.

    Places are from 0 to 1 within a pixel; the rays of a pixel stand side by side, each as wide as its share of it.
    """
    samples = 1 if places is None else len(places)
    offset = 0.5 if places is None else places.repeat(len(pixel), 1)
    beams = camera.rays(pixel.repeat_interleave(samples), offset)
    column = torch.ones(len(beams.origins), 1, dtype=torch.float64)
    behind = torch.tensor(background, dtype=torch.float64).expand(len(column), 3)
    return RayBatch(*beams[:2], near * column, far * column, 0.5 * column, beams.radius / samples**0.5, behind)
