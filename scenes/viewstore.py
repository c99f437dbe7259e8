"""The pixels of many pictures side by side, so that any mixture of them is drawn in one go.

Pictures are decoded one by one. Where all their pixels fit a stated budget they stay in memory, else they are laid down
in a temporary file that vanishes with the store: memory does not grow with the number of pictures beyond the budget.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.rays import Beams
from pinnscene.scenes.viewrig import Rig
from pinnscene.scenes.views import Views

BUDGET = 1 << 30  # bytes of memory for pixels


class Drawn(NamedTuple):
    """Pixels of pictures.

    Attributes:
        view: numbers of the views [n].
        pixel: numbers of the pixels along the rows of their pictures [n].
        colour: bytes [n, 3], or [n, 4] with opacity.
        depth: distances along the rays [n], NaN where unknown; None where views have none.
    """

    view: Tensor
    pixel: Tensor
    colour: Tensor
    depth: Tensor | None


class PixelStore:
    """The pixels of some of the views, without those that their masks leave out.

    Attributes:
        views: the views.
        numbers: which of them.
        on_disk: whether the pixels lie in a temporary file.
    """

    def __init__(self, views: Views, numbers: Sequence[int] | None = None, budget: int = BUDGET) -> None:
        """Decode the pictures ``numbers``, those to train on unless given.

        Args:
            views: the views.
            numbers: of the pictures.
            budget: most bytes of memory to spend on pixels.

        Raises:
            PinnsceneError: pictures that cannot be decoded, no room on the disk, or masks that leave nothing.
        """
        self.views, self.numbers = views, tuple(views.train if numbers is None else numbers)
        self._rig = Rig(views.cameras)
        sizes = [views.cameras[k].size for k in self.numbers]
        pixels = sum(width * height for width, height in sizes)
        masked, deep = views.read_mask is not None, views.read_depth is not None
        channels = views.read(self.numbers[0]).shape[2] if self.numbers else 3
        self.on_disk = pixels * (channels + 4 * masked + 4 * deep) > budget
        with ExitStack() as files:
            on = [files.enter_context(_temporary()) if self.on_disk else None for _ in range(3)]
            colours = _Shelf(pixels, (channels,), np.uint8, on[0])
            places = _Shelf(pixels * masked, (), np.int32, on[1])
            depths = _Shelf(pixels * deep, (), np.float32, on[2])
            self._starts = np.cumsum([0, *(_lay(views, k, colours, places, depths) for k in self.numbers)])
            if not len(self):
                raise PinnsceneError("the pictures have no pixel that counts: expected masks that leave some")
            self._colours, self._depths = colours.laid(), depths.laid() if deep else None
            self._places = places.laid() if masked else None

    def __len__(self) -> int:
        """How many pixels there are to draw from."""
        return int(self._starts[-1])

    def draw(self, n: int, generator: torch.Generator) -> Drawn:
        """``n`` pixels, each as likely as any other."""
        return self.take(torch.randint(len(self), (n,), generator=generator))

    def take(self, index: Tensor) -> Drawn:
        """The pixels of numbers ``index`` [n] among all that there are, picture after picture."""
        at = index.numpy()
        nth = np.searchsorted(self._starts, at, side="right") - 1
        pixel = at - self._starts[nth] if self._places is None else self._places[at].astype(np.int64)
        depth = None if self._depths is None else torch.from_numpy(np.asarray(self._depths[at]))
        view = torch.from_numpy(np.asarray(self.numbers)[nth])
        return Drawn(view, torch.from_numpy(pixel), torch.from_numpy(np.asarray(self._colours[at])), depth)

    def rays(self, drawn: Drawn, offset: Tensor | float = 0.5) -> Beams:
        """The rays in float64 through places ``offset`` [n, 2], from 0 to 1, in the pixels drawn."""
        return self._rig.rays(drawn.view, drawn.pixel, offset)


def _lay(views: Views, k: int, colours: "_Shelf", places: "_Shelf", depths: "_Shelf") -> int:
    """Lay picture k down, without what its mask leaves out; how many pixels that was."""
    mask = None if views.read_mask is None else views.read_mask(k)
    width, height = views.cameras[k].size
    kept = np.arange(width * height, dtype=np.int32) if mask is None else np.flatnonzero(mask).astype(np.int32)
    seen = views.read(k).reshape(width * height, -1)
    colours.add(seen if mask is None else seen[kept])
    if views.read_mask is not None:
        places.add(kept)
    if views.read_depth is not None:
        depths.add(views.read_depth(k).reshape(-1)[kept])
    return len(kept)


def _temporary() -> IO[bytes]:
    """A file without a name, unbuffered: an error comes with the write that meets it."""
    try:
        return TemporaryFile(buffering=0)
    except OSError as cause:
        raise _no_room(cause) from None


def _no_room(cause: OSError) -> PinnsceneError:
    return PinnsceneError(
        f"cannot lay down the pictures in a temporary file: {cause.strerror or cause}: set TMPDIR to a folder with "
        "room, or downscale them"
    )


class _Shelf:
    """An array that is filled block by block, in memory or in a file without a name."""

    def __init__(self, rows: int, shape: tuple[int, ...], dtype: DTypeLike, file: IO[bytes] | None) -> None:
        self.shape, self.dtype, self.filled = shape, np.dtype(dtype), 0
        self.file = file
        self.array = np.empty((rows if file is None else 0, *shape), dtype)

    def add(self, block: NDArray) -> None:
        start, self.filled = self.filled, self.filled + len(block)
        if self.file is None:
            self.array[start : self.filled] = block
            return
        try:  # written, not mapped: a full disk then is an error and not the end of the program
            left = np.ascontiguousarray(block, dtype=self.dtype).reshape(-1).view(np.uint8).data
            while left:
                left = left[self.file.write(left) :]
        except OSError as cause:
            raise _no_room(cause) from None

    def laid(self) -> NDArray:
        if self.file is None or not self.filled:
            return self.array[: self.filled]
        # The map outlives the file object; the file itself has no name, and goes with the map.
        return np.memmap(self.file, self.dtype, mode="r", shape=(self.filled, *self.shape))
