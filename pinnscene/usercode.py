"""Code that a user names on the command line, ``FILE.py:name``. Nothing else is ever loaded from a path."""

import re
import sys
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from pinnscene.errors import PinnsceneError, unknown

PATTERN = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")


def names_code(text: Any) -> bool:
    """Whether ``text`` has the form FILE.py:name."""
    return isinstance(text, str) and PATTERN.fullmatch(text) is not None


def split(text: str) -> tuple[Path, str]:
    """The file and the name in FILE.py:name."""
    match = PATTERN.fullmatch(text)
    if match is None:
        raise PinnsceneError(f"expected FILE.py:name, got '{text}'")
    return Path(match["file"]), match["name"]


def load(text: str) -> Any:
    """The object that FILE.py:name stands for; remembers its origin as ``origin(object)``.

    Raises:
        PinnsceneError: no such file, an error while it runs, or no such name in it.
    """
    path, name = split(text)
    if not path.is_file():
        raise PinnsceneError(f"no file {path}")
    module_name = f"pinnscene_user_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    if module_name in sys.modules:
        module = sys.modules[module_name]
    else:
        spec = spec_from_file_location(module_name, path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as cause:
            del sys.modules[module_name]
            raise PinnsceneError(f"{path} failed while it was loaded: {type(cause).__name__}: {cause}") from cause
    if not hasattr(module, name):
        raise unknown(f"name in {path}", name, [n for n in vars(module) if not n.startswith("_")])
    loaded = getattr(module, name)
    _ORIGINS[id(loaded)] = (loaded, f"{path.resolve()}:{name}")
    return loaded


_ORIGINS: dict[int, tuple[Any, str]] = {}  # the object is kept too, so that its id stays its own


def origin(thing: Any) -> str | None:
    """FILE.py:name of an object that ``load`` gave, else None."""
    known = _ORIGINS.get(id(thing))
    return known[1] if known is not None and known[0] is thing else None
