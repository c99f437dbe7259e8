"""``pinnscene list``: the problems, a line each, none of them imported."""

import ast
import json
from importlib.util import find_spec
from pathlib import Path

from pinnscene.cli.options import Debug, Json


def list_problems(as_json: Json = False, debug: Debug = False) -> None:
    """List the problems, a line each."""
    del debug
    from importlib.metadata import entry_points

    points = {p.name: p.value for p in entry_points(group="pinnscene.problems")}
    lines = {name: summary(value) for name, value in sorted(points.items())}
    if as_json:
        print(json.dumps({"problems": [{"name": n, "summary": s, "class": points[n]} for n, s in lines.items()]}))
        return
    width = max(map(len, lines), default=0)
    for name, text in lines.items():
        print(f"{name:<{width}}  {text}")


def summary(value: str) -> str:
    """The first line of the docstring of ``module:Class``, read from its source, not imported."""
    module, _, name = value.partition(":")
    try:
        spec = find_spec(module)
        assert spec is not None and spec.origin is not None
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    except Exception as cause:  # a broken plug-in is named and never stops the others
        return f"(cannot be read: {type(cause).__name__}: {cause})"
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return (ast.get_docstring(node) or "(no description)").splitlines()[0]
    return f"(no class {name} in {module})"
