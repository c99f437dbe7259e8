"""Mistakes of the user's, told in one line: what was expected, what was got, what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class PinnsceneError(ValueError):
    """A mistake of the user's. The command line prints it on one line and exits with 2."""


class NoSurface(PinnsceneError):
    """A field without a surface where one is to be drawn, scored or written."""


def unknown(kind: str, name: str, known: Iterable[str]) -> PinnsceneError:
    """The error for a name that nothing is registered under, with its near matches."""
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}"
    return PinnsceneError(f"unknown {kind} '{name}'; {hint}")
