"""What is installed, and what importing it costs."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import pinnscene

ROOT = Path(__file__).parents[2]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["pinnscene", "pinnscene.cli", "pinnscene.problems"])
def test_importing_costs_no_torch(module: str) -> None:
    done = run(f"import sys, {module}; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr


def test_every_exported_name_loads() -> None:
    for name in pinnscene._HOME:
        assert getattr(pinnscene, name) is not None
        assert name in dir(pinnscene)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = pinnscene.nonsense


def test_lazy_names_and_those_for_type_checkers_are_the_same() -> None:
    text = Path(pinnscene.__file__).read_text()
    typed = set(re.findall(r"import (\w+) as \1$", text, re.MULTILINE))
    assert typed == set(pinnscene._HOME)


def test_version() -> None:
    assert pinnscene.__version__ == version("pinnscene")


def test_built_in_problems_take_the_plug_in_road() -> None:
    points = {p.name: p.value for p in entry_points(group="pinnscene.problems")}
    assert points["heat"] == "pinnscene.problems.heat:Heat"
    assert points["image-fit"] == "pinnscene.problems.image_fit:ImageFit"


def test_packages_refuse_their_bare_names(tmp_path: Path) -> None:
    for name in ("problems", "scenes", "cli"):
        folder = Path(__import__(f"pinnscene.{name}", fromlist=["x"]).__file__).parent
        bare = tmp_path / name
        bare.mkdir()
        (bare / "__init__.py").write_text((folder / "__init__.py").read_text())
        done = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {name}")
        assert done.returncode != 0 and f"import pinnscene.{name}, not {name}" in done.stderr


def test_py_typed_is_there() -> None:
    assert (Path(pinnscene.__file__).parent / "py.typed").is_file()


def test_uv_has_the_pins_of_constraints_txt() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["uv"]["constraint-dependencies"] == pins


def test_every_package_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folder = Path(pinnscene.__file__).parent
    found = {"pinnscene", "pinnscene.problems", "pinnscene.scenes", "pinnscene.cli"}
    found |= {f"pinnscene.{p.parent.name}" for p in folder.glob("*/__init__.py")}
    found |= {"pinnscene.scenes.data"}  # no code, the built-in scenes
    assert set(project["tool"]["setuptools"]["packages"]) == found


def test_the_core_imports_none_of_the_three() -> None:
    """import-linter holds the subpackages; this holds every file of the core, ``__main__.py`` aside."""
    folder = Path(pinnscene.__file__).parent
    others = ("pinnscene.cli", "pinnscene.problems", "pinnscene.scenes")
    for path in folder.rglob("*.py"):
        place = path.relative_to(folder)
        if place.parts[0] in ("cli", "problems", "scenes") or place.name == "__main__.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.startswith(others)], f"{place} imports {names}"
