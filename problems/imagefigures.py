"""Figures of a fitted picture: the fit and its error, exact derivatives, a crop at four times the size."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image
from scipy.ndimage import uniform_filter

from pinnscene.domain import Box
from pinnscene.files import replacing
from pinnscene.operators import jacobian, laplacian
from pinnscene.render.picture import render_picture, sample
from pinnscene.render.request import RenderRequest
from pinnscene.scenes.pictures import resample
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.problems.image_fit import ImageFit

LUMINANCE = (0.2126, 0.7152, 0.0722)  # of r, g, b (Rec. 709)
ZOOM = 4
PANEL = 4.0  # inches of the longer side of a panel
LONGEST = 512  # pixels of a derivative's longer side
DOTS = 150  # an inch


def draw_figures(problem: "ImageFit", u: Differentiable, folder: Path) -> list[Path]:
    """Draw the figures of a fitted picture into ``folder``; returns their paths."""
    plain = render_picture(u, problem.domain, RenderRequest(folder), problem.picture.size, "reconstruction")
    drawn = {"fit": _fit, "derivatives": _derivatives, "superresolution": _superresolution}
    return [*plain, *(_save(draw(problem, u), folder / f"{name}.png") for name, draw in drawn.items())]


def _fit(problem: "ImageFit", u: Differentiable) -> Figure:
    """Target, what was trained on where that is less, reconstruction, and error."""
    target = problem.picture.pixels
    value = sample(u, problem.domain, problem.picture.size).clip(0, 1)
    parts = {"target": target}
    if not problem.trained.all():
        share = problem.trained.mean()
        parts[f"trained on: {share:.0%} of the pixels"] = np.where(problem.trained[..., None], target, 0.5)
    scores = problem.metrics(u)
    title = f"field: PSNR {scores['psnr']:.2f} dB"
    title += f", SSIM {scores['ssim']:.4f}" if "ssim" in scores else ""
    figure, axes = _panels(problem, len(parts) + 2)
    for ax, (name, pixels) in zip(axes, {**parts, title: value}.items(), strict=False):
        _show(ax, pixels, name)
    error = np.abs(value - target).mean(2)
    drawn = axes[-1].imshow(error, cmap="magma", vmin=0, vmax=_top(error))
    axes[-1].set_title("mean absolute error")
    figure.colorbar(drawn, ax=axes[-1], shrink=0.8)
    return figure


def _derivatives(problem: "ImageFit", u: Differentiable) -> Figure:
    """The exact gradient magnitude and Laplacian of the field's luminance."""
    size = _within(problem.picture.size, LONGEST)
    slope = sample(u, problem.domain, size, lambda p: _luminance(jacobian(u, p)).norm(dim=1, keepdim=True))[..., 0]
    bend = sample(u, problem.domain, size, lambda p: _luminance(laplacian(u, p)))[..., 0]
    figure, axes = _panels(problem, 2)
    drawn = axes[0].imshow(slope, cmap="gray", vmin=0, vmax=_top(slope))
    axes[0].set_title("luminance: gradient magnitude (1 / pixel)")
    figure.colorbar(drawn, ax=axes[0], shrink=0.8)
    top = _top(np.abs(bend))
    drawn = axes[1].imshow(bend, cmap="RdBu_r", vmin=-top, vmax=top)
    axes[1].set_title("luminance: Laplacian (1 / pixel$^2$)")
    figure.colorbar(drawn, ax=axes[1], shrink=0.8)
    return figure


def _superresolution(problem: "ImageFit", u: Differentiable) -> Figure:
    """The part of most detail: its pixels, bicubic interpolation, and the field at four times the size."""
    column, row, side = _detail(problem.picture.pixels)
    crop = problem.picture.pixels[row : row + side, column : column + side]
    height, width = crop.shape[:2]
    size = (ZOOM * width, ZOOM * height)
    box = Box(x=(column, column + width), y=(row, row + height))
    figure, axes = _panels(problem, 3, square=True)
    _show(axes[0], crop, f"{width}x{height} pixels of the target")
    _show(axes[1], resample(crop, size, Image.Resampling.BICUBIC), f"bicubic, {ZOOM} times")
    _show(axes[2], sample(u, box, size).clip(0, 1), f"field, {ZOOM} times")
    return figure


def _luminance(values: torch.Tensor) -> torch.Tensor:
    """The luminance of slopes [n, k, d] as [n, d], or of values [n, k] as [n, 1]; alpha is left out."""
    weights = values.new_tensor(LUMINANCE if values.shape[1] > 1 else (1.0,))
    mixed = torch.einsum("nk...,k->n...", values[:, : len(weights)], weights)
    return mixed if mixed.ndim == 2 else mixed[:, None]


def _detail(pixels: np.ndarray) -> tuple[int, int, int]:
    """The square of most detail, a fifth of the longer side: first column, first row, and side in pixels."""
    grey = pixels[:, :, :3].mean(2)
    side = min(max(16, max(grey.shape) // 5), *grey.shape)
    fine = np.sqrt(np.abs(grey - uniform_filter(grey, 5)))  # the root: many details rather than one hard edge
    rows, columns = (slice(side // 2, n - (side - side // 2) + 1) for n in grey.shape)
    inner = uniform_filter(fine, side)[rows, columns]
    row, column = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(column), int(row), side


def _within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """``size`` shrunk to sides of at most ``longest``."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _top(values: np.ndarray) -> float:
    """The upper end of a colour scale: all but the largest 0.5 percent."""
    return max(float(np.quantile(values, 0.995)), 1e-12)


def _panels(problem: "ImageFit", count: int, square: bool = False) -> tuple[Figure, Any]:
    """A figure with ``count`` panels beside one another, as tall as the picture wants them."""
    width, height = (1, 1) if square else problem.picture.size
    scale = PANEL / max(width, height)
    size = count * (scale * width + 0.3) + 0.6, scale * height + 0.6
    figure = Figure(figsize=size, dpi=DOTS, layout=ConstrainedLayoutEngine(h_pad=0.1))
    axes = figure.subplots(1, count)
    for ax in axes:
        ax.set_axis_off()
    return figure, axes


def _show(ax: Axes, pixels: np.ndarray, title: str) -> None:
    flat = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    ax.imshow(flat, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_title(title)


def _save(figure: Figure, path: Path) -> Path:
    with replacing(path) as temporary:
        figure.savefig(temporary)
    return path
