"""Pixels of a picture as samples: which are trained on, and how a batch of them is drawn."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Batch
from pinnscene.errors import PinnsceneError
from pinnscene.samplers import count
from pinnscene.scenes.pictures import Picture, load_picture
from pinnscene.seeds import generator


@dataclass(frozen=True, eq=False)
class Pixels(Batch):
    """Pixels of a picture: their centres ``xy`` [n, 2] in pixels, and their colours [n, k] from 0 to 1."""

    xy: Tensor
    colour: Tensor


@dataclass(frozen=True)
class PixelSampler:
    """``n`` pixels, one drawn from each of ``n`` equal runs of the pixels in reading order.

    Even cover makes the loss of a batch less noisy than independent draws do. With no more than ``n`` pixels
    a batch is all of them. They move to a device once.

    Attributes:
        pixels: what to draw from.
        n: pixels a batch.
    """

    pixels: Pixels = field(repr=False)
    n: int
    _moved: dict[str, Pixels] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        count(self.n, "the number of pixels n")

    def __call__(self, generator: torch.Generator) -> Pixels:
        pixels = self._on(generator.device)
        total = len(pixels)
        if self.n >= total:
            return pixels
        place = torch.rand(self.n, generator=generator, device=generator.device, dtype=torch.float64)
        place += torch.arange(self.n, device=generator.device)
        return pixels[(place * (total / self.n)).long().clamp_max(total - 1)]

    def _on(self, device: torch.device) -> Pixels:
        if str(device) not in self._moved:
            self._moved[str(device)] = self.pixels.to(device)
        return self._moved[str(device)]


def select(picture: Picture, which: np.ndarray) -> Pixels:
    """The pixels where ``which`` [height, width] holds, in reading order."""
    rows, columns = np.nonzero(which)
    xy = torch.from_numpy(np.stack([columns, rows], 1)).float() + 0.5
    return Pixels(xy, torch.from_numpy(picture.pixels[rows, columns]))


def random_split(size: tuple[int, int], heldout: float, seed: int) -> np.ndarray:
    """Which pixels are kept, booleans [height, width], where a share ``heldout`` of them is left out at random."""
    width, height = size
    kept = torch.ones(width * height, dtype=torch.bool)
    order = torch.randperm(len(kept), generator=generator(seed, "heldout"))
    kept[order[: int(heldout * len(kept))]] = False
    return kept.numpy().reshape(height, width)


def read_mask(path: str, size: tuple[int, int]) -> np.ndarray:
    """Where a mask is bright, booleans [height, width]; raises on another size or where all is dark."""
    mask = load_picture(path)
    if mask.size != size:
        (w, h), (width, height) = mask.size, size
        raise PinnsceneError(f"the mask {path} has {w}x{h} pixels, expected the {width}x{height} of the picture")
    bright = mask.pixels[:, :, :3].mean(2) > 0.5
    if not bright.any():
        raise PinnsceneError(f"the mask {path} leaves no pixel to train on: bright pixels are trained on")
    return bright
