"""Matplotlib figures without global state: no pyplot, no display."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinnscene.files import replacing

FIELD, ERROR, SIGNED = "inferno", "magma", "RdBu_r"  # colour maps: sequential values, errors, signed values

BAR = 92  # width of a colour bar in pixels


def figure(width: float, height: float, dpi: int = 120, framed: bool = True) -> Figure:
    """An empty figure of a size in inches, laid out without overlaps where axes have a frame."""
    made = Figure(figsize=(width, height), dpi=dpi, layout="constrained" if framed else None)
    FigureCanvasAgg(made)
    return made


def save(made: Figure, path: Path) -> Path:
    """Write a figure whole or not at all."""
    with replacing(path) as temporary:
        made.savefig(temporary)
    return path


def pixels(made: Figure) -> NDArray[np.uint8]:
    """The drawn figure as RGB [height, width, 3]."""
    canvas = made.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]  # a copy: the canvas draws the next frame into its buffer


def bar(limits: tuple[float, float], label: str, name: str, height: int) -> NDArray[np.uint8]:
    """A colour bar [height, BAR, 3] of the colour map ``name`` with its numbers."""
    made = figure(BAR / 100, height / 100, 100, framed=False)
    ax = made.add_axes((0.08, 0.06, 0.2, 0.88))
    drawn = made.colorbar(ScalarMappable(Normalize(*limits), name), cax=ax)
    drawn.set_label(label, size=8)
    drawn.ax.tick_params(labelsize=7)
    return pixels(made)


def short(value: float) -> str:
    """A number for a title."""
    return f"{value:.3g}"
