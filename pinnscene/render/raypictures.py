"""What rays see as pictures: colours, depth with a scale, normals, opacity."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pinnscene.rays.view import Seen
from pinnscene.render.canvas import figure

KINDS = ("rgb", "depth", "normal", "opacity")
DEPTH = "turbo_r"  # the colour map: what is near is warm
NOTHING = 1.0  # the brightness of where there is nothing
TAILS = (0.5, 99.5)  # percent of depths that a scale leaves out at either end
DOTS = 100  # an inch of the scale's letters
ROOM = (192, 128)  # pixels of the least picture that has a scale drawn on it
TALLEST = 300  # pixels of a scale

Bytes = NDArray[np.uint8]
Limits = tuple[float, float]


def pictures(seen: Seen, kinds: Iterable[str], limits: Limits, scale: bool = True) -> dict[str, Bytes]:
    """Pictures [height, width, 3] of some of ``KINDS``.

    Args:
        seen: what the rays saw; with normals where ``kinds`` has them.
        kinds: which pictures.
        limits: the least and the greatest depth of the colours.
        scale: draw the scale of the depth's colours on it.
    """
    drawn = {kind: _drawn(seen, kind, limits) for kind in kinds}
    if scale and "depth" in drawn:
        drawn["depth"] = _laid(_scale(limits, drawn["depth"].shape[1], drawn["depth"].shape[0]), drawn["depth"])
    return drawn


def depth_limits(seen: Iterable[Seen], otherwise: Limits) -> Limits:
    """A range for the colours of depths: all but the outermost few; ``otherwise`` where there is nothing to see."""
    found = np.concatenate([view.depth[np.isfinite(view.depth)] for view in seen])
    if not len(found):
        return otherwise
    low, high = (float(x) for x in np.percentile(found, TAILS))
    return (low, high) if high > low else (low - 0.5e-3 * abs(low) - 1e-9, high + 0.5e-3 * abs(high) + 1e-9)


def side_by_side(parts: Mapping[str, Bytes]) -> Bytes:
    """Pictures of one height as one."""
    return np.concatenate(list(parts.values()), 1)


def coloured_depth(depth: NDArray[np.float32], limits: Limits) -> Bytes:
    """Depths [height, width] through the colour map; white where they are NaN."""
    share = (depth - limits[0]) / (limits[1] - limits[0])
    colours = colormaps[DEPTH](np.nan_to_num(share).clip(0, 1))[..., :3]
    return _bytes(np.where(np.isfinite(depth)[..., None], colours, NOTHING))


def coloured_normal(normal: NDArray[np.float32], opacity: NDArray[np.float32]) -> Bytes:
    """Normals [height, width, 3] as (1 + n) / 2 in red, green and blue; white where there is nothing."""
    length = np.linalg.norm(normal, axis=2, keepdims=True)
    share = opacity.clip(0, 1)[..., None] * (length > 1e-3)
    return _bytes(share * (0.5 + 0.5 * normal / length.clip(1e-3)) + (1 - share) * NOTHING)


def _drawn(seen: Seen, kind: str, limits: Limits) -> Bytes:
    if kind == "depth":
        return coloured_depth(seen.depth, limits)
    if kind == "normal":
        assert seen.normal is not None
        return coloured_normal(seen.normal, seen.opacity)
    return _bytes(seen.rgb if kind == "rgb" else seen.opacity[..., None].repeat(3, 2))


def _bytes(values: NDArray) -> Bytes:
    return (values.clip(0, 1) * 255).round().astype(np.uint8)


def _scale(limits: Limits, width: int, height: int) -> NDArray[np.uint8] | None:
    """The scale of depths as a picture with opacity, for the corner of a larger one; None where that is small."""
    if width < ROOM[0] or height < ROOM[1]:
        return None
    tall = min(TALLEST, round(0.45 * height)) / DOTS
    wide, letters = min(0.72, max(0.46, 0.18 * width / DOTS)), 6 if height < 400 else 8
    made = figure(wide, tall, DOTS, framed=False)
    made.patch.set_alpha(0.0)
    plate = FancyBboxPatch((0.06, 0.03), 0.88, 0.94, "round,pad=0,rounding_size=0.05", transform=made.transFigure)
    plate.set(facecolor="white", alpha=0.8, edgecolor="none", mutation_aspect=wide / tall, zorder=-1)
    made.add_artist(plate)
    ax = made.add_axes((0.16, 0.08, 0.16, 0.78))
    bar = made.colorbar(ScalarMappable(Normalize(*limits), DEPTH), cax=ax, ticks=MaxNLocator(5))
    bar.ax.invert_yaxis()  # what is near at the top, in the map's warm end
    bar.ax.tick_params(labelsize=letters, length=2, pad=2)
    bar.outline.set_linewidth(0.5)
    made.text(0.5, 0.91, "depth", size=letters, ha="center", va="center")
    canvas = made.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return np.array(canvas.buffer_rgba())


def _laid(scale: NDArray[np.uint8] | None, picture: Bytes) -> Bytes:
    """A picture with a scale in its upper right corner, where there is least to be hidden."""
    if scale is None:
        return picture
    made, (tall, wide) = picture.astype(np.float64), scale.shape[:2]
    place = (slice(0, tall), slice(picture.shape[1] - wide, None))
    share = scale[..., 3:] / 255
    made[place] = share * scale[..., :3] + (1 - share) * made[place]
    return made.round().astype(np.uint8)
