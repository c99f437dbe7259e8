"""Films: MP4 and GIF, with the ffmpeg that imageio carries."""

from collections.abc import Iterable
from contextlib import closing
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
    if path.suffix.lower() not in ENDINGS:
        raise PinnsceneError(f"a film must end in {' or '.join(ENDINGS)}, got '{path.name}'")
    with replacing(path) as temporary:
        if path.suffix.lower() == ".gif":
            writer = imageio.get_writer(temporary, duration=1000 / fps, loop=0)
        else:
            writer = imageio.get_writer(temporary, fps=fps, codec="libx264", quality=8, macro_block_size=2)
        with closing(writer):  # imageio's own context does not close when a frame fails
            for frame in frames:
                height, width = (side - side % 2 for side in frame.shape[:2])
                writer.append_data(np.ascontiguousarray(frame[:height, :width]))
    return path
