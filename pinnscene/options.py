"""Options of problems: from text or values to a problem, and back to plain data."""

import io
import tokenize
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import getsource
from typing import Any, NamedTuple, get_type_hints

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.knobs import allows, convert
from pinnscene.openoptions import read_open
from pinnscene.problem import Problem, problems
from pinnscene.usercode import load, names_code, origin
from pinnscene.valued import naming


class Option(NamedTuple):
    """An option of a problem: its name, annotation, default as text, and the comment with its unit."""

    name: str
    kind: Any
    default: str
    comment: str


def find_problem(name: str) -> type[Problem]:
    """The problem class of a registered name or of FILE.py:Class; raises ``PinnsceneError``."""
    found = load(name) if names_code(name) else problems[name]
    if not (isinstance(found, type) and issubclass(found, Problem)):
        raise PinnsceneError(f"{name} is not a Problem: expected a subclass of pinnscene.Problem, got {found!r}")
    if not is_dataclass(found):
        raise PinnsceneError(f"{name} must be a dataclass: write @dataclass(frozen=True) above class {found.__name__}")
    return found


def build_problem(make: type[Problem], given: Mapping[str, Any]) -> Problem:
    """A problem from options as text or values; raises ``PinnsceneError`` naming the option at fault."""
    known = _fields(make)
    hints = get_type_hints(make)
    mine = {name: value for name, value in given.items() if name in known}
    left = read_open(mine, [name for name in mine if allows(hints[name], float, int)])
    values: dict[str, Any] = {**left.filled()}
    data = None
    for name, value in given.items():
        if name == "data" and name not in known and left.unknowns:
            data = value
        elif name not in known:
            raise unknown(f"option of {make.__name__}", name, known)
        elif name not in left:
            values[name] = load(value) if names_code(value) else convert(f"option {name}", value, hints[name])
    try:
        with naming(left.middle) if left.texts else nullcontext():
            made = make(**values)
        return left.around(made, data)
    except TypeError as cause:
        raise PinnsceneError(f"{make.__name__}: {cause}") from cause


def plain_options(problem: Problem) -> dict[str, Any]:
    """The options as plain data, functions as FILE.py:name; None values are left out."""
    core = problem.core()
    values = {name: getattr(core, name) for name in _fields(type(core))} | problem.varied()
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return (
        origin(value)
        or getattr(value, "text", None)
        or f"<python {getattr(value, '__qualname__', type(value).__name__)}>"
    )


def describe_options(make: type[Problem]) -> list[Option]:
    """The options with what ``info`` shows of them."""
    hints, comments = get_type_hints(make), _comments(make)
    return [Option(name, hints[name], _default(f), comments.get(name, "")) for name, f in _fields(make).items()]


def _fields(make: type[Problem]) -> dict[str, "Field[Any]"]:
    return {f.name: f for f in fields(make) if f.init and f.repr}


def _default(f: "Field[Any]") -> str:
    if f.default is not MISSING:
        return str(f.default)
    return "" if f.default_factory is MISSING else str(f.default_factory())


def _comments(make: type[Problem]) -> dict[str, str]:
    """The comment on each field's line: a dataclass keeps none, so they are read from the source."""
    found: dict[str, str] = {}
    for base in reversed(make.__mro__):
        if not (is_dataclass(base) and issubclass(base, Problem)) or base is Problem:
            continue
        try:
            lines = io.StringIO(getsource(base))
            name = ""
            for token in tokenize.generate_tokens(lines.readline):
                if token.type == tokenize.NAME and not token.line[: token.start[1]].strip():
                    name = token.string
                if token.type == tokenize.COMMENT and name and token.line.strip().startswith(name):
                    found[name] = token.string.lstrip("# ").strip()
        except (OSError, tokenize.TokenError, IndentationError):
            continue  # typed into a console: no source to read
    return found
