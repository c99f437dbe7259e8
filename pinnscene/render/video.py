"""Films: MP4 and GIF, with the ffmpeg that imageio carries."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.files import replacing

ENDINGS = (".mp4", ".gif")


def write_film(path: Path, frames: Iterable[NDArray[np.uint8]], fps: int) -> Path:
    """Write RGB frames [height, width, 3] as they come; sides are cut to even numbers, as video wants them.

    Raises:
        PinnsceneError: an ending other than mp4 and gif, or a place that cannot be written.
    """
    with film_file(path, fps) as add:
        for frame in frames:
            add(frame)
    return path


@contextmanager
def film_file(path: Path, fps: int) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    """A film to give frames to one by one, see ``write_film``; it is there when the block ends well."""
    if path.suffix.lower() not in ENDINGS:
        raise PinnsceneError(f"a film must end in {' or '.join(ENDINGS)}, got '{path.name}'")
    with replacing(path) as temporary:
        if path.suffix.lower() == ".gif":
            writer = imageio.get_writer(temporary, duration=1000 / fps, loop=0)
        else:
            writer = imageio.get_writer(temporary, fps=fps, codec="libx264", quality=8, macro_block_size=2)

        def add(frame: NDArray[np.uint8]) -> None:
            height, width = (side - side % 2 for side in frame.shape[:2])
            writer.append_data(np.ascontiguousarray(frame[:height, :width]))

        with closing(writer):  # imageio's own context does not close when a frame fails
            yield add
