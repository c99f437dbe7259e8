"""Texts with ranges in them: ``disc(0,0,radius=0.2..0.5)`` stands for a text for every radius from 0.2 to 0.5."""

import re
from collections.abc import Mapping
from typing import Any

from pinnscene.errors import PinnsceneError
from pinnscene.valued import Range, Values, expect_range

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
RANGE = re.compile(rf"\b([A-Za-z_]\w*)\s*=\s*({NUMBER})\s*\.\.\s*({NUMBER})")


def is_template(value: Any) -> bool:
    """Whether a value is a text with a range in it, NAME=LOW..HIGH."""
    return isinstance(value, str) and RANGE.search(value) is not None


def ranges_in(texts: Mapping[str, str]) -> dict[str, Range]:
    """The ranges in some texts by name; raises ``PinnsceneError`` for a name given twice, or ends in no order."""
    found: dict[str, Range] = {}
    for option, text in texts.items():
        for name, low, high in RANGE.findall(text):
            if name in found:
                raise PinnsceneError(
                    f"option {option} gives the range {name} twice: give it once, and the name alone where it is meant "
                    "again"
                )
            found[name] = (float(low), float(high))
            expect_range(f"{name} in option {option}", found[name])
    return found


def fill(text: str, values: Values) -> str:
    """The text for values: each takes the place of its range, and of its name where that stands alone."""
    plain = RANGE.sub(lambda found: found[1], text)
    for name, value in values.items():
        plain = re.sub(rf"\b{re.escape(name)}\b(?!\s*[(=])", repr(float(value)), plain)
    return plain
