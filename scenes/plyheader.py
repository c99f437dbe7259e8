"""The header of PLY files: which elements follow, how many of each, and of which properties.

The format is that of Turk's "The PLY Polygon File Format" (1994).
"""

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from pinnscene.errors import PinnsceneError

TYPES: dict[str, str] = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "float32": "f4", "float64": "f8",
}  # fmt: skip
LONGEST = 4096  # bytes of a line, and lines of a header


@dataclass(frozen=True)
class Property:
    """A number, or where ``counter`` is given a list of numbers after its length; types in NumPy's letters."""

    name: str
    kind: str
    counter: str | None = None

    def least(self, text: bool) -> int:
        """The fewest bytes it can take; in text a digit and a blank."""
        return 2 if text else int((self.counter or self.kind)[1])


@dataclass(frozen=True)
class Element:
    """``count`` records of the same properties."""

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)

    def least(self, text: bool) -> int:
        """The fewest bytes all its records can take; a record without properties is counted as one byte."""
        return self.count * max(1, sum(p.least(text) for p in self.properties))


@dataclass(frozen=True)
class Header:
    """What a PLY file says of itself.

    Attributes:
        order: "<" or ">" for binary files, "" for text.
        elements: in the order of the file.
    """

    order: str
    elements: list[Element]

    def count(self, name: str) -> int:
        """How many records the element called ``name`` has."""
        return sum(element.count for element in self.elements if element.name == name)


def read_header(path: Path, file: BinaryIO) -> Header:
    """The header at the start of ``file``, which is left at the first byte after it.

    Raises:
        PinnsceneError: no PLY file, a line that PLY does not have, or no end of the header.
    """
    lines = iter(lambda: file.readline(LONGEST).decode("ascii", "replace").split(), [])
    order = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
    magic, form = next(lines, []), next(lines, [])
    while form[:1] in (["comment"], ["obj_info"]):
        form = next(lines, [])
    if magic != ["ply"] or form[:1] != ["format"] or len(form) < 2 or form[1] not in order:
        raise PinnsceneError(f"{path} is no PLY file: expected it to start with ply and its format")
    elements: list[Element] = []
    for words in islice(lines, LONGEST):
        match words:
            case ["end_header"]:
                return Header(order[form[1]], elements)
            case ["element", name, count] if count.isdecimal() and len(count) < 20:
                elements.append(Element(name, int(count)))
            case ["property", "list", counter, kind, name] if elements and counter in TYPES and kind in TYPES:
                elements[-1].properties.append(Property(name, TYPES[kind], TYPES[counter]))
            case ["property", kind, name] if elements and kind in TYPES:
                elements[-1].properties.append(Property(name, TYPES[kind]))
            case ["comment" | "obj_info", *_]:
                pass
            case _:
                raise PinnsceneError(f"{path}: the PLY header has the line '{' '.join(words)[:60]}', which is no PLY")
    raise PinnsceneError(f"{path}: the PLY header has no end_header: the file is cut off")
