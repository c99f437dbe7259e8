"""Images of fields on regions of any form: cut along the region's outline, which is drawn as a line."""

from typing import Any

import numpy as np
import torch
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from scipy.ndimage import distance_transform_edt

from pinnscene.domain import Domain
from pinnscene.metrics import CHUNK
from pinnscene.render.planes import Array, Plane, cut_out

FINE = 2.5  # points of the outline's grid for each one of the plane's
MARGIN = 0.03  # of the longer side, left around a region


def outline(domain: Domain, where: Plane) -> Path | None:
    """The closed lines where the distance to the boundary vanishes in a plane; None for a domain that fills its box.

    Holes run the other way round than what is about them.
    """
    region = cut_out(domain)
    if region is None:
        return None
    from skimage.measure import find_contours

    n, d = int(FINE * max(where.shape)), len(region.axes)
    k, j = (region.axes.index(axis) for axis in where.axes)
    left, right, low, high = where.extent
    pad = MARGIN * max(right - left, high - low)
    x = torch.linspace(left - pad, right + pad, n, dtype=torch.float64)
    y = torch.linspace(low - pad, high + pad, n, dtype=torch.float64)
    coords = where.base[:d].repeat(n * n, 1)
    coords[:, k], coords[:, j] = x.repeat(n), y.repeat_interleave(n)
    with torch.no_grad():
        distance = torch.cat([region.distance(part)[:, 0] for part in coords.split(CHUNK)])
    origin, step = np.array([float(x[0]), float(y[0])]), np.array([float(x[1] - x[0]), float(y[1] - y[0])])
    lines = find_contours(distance.view(n, n).numpy(), 0.0)
    return Path.make_compound_path(*[Path(origin + step * at[:, ::-1], closed=True) for at in lines])


def spread(image: Array) -> Array:
    """An image whose nan take the value of the nearest pixel: what an outline cuts then has no fringe."""
    missing = np.isnan(image)
    if not missing.any():
        return image
    nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return image[tuple(np.asarray(nearest))]


def show(ax: Any, domain: Domain, where: Plane, image: Array, **style: Any) -> Any:
    """Draw an image of a plane into axes, cut along the region's outline; returns what matplotlib drew."""
    line, (left, right, low, high) = outline(domain, where), where.extent
    if line is None:
        return ax.imshow(image, origin="lower", extent=where.extent, **style)
    dx, dy = (right - left) / (where.shape[1] - 1) / 2, (high - low) / (where.shape[0] - 1) / 2
    about = (left - dx, right + dx, low - dy, high + dy)  # a pixel's middle is its point of the grid
    drawn = ax.imshow(spread(image), origin="lower", extent=about, **style)
    drawn.set_clip_path(line, ax.transData)
    ax.add_patch(PathPatch(line, facecolor="none", edgecolor="black", lw=0.9))
    pad = MARGIN * max(right - left, high - low)
    ax.set(xlim=(left - pad, right + pad), ylim=(low - pad, high + pad))
    return drawn
