"""Knobs: values given as text or from Python, turned into what an annotation asks for."""

import inspect
from collections.abc import Callable, Mapping
from math import isfinite
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pinnscene.errors import PinnsceneError, unknown


def convert(what: str, value: Any, annotation: Any) -> Any:
    """``value`` as ``annotation`` asks for it, text included; raises ``PinnsceneError`` naming ``what``."""
    try:
        adapter = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
        if annotation in (Any, str):
            return adapter.validate_python(value)  # text that begins with a bracket may be a formula
        if isinstance(value, str) and value.lower() in ("none", "null"):
            try:
                return adapter.validate_python(None)
            except ValidationError:
                pass  # a text option may be named "none"
        if isinstance(value, str) and value.startswith(("[", "(", "{")):
            return adapter.validate_json(value.replace("(", "[").replace(")", "]"))
        return adapter.validate_python(value)
    except ValidationError as cause:
        reason = cause.errors()[0]["msg"]
        raise PinnsceneError(f"{what} = {value!r}: {reason[0].lower()}{reason[1:]}") from None


def allows(annotation: Any, *kinds: type) -> bool:
    """Whether an annotation is one of some types, or a union with one."""
    if get_origin(annotation) in (Union, UnionType):
        return any(allows(part, *kinds) for part in get_args(annotation))
    return annotation in kinds


def knobs_of(make: Callable[..., Any]) -> dict[str, Any]:
    """The keyword-only parameters of a constructor with their annotations: its base class's too where it has ``**``."""
    hints = get_type_hints(make.__init__ if inspect.isclass(make) else make)
    parameters = inspect.signature(make).parameters.values()
    own = {p.name: hints.get(p.name, Any) for p in parameters if p.kind is p.KEYWORD_ONLY}
    if isinstance(make, type) and any(p.kind is p.VAR_KEYWORD for p in parameters):
        return knobs_of(inspect.getmro(make)[1]) | own
    return own


def convert_all(what: str, given: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    """Every given value converted by the hint of its name; an unknown name is told with its near matches."""
    for name in given:
        if name not in hints:
            raise unknown(what, name, hints)
    converted = {name: convert(f"{what} {name}", value, hints[name]) for name, value in given.items()}
    for name, value in converted.items():
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(number, float) and not isfinite(number) for number in numbers):
            raise PinnsceneError(f"{what} {name} must be a finite number, got {value}")
    return converted
