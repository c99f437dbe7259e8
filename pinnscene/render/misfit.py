"""Pictures of a field beside measurements of it: what is left over, where, and how it is distributed."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.render.canvas import SIGNED, figure, save, short

MOST = 4000  # rows that are drawn as dots


def draw_misfit(p: Points, value: Tensor, measured: Tensor, path: Path) -> Path:
    """Measured minus found over the first two axes and over the last, and its histogram beside a normal one.

    Args:
        p: the measured rows.
        value: the field there [n, k]; the first output is drawn.
        measured: what was measured [n, k].
        path: the picture.
    """
    left = (measured - value)[:, 0].numpy()
    some = torch.linspace(0, len(p) - 1, min(MOST, len(p))).round().long().numpy()
    x, spread = p.coords.numpy(), float(left.std())
    made = figure(12.5, 3.8)
    axs = made.subplots(1, 3)
    last = len(p.axes) - 1
    if last:
        limit = 3 * spread or 1.0
        dots = axs[0].scatter(x[some, 0], x[some, 1], c=left[some], s=6, cmap=SIGNED, vmin=-limit, vmax=limit)
        axs[0].set(xlabel=p.axes[0], ylabel=p.axes[1], title="measured - found")
        made.colorbar(dots, ax=axs[0])
    else:
        axs[0].plot(x[some, 0], measured[some, 0], ".", ms=3, color="grey", label="measured")
        axs[0].plot(x[some, 0], value[some, 0], ".", ms=2, color="crimson", label="found")
        axs[0].set(xlabel=p.axes[0], title="measured and found")
        axs[0].legend(fontsize=8)
    axs[1].plot(x[some, last], left[some], ".", ms=3, color="tab:blue", alpha=0.5)
    axs[1].axhline(0, color="black", lw=0.8)
    axs[1].set(xlabel=p.axes[last], ylabel="measured - found", title=f"standard deviation {short(spread)}")
    bins = axs[2].hist(left, bins=min(60, max(8, len(left) // 15)), density=True, color="tab:blue", alpha=0.6)[1]
    if spread > 0:
        grid = np.linspace(bins[0], bins[-1], 200)
        normal = np.exp(-(((grid - left.mean()) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))
        axs[2].plot(grid, normal, color="black", lw=1, label="normal")
        axs[2].legend(fontsize=8)
    axs[2].set(xlabel="measured - found", ylabel="density", title=f"{len(left)} rows")
    for ax in axs[1:]:
        ax.grid(alpha=0.3)
    return save(made, path)
