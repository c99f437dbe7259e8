"""Figures of a scene of rays: held-out views beside what the field shows, its geometry, and where the cameras stood."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from numpy.typing import NDArray

from pinnscene.problems.rayscores import Scores, shown, truth
from pinnscene.rays import PosedCamera
from pinnscene.rays.paths import upwards
from pinnscene.rays.view import Seen
from pinnscene.render.camera import corners
from pinnscene.render.canvas import ERROR, figure, save
from pinnscene.render.raypictures import DEPTH, coloured_depth, coloured_normal, depth_limits
from pinnscene.scenes.views import Views

if TYPE_CHECKING:
    from pinnscene.radiance import RadianceField

PANEL = 2.9  # inches of the longer side of a picture
LONGEST = 400  # pixels that a picture of a figure has along its longer side, at most
TRAINED, HELDOUT = "tab:blue", "tab:orange"
MOST = 300  # cameras drawn
EDGES = [(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 3), (2, 6), (3, 7), (4, 5), (4, 6), (5, 7), (6, 7)]  # of a box


def draw_ray_figures(u: "RadianceField", views: Views, scores: Scores, folder: Path) -> list[Path]:
    """Draw ``views.png``, ``geometry.png`` and ``cameras.png`` into ``folder``.

    Args:
        u: the trained field.
        views: its pictures.
        scores: of the views that are to be shown: the worst, the median and the best of them.
        folder: made where it is missing.
    """
    order = scores.order()
    places = list(dict.fromkeys([order[0], order[(len(order) - 1) // 2], order[-1]]))
    named: dict[int, str] = dict(
        zip(places, ("worst", "median", "best") if len(places) == 3 else ("worst", "best"), strict=False)
    )
    seen = {k: shown(u, views, scores.numbers[k], normals=True) for k in places}
    drawn = {"views": _views(views, scores, named, seen), "geometry": _geometry(views, scores, seen)}
    drawn["cameras"] = _cameras(views)
    return [save(made, folder / f"{name}.png") for name, made in drawn.items()]


def _views(views: Views, scores: Scores, named: dict[int, str], seen: dict[int, Seen]) -> Figure:
    """A row for each view: the truth, what the field shows, and how far they differ."""
    true = {k: truth(views, scores.numbers[k]) for k in named}
    errors = {k: np.abs(seen[k].rgb - true[k]).mean(2) for k in named}
    top = max(0.02, *(float(np.quantile(error, 0.995)) for error in errors.values()))
    made, axes = _panels(next(iter(true.values())), len(named), 3, bar=True)
    kind = "held out" if views.test else "trained on"
    for row, (k, name) in zip(axes, named.items(), strict=True):
        ssim = f", SSIM {scores.ssim[k]:.3f}" if scores.ssim else ""
        label = f"{name}: {_short(scores.names[k])}" if len(scores.psnr) > 1 else _short(scores.names[k])
        _show(row[0], true[k], f"{label} ({kind})")
        _show(row[1], seen[k].rgb, f"field: {scores.psnr[k]:.2f} dB{ssim}")
        _show(row[2], errors[k], "mean absolute error", cmap=ERROR, vmin=0, vmax=top)
    made.colorbar(ScalarMappable(Normalize(0, top), ERROR), ax=axes[:, 2], aspect=14 * len(named), pad=0.02)
    return made


def _geometry(views: Views, scores: Scores, seen: dict[int, Seen]) -> Figure:
    """The colours, depth, normals and opacity of the best view, and where it is known the depth's error."""
    k = list(seen)[-1]
    view, number = seen[k], scores.numbers[k]
    true = None if views.read_depth is None else views.read_depth(number)
    low, high = depth_limits([view], (views.near, views.far))
    made, axes = _panels(view.rgb, 1, 4 if true is None else 5, bar=True)
    row = axes[0]
    _show(row[0], view.rgb, f"field: {_short(scores.names[k])}")
    _show(row[1], coloured_depth(view.depth, (low, high)), "depth")
    made.colorbar(ScalarMappable(Normalize(low, high), DEPTH), ax=row[1], aspect=18, pad=0.02)
    assert view.normal is not None
    _show(row[2], coloured_normal(view.normal, view.opacity), "normals, (1 + n) / 2")
    _show(row[3], view.opacity, "opacity", cmap="gray", vmin=0, vmax=1)
    if true is not None:
        error = np.abs(view.depth - true)
        middle = float(np.nanmedian(error)) if np.isfinite(error).any() else np.nan
        top = max(1e-9, float(np.nanquantile(error, 0.98))) if np.isfinite(middle) else 1.0
        _show(row[4], error, f"depth error, median {middle:.2g}", cmap=ERROR, vmin=0, vmax=top)
        made.colorbar(ScalarMappable(Normalize(0, top), ERROR), ax=row[4], aspect=18, pad=0.02)
    return made


def _cameras(views: Views) -> Figure:
    """The box of the scene and the cameras around it, with what each has in view; up is upwards."""
    turn = _upright(upwards([views.cameras[k] for k in views.train]))
    made = figure(6.4, 6.0)
    ax: Any = made.add_subplot(projection="3d")
    box = corners(views.lower, views.upper) @ turn.T
    ax.add_collection3d(Line3DCollection([box[list(edge)] for edge in EDGES], colors="0.5", linewidths=1.0))
    places = [box]
    for numbers, colour, label in ((views.train, TRAINED, "trained on"), (views.test, HELDOUT, "held out")):
        some = [views.cameras[k] for k in numbers[:: max(1, -(-len(numbers) // MOST))]]
        if not some:
            continue
        at = np.stack([camera.position for camera in some]) @ turn.T
        size = 0.12 * float(np.median(np.linalg.norm(at - box.mean(0), axis=1)))
        lines = [turn @ line.T for camera in some for line in _frustum(camera, size)]
        ax.add_collection3d(Line3DCollection([l.T for l in lines], colors=colour, linewidths=0.6, alpha=0.8))
        ax.scatter(*at.T, s=7, color=colour, label=f"{len(numbers)} {label}", depthshade=False)
        places.append(at)
    every = np.concatenate(places)
    middle, half = (every.min(0) + every.max(0)) / 2, 0.5 * float(np.ptp(every, axis=0).max()) * 1.04
    ax.set(xlim=_ends(middle[0], half), ylim=_ends(middle[1], half), zlim=_ends(middle[2], half))
    ax.set_box_aspect((1, 1, 1))
    ax.view_init(elev=22, azim=-60)
    names = "xyz" if np.allclose(turn, np.eye(3)) else ("", "", "up")
    ax.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
    ax.tick_params(labelsize=7)
    ax.legend(loc="upper left", frameon=False)
    ax.set_title("cameras, and the box of the scene")
    return made


def _frustum(camera: PosedCamera, size: float) -> list[NDArray[np.float64]]:
    """The outline of a camera: lines [2, 3] from its place to the corners of its picture, and around that."""
    width, height = camera.size
    plane = (np.array([[0, 0], [width, 0], [width, height], [0, height]]) - camera.centre) / camera.focal
    local = np.concatenate([plane * [1, -1], -np.ones((4, 1))], 1) * size
    ends = local @ np.asarray(camera.matrix)[:3, :3].T + camera.position
    return [np.stack([camera.position, end]) for end in ends] + [np.stack([ends[k - 1], ends[k]]) for k in range(4)]


def _upright(up: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shortest rotation [3, 3] that makes a unit vector the third axis."""
    across = np.array([up[1], -up[0], 0.0])
    sine, cosine = float(np.linalg.norm(across)), float(up[2])
    if sine < 1e-9:
        return np.eye(3) if cosine > 0 else np.diag([1.0, -1.0, -1.0])
    x, y, z = across / sine
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + sine * cross + (1 - cosine) * cross @ cross  # Rodrigues


def _ends(middle: float, half: float) -> tuple[float, float]:
    return middle - half, middle + half


def _panels(picture: NDArray, rows: int, columns: int, bar: bool) -> tuple[Figure, Any]:
    """A figure with room for pictures of one shape in rows and columns, without frames."""
    height, width = picture.shape[:2]
    scale = PANEL / max(width, height)
    made = figure(columns * (scale * width + 0.12) + 0.6 * bar, rows * (scale * height + 0.34), 150)
    axes = made.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    return made, axes


def _show(ax: Axes, image: NDArray, title: str, **knobs: Any) -> None:
    step = max(1, -(-max(image.shape[:2]) // (2 * LONGEST)))
    ax.imshow(
        image[::step, ::step], interpolation="nearest" if max(image.shape[:2]) < LONGEST else "antialiased", **knobs
    )
    ax.set_title(title, size=8)


def _short(name: str, longest: int = 28) -> str:
    """The end of a long name."""
    return name if len(name) <= longest else f"...{name[3 - longest :]}"
