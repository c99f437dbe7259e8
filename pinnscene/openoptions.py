"""Options left open in text: ``alpha=unknown`` or ``alpha=unknown:0.5`` is to be found, ``alpha=0.1..1.0`` an axis.

So is a range within a text, ``domain=box(-1,1,-1,1) - disc(0,0,radius=0.2..0.5)``.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.problem import Problem
from pinnscene.templates import NUMBER, fill, is_template, ranges_in
from pinnscene.usercode import names_code
from pinnscene.valued import Range

UNKNOWN = re.compile(rf"unknown(?::({NUMBER}))?")


@dataclass(frozen=True)
class OpenOptions:
    """The options of one problem that are left open.

    Attributes:
        unknowns: those to be found, each with its start; None for the problem's default.
        ranges: those that become an axis, with its ends.
        texts: those with ranges in them, which become axes too.
    """

    unknowns: Mapping[str, float | None]
    ranges: Mapping[str, Range]
    texts: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self.unknowns or name in self.ranges or name in self.texts

    @property
    def middle(self) -> dict[str, float]:
        """The middle of each range in a text."""
        return {name: (low + high) / 2 for name, (low, high) in ranges_in(self.texts).items()}

    def filled(self) -> dict[str, str]:
        """The texts for the middle of their ranges."""
        return {name: fill(text, self.middle) for name, text in self.texts.items()}

    def around(self, problem: Problem, data: Any = None) -> Problem:
        """The problem with its open options."""
        varied: dict[str, str | Range] = {**self.ranges, **self.texts}
        if self.unknowns and varied:
            raise PinnsceneError(
                "a problem has unknowns or ranges, not both at once: got both for "
                + ", ".join([*self.unknowns, *varied])
            )
        if self.texts or (varied and not isinstance(problem.domain, Box)):
            from pinnscene.family import Family

            return Family(problem, varied)
        if varied:
            from pinnscene.parametrised import Parametrised

            return Parametrised(problem, self.ranges)
        if self.unknowns:
            from pinnscene.inverse import Inverse

            starts = {k: _start(problem, k) if start is None else start for k, start in self.unknowns.items()}
            problem = Inverse(problem, starts, "" if data is None else data)
        return problem


def _start(problem: Problem, name: str) -> float:
    value = getattr(problem, name)
    if not isinstance(value, int | float):
        raise PinnsceneError(f"the unknown {name} expected a start, such as {name}=unknown:0.5")
    return float(value)


def read_open(given: Mapping[str, Any], numeric: Container[str]) -> OpenOptions:
    """What of the options is left open; raises ``PinnsceneError`` for a range without two ends in order.

    Args:
        given: options as text or values.
        numeric: those of them that may be numbers.
    """
    unknowns: dict[str, float | None] = {}
    ranges: dict[str, Range] = {}
    texts = {name: value for name, value in given.items() if name not in numeric and is_template(value)}
    for name, value in given.items():
        if name not in numeric:
            continue
        text = value.strip() if isinstance(value, str) else ""
        if found := UNKNOWN.fullmatch(text):
            unknowns[name] = None if found[1] is None else float(found[1])
        elif text.startswith("unknown"):
            raise PinnsceneError(f"option {name} expected unknown or unknown:START, got '{value}'")
        elif ".." in text and not names_code(text):
            ranges[name] = _ends(name, text)
    return OpenOptions(unknowns, ranges, texts)


def _ends(name: str, text: str) -> Range:
    low, _, high = text.partition("..")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = (0.0, 0.0)
    if not ends[0] < ends[1]:
        raise PinnsceneError(
            f"option {name} expected a range from a lower to a higher number, such as 0.1..1, got '{text}'"
        )
    return ends
