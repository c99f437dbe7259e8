"""What is asked of a rendering."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from pinnscene.errors import PinnsceneError, unknown

WHATS = ("shaded", "normal", "depth", "curvature", "gaussian")  # what may be drawn of a surface
SOLID = ("surface", "volume", "iso")  # of a field in space
KNOWN = (*WHATS, "rgb", "opacity", "solution", "slices", *SOLID)  # rgb and opacity of a scene of rays
VIEW = ("camera", "what", "samples", "azimuth", "elevation", "up", "beside")


@dataclass(frozen=True)
class RenderRequest:
    """What to draw.

    Attributes:
        out: a folder, or a file whose ending says what is wanted (png, mp4, gif).
        size: width and height in pixels; None for the problem's own choice.
        frames, fps: of a film.
        progress: told the share done, from 0 to 1.
        what: kinds of pictures, separated by commas: of a surface one of ``WHATS``, of a scene of rays some of "rgb",
            "depth", "normal" and "opacity", of a field in the plane "solution", in space some of "slices" and
            ``SOLID``; None for the problem's own.
        at: of a parametrised problem: the values of its parameters; the middle of those that are not named.
        camera: of a scene of rays: "orbit", "spiral", "interpolate", "dataset" or a JSON file; None for what suits.
        samples: rays a pixel; None for 4 on a surface, 1 in a scene of rays.
        azimuth, elevation: where a surface or an orbit is seen from, degrees; None for the default view.
        up: the axis that points upwards, "x", "y" or "z"; None for the problem's own.
        beside: of a surface: draw what it was made from beside it.
    """

    out: Path
    size: tuple[int, int] | None = None
    frames: int = 48
    fps: int = 24
    progress: Callable[[float], None] = lambda share: None
    what: str | None = None
    samples: int | None = None
    azimuth: float | None = None
    elevation: float | None = None
    up: str | None = None
    beside: bool = False
    camera: str | None = None
    at: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not all(1 <= side <= 65_535 for side in self.size):
            raise PinnsceneError(f"size expected WIDTHxHEIGHT of 1 to 65535 pixels, got {self.size[0]}x{self.size[1]}")
        if not 1 <= self.frames <= 10_000 or not 1 <= self.fps <= 240:
            raise PinnsceneError(f"expected 1 to 10000 frames at 1 to 240 fps, got {self.frames} and {self.fps}")
        if self.up not in (None, "x", "y", "z"):
            raise PinnsceneError(f"up expected x, y or z, got '{self.up}'")
        self.kinds(KNOWN, "")
        if self.samples is not None and not 1 <= self.samples <= 64:
            raise PinnsceneError(f"samples expected 1 to 64 rays a pixel, got {self.samples}")
        if self.azimuth is not None and not isfinite(self.azimuth):
            raise PinnsceneError(f"azimuth expected a finite number of degrees, got {self.azimuth}")
        if self.elevation is not None and not -89 <= self.elevation <= 89:
            raise PinnsceneError(f"elevation expected -89 to 89 degrees, got {self.elevation}")

    def kinds(self, known: Sequence[str], usual: str) -> tuple[str, ...]:
        """The kinds of pictures asked for, each once, ``usual`` where none is; ``PinnsceneError`` for unknown ones."""
        if self.what is None:
            return (usual,)
        asked = tuple(dict.fromkeys(part.strip().lower() for part in self.what.split(",")))
        for kind in asked:
            if kind not in known:
                raise unknown("kind of picture", kind, known)
        return asked

    def expect_no_view(self) -> None:
        """For what is no surface: raise ``PinnsceneError`` where an option of the view was given."""
        self._expect_none(VIEW, "surfaces and scenes", "this problem draws none")
        self.expect_no_values()

    def expect_no_values(self) -> None:
        """For what has no parameters along axes: raise ``PinnsceneError`` where values of them were given."""
        self._expect_none(("at",), "parametrised problems", "no option of this one has a range")

    def expect_of_field(self, known: Sequence[str]) -> None:
        """Raise ``PinnsceneError`` for kinds of pictures other than ``known`` of a field, or options they do not have.

        Several kinds need a folder; where a view is among them, its options apply.
        """
        kinds = self.kinds(known, known[0])
        if len(kinds) > 1 and self.ending:
            raise PinnsceneError(f"{len(kinds)} kinds of pictures need a folder for --out, got {self.out}")
        if not set(known if self.what is None and not self.ending else kinds) & set(SOLID):
            names = ("samples", "azimuth", "elevation", "up")
            self._expect_none(names, "views of surfaces and scenes", "none is drawn here")
        self._expect_none(("camera", "beside"), "surfaces and scenes", "this problem draws none")
        self.expect_no_values()

    def expect_surface(self) -> None:
        """Raise ``PinnsceneError`` for a kind of picture that surfaces do not have, or a camera's path."""
        if self.what is not None and self.what not in WHATS:
            raise unknown("kind of picture of a surface", self.what, WHATS)
        self.expect_no_values()
        self._expect_none(("camera",), "scenes of rays", "this problem has none")

    def _expect_none(self, names: Sequence[str], owners: str, why: str) -> None:
        for name in names:
            if getattr(self, name) is not None and getattr(self, name) is not False:
                raise PinnsceneError(f"--{name} is an option of {owners}, and {why}: leave it out")

    @property
    def ending(self) -> str:
        """The file ending asked for in lower case, empty for a folder."""
        return self.out.suffix.lower()
