"""What is asked of a rendering."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pinnscene.errors import PinnsceneError


@dataclass(frozen=True)
class RenderRequest:
    """What to draw.

    Attributes:
        out: a folder, or a file whose ending says what is wanted (png, mp4, gif).
        size: width and height in pixels; None for the problem's own choice.
        frames, fps: of a film.
        progress: told the share done, from 0 to 1.
    """

    out: Path
    size: tuple[int, int] | None = None
    frames: int = 48
    fps: int = 24
    progress: Callable[[float], None] = lambda share: None

    def __post_init__(self) -> None:
        if self.size is not None and not all(1 <= side <= 65_535 for side in self.size):
            raise PinnsceneError(f"size expected WIDTHxHEIGHT of 1 to 65535 pixels, got {self.size[0]}x{self.size[1]}")
        if not 1 <= self.frames <= 10_000 or not 1 <= self.fps <= 240:
            raise PinnsceneError(f"expected 1 to 10000 frames at 1 to 240 fps, got {self.frames} and {self.fps}")

    @property
    def ending(self) -> str:
        """The file ending asked for in lower case, empty for a folder."""
        return self.out.suffix.lower()
