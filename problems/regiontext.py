"""Domains given as text: names, formulas such as ``box(-1,1,-1,1) - disc(0,0,0.3)``, files of shapes, solved runs."""

import ast
from collections.abc import Callable
from os.path import isdir
from pathlib import Path
from typing import Any

from pinnscene.domain import Box, Domain
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.geometry import (
    Ball,
    Ellipsoid,
    Flower,
    Implicit,
    OverTime,
    Polygon,
    Prism,
    Region,
    Solid,
    as_region,
    cylinder,
    disc,
    interval,
)
from pinnscene.geometry.csg import Same
from pinnscene.geometry.region import names
from pinnscene.problems.shapeproblem import ShapeProblem
from pinnscene.scenes.shapes import ARRAYS, COLUMNS, MESHES
from pinnscene.usercode import load, names_code, origin
from pinnscene.views import Shifted

FINE, LEAST, MOST = 1e-9, 1e-9, 1e12  # of a side to its distance from the origin; of that distance; of a side
THIN = 1e-6  # of the longest side, the shortest
SHAPES = 64  # of a formula: what is left of each is asked of all others
SHOWN = 80  # letters of a text in an error
EXPECTED = (
    "expected a name, a formula such as box(-1,1,-1,1) - disc(0,0,0.3), a file of a closed shape, or the folder of a "
    "run of eikonal-sdf"
)
BIG = [(-4, -3), (4, -3), (-4, 3), (4, 3), (-4, -9), (4, -9), (-4, 9), (4, 9), (0, 0), (0, 6), (0, -6)]
SMALL = [(-3.2, -6), (-3.2, 6), (3.2, -6), (3.2, 6), (-3.2, 0), (3.2, 0)]


def box(*ends: float) -> Region:
    """A box by the ends of its axes: x0, x1, y0, y1 and so on."""
    if len(ends) < 2 or len(ends) % 2:
        raise PinnsceneError(f"box expected a lower and an upper end an axis, got {len(ends)} numbers")
    return as_region(Box(**{a: (ends[2 * k], ends[2 * k + 1]) for k, a in enumerate(names(len(ends) // 2))}))


def _half(what: str, numbers: tuple[float, ...], make: Callable[[Any, Any], Region]) -> Region:
    if len(numbers) < 4 or len(numbers) % 2:
        raise PinnsceneError(f"{what} expected a centre and as many half axes, got {len(numbers)} numbers")
    return make(numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :])


def _ball(*numbers: float) -> Region:
    if len(numbers) < 2:
        raise PinnsceneError("ball expected a centre and a radius, such as ball(0,0,0,1)")
    return Ball(numbers[:-1], numbers[-1])


def _polygon(*numbers: float) -> Region:
    if len(numbers) < 6 or len(numbers) % 2:
        raise PinnsceneError(f"polygon expected x and y of at least three corners, got {len(numbers)} numbers")
    return Polygon(list(zip(numbers[::2], numbers[1::2], strict=True)))


def _ring(*numbers: float) -> Region:
    x, y, inner, outer = numbers
    return as_region(disc(x, y, outer, "outer") - disc(x, y, inner, "inner"))


# What formulas are made of, by name.
MAKERS: dict[str, Callable[..., Region]] = {
    "interval": interval,
    "box": box,
    "disc": disc,
    "ball": _ball,
    "ellipse": lambda *numbers: _half("ellipse", numbers, Ellipsoid),
    "polygon": _polygon,
    "cylinder": cylinder,
    "annulus": _ring,
    "flower": Flower,
    "prism": Prism,
}
# Domains that have a name.
NAMED: dict[str, Callable[[], Domain]] = {
    "interval": lambda: interval(0, 1),
    "square": lambda: box(0, 1, 0, 1),
    "cube": lambda: box(0, 1, 0, 1, 0, 1),
    "disc": disc,
    "ball": lambda: Ball((0, 0, 0), 1),
    "ball-5d": lambda: Ball((0,) * 5, 1),
    "ellipse": lambda: Ellipsoid((0, 0), (1, 0.5)),
    "annulus": lambda: _ring(0, 0, 0.5, 1),
    "flower": Flower,
    "l-shape": lambda: Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)]),
    "cylinder": lambda: cylinder(0, 0, 1, 0, 1),
    "plate-hole": lambda: box(-1, 1, -1, 1) - disc(0, 0, 0.4, "hole"),
    "channel": lambda: box(0, 2.2, 0, 0.41) - disc(0.2, 0.2, 0.05, "obstacle"),
    "four-holes": lambda: _cut(box(-0.5, 0.5, -0.5, 0.5), [(x, y, 0.1) for x in (0.3, -0.3) for y in (0.3, -0.3)]),
    "four-sizes": lambda: _cut(
        box(-1, 1, -1, 1), [(0.5, 0.5, 0.2), (0.4, -0.4, 0.4), (-0.2, -0.7, 0.1), (-0.6, 0.5, 0.3)]
    ),
    "quarter-holes": lambda: _cut(
        _cut(box(0, 8, 0, 12), [(x, y, 1.0) for x, y in BIG if x >= 0 and y >= 0], "big"),
        [(x, y, 0.4) for x, y in SMALL if x >= 0 and y >= 0],
        "small",
    ),
    "seventeen-holes": lambda: _cut(
        _cut(box(-8, 8, -12, 12), [(x, y, 1.0) for x, y in BIG], "big"), [(x, y, 0.4) for x, y in SMALL], "small"
    ),
}


def _cut(whole: Domain, holes: list[tuple[float, float, float]], part: str = "hole") -> Domain:
    for x, y, radius in holes:
        whole = whole - disc(x, y, radius, part)
    return whole


class Told(Same):
    """A region that knows the text it was made from: equal where the texts are."""

    def __init__(self, region: Region, text: str) -> None:
        super().__init__(region)
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Told) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def read_region(given: "str | Domain | Callable[[], Domain]") -> Told:
    """The region that a text stands for, a region itself, or what a function without arguments makes.

    Raises:
        PinnsceneError: a text that is no name, formula, file of a closed shape or run of a distance field, or a region
            without an inside.
    """
    if isinstance(given, OverTime):
        given = given.region
    if isinstance(given, Told):
        return given
    if isinstance(given, str):
        text = given.strip()
        found = Told(as_region(_region_of(text)), text)
    else:
        found = Told(as_region(_region_made(given)), origin(given) or repr(given))
    return expect_room(found)


def expect_room(region: Told) -> Told:
    """The region, which must have an inside, and sides that double precision can tell apart."""
    for axis, low, high in zip(region.axes, region.lower, region.upper, strict=True):
        if not (FINE * max(abs(low), abs(high), LEAST) < high - low < MOST):
            raise PinnsceneError(
                f"the domain {short(region.text)} reaches from {low:g} to {high:g} along {axis}: expected a length "
                f"above {LEAST * FINE:g} and below {MOST:g}, no less than {FINE:g} of how far away it is; take other "
                "units or another origin"
            )
    sides = [high - low for low, high in zip(region.lower, region.upper, strict=True)]
    if min(sides) < THIN * max(sides):
        raise PinnsceneError(
            f"the domain {short(region.text)} is {min(sides):g} thin and {max(sides):g} long: expected sides within a "
            f"factor of {1 / THIN:g}"
        )
    _ = region.share  # raises where there is no inside
    return region


def short(text: str) -> str:
    """A text as errors show it."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} letters)"


def _region_made(given: Any) -> Domain:
    """A region from Python: as it is, or what a function makes."""
    name = origin(given) or repr(given)
    if callable(given) and not isinstance(given, Domain):
        try:
            given = given()
        except PinnsceneError:
            raise
        except Exception as cause:
            raise PinnsceneError(f"domain {name} failed as it was made: {type(cause).__name__}: {cause}") from cause
    if not isinstance(given, Domain):
        raise PinnsceneError(f"domain {name}: expected a region, or a function that makes one, got {given!r}")
    return given


def _region_of(text: str) -> Domain:
    if not text:
        raise PinnsceneError(f"domain is empty: {EXPECTED}")
    if text in NAMED:
        return NAMED[text]()
    if names_code(text):
        return _region_made(load(text))
    if isdir(text):
        return from_run(Path(text))
    if Path(text).suffix.lower() in (*MESHES, *COLUMNS, *ARRAYS):
        return from_file(Path(text))
    return _formula(text)


def from_file(path: Path) -> Region:
    """What a closed mesh, an oriented cloud or a volume in a file encloses."""
    from pinnscene.mesh import report
    from pinnscene.mesh.crossings import crossings
    from pinnscene.scenes.shapes import load_shape

    shape = load_shape(path)
    if not shape.signed:
        raise PinnsceneError(f"{path} has points without normals, so no inside: solve eikonal-sdf and take its run")
    surface = shape.mesh()
    if surface is None:
        import torch

        points, normals = shape.surface(200_000, torch.Generator().manual_seed(0))
        assert normals is not None
        return Solid(shape, (points, normals))
    whole = getattr(shape, "triangles", surface)  # before faces within other bodies were left out
    pairs = crossings(whole)
    if len(pairs):
        a, b = pairs[0]
        raise PinnsceneError(f"{path} cuts through itself, at faces {a} and {b}: repair it, or solve eikonal-sdf on it")
    if shape.kind == "mesh" and not report(surface).watertight:
        raise PinnsceneError(
            f"{path} is open: a domain needs a closed surface; close its holes, or solve eikonal-sdf and take its run"
        )
    return Solid(shape, surface)


def from_run(path: Path) -> Region:
    """Where the field of a solved run is negative: the run of a distance, such as of eikonal-sdf.

    It lies where ``export`` writes the surface of that run: where the data is, however far from the origin.
    """
    from pinnscene.run import Run
    from pinnscene.solve import load_state, reopen
    from pinnscene.trainer import join

    run = Run.open(path)
    try:
        problem, config = reopen(run)
    except PinnsceneError as cause:
        raise PinnsceneError(
            f"{path} cannot be the domain as long as `pinnscene eval {path}` fails: {cause}"
        ) from cause
    if not isinstance(problem.domain, Box) or problem.domain.axes != ("x", "y", "z") or len(problem.values) != 1:
        raise PinnsceneError(
            f"{path} solved {config.problem}, which is no distance field in space: expected a run of eikonal-sdf"
        )
    field = join(problem, load_state(run, problem, config).fields)
    field.requires_grad_(False)
    box, off = problem.domain, problem.origin.tolist() if isinstance(problem, ShapeProblem) else [0.0] * 3
    if not any(off):
        return Implicit(field.double(), box, str(path))
    there = {a: (low + o, high + o) for (a, (low, high)), o in zip(box.bounds.items(), off, strict=True)}
    return Implicit(Shifted(field.double(), off), Box(**there), str(path))


def _formula(text: str) -> Domain:
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        tree = None
    if ".." in text and "(" in text:
        raise PinnsceneError(
            f"domain '{short(text)}': a range expected a name and two numbers, such as radius=0.2..0.5, and to be "
            "given by --set or Family(problem, {'domain': ...})"
        )
    if tree is None or isinstance(tree, ast.Name):
        raise PinnsceneError(f"{unknown('domain', short(text), NAMED)}; {EXPECTED}")
    shapes = sum(isinstance(node, ast.Call) for node in ast.walk(tree))
    if shapes > SHAPES:
        raise PinnsceneError(
            f"domain '{short(text)}' has {shapes} shapes: expected at most {SHAPES}; take a polygon or a mesh"
        )
    return _made(tree, text)


def _made(node: ast.AST, text: str) -> Domain:
    """A formula's region: calls of makers with numbers, joined by | & and -; nothing else is evaluated."""
    joins: dict[type, Callable[[Domain, Domain], Domain]] = {
        ast.BitOr: lambda a, b: a | b,
        ast.BitAnd: lambda a, b: a & b,
        ast.Sub: lambda a, b: a - b,
    }
    if isinstance(node, ast.BinOp) and type(node.op) in joins:
        return joins[type(node.op)](_made(node.left, text), _made(node.right, text))
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)) or node.keywords:
        raise PinnsceneError(f"domain '{short(text)}': expected shapes such as disc(0,0,1) joined by |, & and -")
    name = node.func.id
    if name not in MAKERS:
        raise unknown("shape", name, MAKERS)
    nested = [_made(a, text) if isinstance(a, ast.Call | ast.BinOp) else _value(a, text) for a in node.args]
    try:
        return MAKERS[name](*nested)
    except PinnsceneError:
        raise
    except (TypeError, ValueError):
        raise PinnsceneError(
            f"domain '{short(text)}': {name} got {len(nested)} numbers, which is not what it takes"
        ) from None


def _value(node: ast.AST, text: str) -> Any:
    try:
        value = ast.literal_eval(node)  # pyright: ignore[reportArgumentType]
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PinnsceneError(f"domain '{short(text)}': expected numbers within the brackets of a shape")
    return float(value)
