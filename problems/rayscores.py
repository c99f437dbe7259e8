"""Scores of a scene on whole views: PSNR and SSIM of each, and their means."""

from dataclasses import dataclass
from hashlib import blake2b
from math import log10
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pinnscene.rays.view import Seen, see
from pinnscene.scenes.views import Views

if TYPE_CHECKING:
    from pinnscene.radiance import RadianceField

WINDOW = 7  # pixels of SSIM's window
BEST = 100.0  # dB, of a picture that is the same to the last bit
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """Scores of views, one number each.

    Attributes:
        numbers: of the views.
        names: of the pictures.
        psnr: in dB, over the pixels that count.
        ssim: structural similarity; empty where pictures are smaller than its window.
    """

    numbers: list[int]
    names: list[str]
    psnr: list[float]
    ssim: list[float]

    def means(self) -> dict[str, float]:
        """The mean over views of each score."""
        found = {"psnr": float(np.mean(self.psnr))}
        return found | ({"ssim": float(np.mean(self.ssim))} if self.ssim else {})

    def order(self) -> list[int]:
        """Places in the lists, that of the lowest PSNR first."""
        return [int(k) for k in np.argsort(self.psnr, kind="stable")]

    def remarks(self, count: int = 3) -> list[str]:
        """The views with the lowest PSNR, worst first, as a line of text; none for a single view."""
        if len(self.psnr) < 2:
            return []
        worst = [f"{self.names[k]} {self.psnr[k]:.2f} dB" for k in self.order()[:count]]
        best = self.order()[-1]
        return [f"worst views: {', '.join(worst)}; best: {self.names[best]} {self.psnr[best]:.2f} dB"]


class Scorer:
    """Scores of views, kept for the field that was scored last: metrics, remarks and figures share one look.

    Args:
        views: the posed pictures.
        numbers: of those to score on.
    """

    def __init__(self, views: Views, numbers: tuple[int, ...]) -> None:
        self.views, self.numbers = views, numbers
        self._last: tuple[bytes, Scores] | None = None

    def __call__(self, u: "RadianceField") -> Scores:
        """The scores of a field, taken anew where any of its numbers has changed."""
        now = _digest(u)
        if self._last is None or self._last[0] != now:
            self._last = now, score(u, self.views, self.numbers)
        return self._last[1]


def _digest(u: "RadianceField") -> bytes:
    """A hash of all weights and buffers."""
    made = blake2b()
    for name, value in u.state_dict().items():
        made.update(name.encode())
        made.update(np.ascontiguousarray(value.detach().cpu().numpy()).view(np.uint8).reshape(-1).data)
    return made.digest()


def truth(views: Views, k: int) -> Floats:
    """Picture k over the background, from 0 to 1 [height, width, 3]."""
    seen = views.read(k).astype(np.float32) / 255
    if seen.shape[2] == 3:
        return seen.astype(np.float32)
    behind = np.asarray(views.background or (1.0, 1.0, 1.0), dtype=np.float32)
    return (seen[..., :3] * seen[..., 3:] + (1 - seen[..., 3:]) * behind).astype(np.float32)


def shown(u: "RadianceField", views: Views, k: int, normals: bool = False) -> Seen:
    """What the camera of picture k sees of a field."""
    return see(u, views.cameras[k], views.near, views.far, views.background or (1.0, 1.0, 1.0), normals)


def score(u: "RadianceField", views: Views, numbers: tuple[int, ...]) -> Scores:
    """The scores of views ``numbers``, in floating point and on the pixels that their masks leave."""
    found = Scores([], [], [], [])
    for k in numbers:
        seen, true = shown(u, views, k).rgb, truth(views, k)
        mask = views.read_mask(k) if views.read_mask is not None else None
        kept = slice(None) if mask is None else mask
        found.numbers.append(k)
        found.names.append(views.cameras[k].name or str(k))
        found.psnr.append(psnr(seen[kept], true[kept]))
        if min(true.shape[:2]) >= WINDOW:
            found.ssim.append(ssim(seen, true))
    return found


def psnr(seen: Floats, true: Floats) -> float:
    """Peak signal to noise ratio in dB of colours from 0 to 1."""
    error = float(np.square(seen.astype(np.float64) - true).mean()) if seen.size else 0.0
    return min(BEST, -10 * log10(max(error, 1e-30)))


def ssim(seen: Floats, true: Floats) -> float:
    """Structural similarity of colours from 0 to 1 (Wang et al. 2004, uniform window of 7)."""
    from skimage.metrics import structural_similarity

    return np.asarray(structural_similarity(true, seen, channel_axis=2, data_range=1.0, win_size=WINDOW)).item()
