"""Pictures of a coefficient field that was found: beside the true one where it is known, and its standard error."""

from pathlib import Path

import numpy as np
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.render.canvas import ERROR, FIELD, figure, save, short
from pinnscene.render.planes import Array


def draw_coefficient(
    name: str, p: Points, found: Tensor, true: Tensor | None, spread: Tensor | None, path: Path
) -> Path:
    """Images over a square grid of two axes.

    Args:
        name: of the coefficient.
        p: the grid, the second axis fastest.
        found: its values [n, 1].
        true: the true ones; None where they are not known.
        spread: standard errors; None, or infinite ones, where they are not known.
        path: the picture.
    """
    side = round(len(p) ** 0.5)
    image = lambda values: values[:, 0].reshape(side, side).T.numpy()
    known = [image(found), *([] if true is None else [image(true)])]
    scale = (float(min(k.min() for k in known)), float(max(k.max() for k in known)))
    panels: list[tuple[str, Array, str, tuple[float, float]]] = [(f"{name} found", known[0], FIELD, scale)]
    if true is not None:
        error = np.abs(known[0] - known[1])
        panels.append((f"{name} true", known[1], FIELD, scale))
        panels.append((f"|error|, at most {short(float(error.max()))}", error, ERROR, (0.0, float(error.max()))))
    if spread is not None and bool(spread.isfinite().all()):
        errors = image(spread)
        panels.append(
            (f"standard error, at most {short(float(errors.max()))}", errors, ERROR, (0.0, float(errors.max())))
        )
    made = figure(4.2 * len(panels), 3.6)
    low, high = p.coords.min(0).values.tolist(), p.coords.max(0).values.tolist()
    extent = (low[0], high[0], low[1], high[1])
    for ax, (title, values, colours, (least, most)) in zip(
        np.atleast_1d(made.subplots(1, len(panels))), panels, strict=True
    ):
        shown = ax.imshow(values, origin="lower", extent=extent, cmap=colours, vmin=least, vmax=most or 1.0)
        ax.set(xlabel=p.axes[0], ylabel=p.axes[1], title=title)
        made.colorbar(shown, ax=ax, shrink=0.9)
    return save(made, path)
