"""The examples of README and docs, run: as a file, from Python, as an installed plug-in."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pinnscene.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


EXAMPLE = blocks(ROOT / "docs" / "custom-problems.md", "python")[0]


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def exact_error(solution) -> float:
    import torch

    from pinnscene.metrics import evaluate, rel_l2

    p = solution.problem.domain.grid()
    truth = torch.exp(-solution.problem.alpha * torch.pi**2 * p["t"]) * torch.sin(torch.pi * p["x"])
    return rel_l2(evaluate(solution.field, p), truth)


def test_the_example_is_at_most_25_lines_and_the_same_everywhere() -> None:
    code = [line for line in EXAMPLE.splitlines() if line.strip()]
    assert len(code) <= 25
    assert EXAMPLE in blocks(ROOT / "README.md", "python")
    assert (ROOT / "docs" / "examples" / "my_heat.py").read_text() == EXAMPLE


def test_from_python() -> None:
    names: dict = {"__name__": "example"}
    module = type(sys)("example")
    sys.modules["example"] = module
    try:
        exec(compile(EXAMPLE, "example", "exec"), names)  # the example of our own documentation
        solution = names["Heat1D"](alpha=0.05).solve(knobs={"field": {"width": 200}, "head": {"scale": 4.0}})
    finally:
        del sys.modules["example"]
    # 200 features reach 1e-8 here; 1e-6 leaves room for other processors' rounding
    assert solution.status == "converged" and exact_error(solution) < 1e-6


def test_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_heat.py").write_text(EXAMPLE)
    fast = ["--set", "field.width=100", "--set", "head.scale=4"]
    assert call("solve", "my_heat.py:Heat1D", "--set", "alpha=0.05", "--json", *fast) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["options"]["alpha"] == 0.05 and result["heldout_residual"] < 1e-4
    assert call("info", "my_heat.py:Heat1D") == 0
    assert "thermal diffusivity, length^2 / time" in capsys.readouterr().out


def test_as_an_installed_plug_in(tmp_path: Path) -> None:
    """An installed package is its modules and a dist-info folder with the entry points: here made by hand."""
    site = tmp_path / "site"
    (site / "my_package").mkdir(parents=True)
    (site / "my_package" / "__init__.py").write_text("")
    (site / "my_package" / "my_heat.py").write_text(EXAMPLE)
    info = site / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[pinnscene.problems]\nheat1d = my_package.my_heat:Heat1D\nbroken = my_package.nothing:Gone\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = f"import sys; sys.path.insert(0, {str(site)!r}); from pinnscene.cli import main; main(sys.argv[1:])"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    listed = run("list")
    assert "heat1d" in listed.stdout and "u_t = alpha u_xx" in listed.stdout
    assert "broken" in listed.stdout and "heat " in listed.stdout
    fast = ["--set", "field.width=60", "--set", "head.scale=4"]
    done = run("solve", "heat1d", "--json", *fast)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problem"] == "heat1d"
    failed = run("solve", "broken")
    assert failed.returncode == 2 and "failed to load" in failed.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_pictures_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http") and not (ROOT / "benchmarks").exists() and "benchmarks" in target:
            continue  # away from the source tree only the pages are at hand
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_blocks_compile(page: Path) -> None:
    for code in blocks(page, "python"):
        compile(code, str(page), "exec")


def scans(folder: Path) -> None:
    """The files that the page on shapes speaks of."""
    import trimesh

    (folder / "shapes").mkdir()
    for k, path in enumerate(["scan.ply", *(f"shapes/{name}.ply" for name in "abcde")]):
        trimesh.creation.box((1 + 0.1 * k, 1, 1)).export(folder / path)


def test_the_example_of_shapes_runs() -> None:
    names: dict = {}
    exec(compile(blocks(ROOT / "docs" / "shapes.md", "python")[0], "shapes.md", "exec"), names)
    # sixty steps of a coarse grid: the point on the torus' top, and its middle, 0.4 from the surface
    distance, direction = names["distance"].detach(), names["direction"].detach()
    assert abs(float(distance[0])) < 0.05
    assert abs(float(distance[1]) - 0.4) < 0.25
    assert float(direction[0, 2]) > 0.9


def test_the_example_of_solving_pdes_agrees_with_a_method_of_lines() -> None:
    """A wider front than on the page takes fewer functions; the other solve is by differences of second order."""
    import numpy as np
    import torch
    from scipy.integrate import solve_ivp

    from pinnscene.batch import Points

    code = blocks(ROOT / "docs" / "pde.md", "python")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 25
    names: dict = {"__name__": "fisher"}
    sys.modules["fisher"] = type(sys)("fisher")
    try:
        exec(compile(code, "pde.md", "exec"), names)
        knobs = {"field": {"basis": "cosine,chebyshev", "modes": "32,8"}}
        solution = names["Fisher"](d=0.01).solve(backbone="tensor", windows=4, knobs=knobs)
    finally:
        del sys.modules["fisher"]
    assert solution.heldout < 1e-3

    def differences(n: int) -> np.ndarray:
        """At every nodes of a coarse grid, by n intervals and mirror images beyond the walls."""
        x = np.linspace(0, 1, n + 1)

        def slope(_: float, u: np.ndarray) -> np.ndarray:
            padded = np.concatenate([u[1:2], u, u[-2:-1]])
            return 0.01 * n**2 * (padded[2:] - 2 * u + padded[:-2]) + 10 * u * (1 - u)

        last = solve_ivp(slope, (0, 1), np.exp(-100 * x**2), rtol=1e-8, atol=1e-10).y[:, -1]
        return last[:: n // 50]

    truth = (4 * differences(200) - differences(100)) / 3  # Richardson: of fourth order
    x = torch.linspace(0, 1, 51, dtype=torch.float64)
    value = solution.field(Points(torch.stack([x, torch.ones_like(x)], 1), ("x", "t"))).detach()[:, 0]
    assert np.abs(value.numpy() - truth).max() < 1e-4


def test_the_example_of_unknown_coefficients_finds_alpha() -> None:
    names: dict = {}
    exec(compile(blocks(ROOT / "docs" / "inverse.md", "python")[0], "inverse.md", "exec"), names)
    alpha = names["alpha"]
    assert abs(alpha["value"] - 0.25) < 2 * alpha["standard_error"] < 0.02


def test_the_example_of_ranges_solves_for_every_value() -> None:
    names: dict = {}
    exec(compile(blocks(ROOT / "docs" / "inverse.md", "python")[1], "inverse.md", "exec"), names)
    assert names["one"].metrics(names["u"])["rel_l2"] < 1e-6


def test_the_example_of_ranges_of_a_region_solves_for_every_ellipse() -> None:
    import torch

    names: dict = {}
    exec(compile(blocks(ROOT / "docs" / "inverse.md", "python")[2], "inverse.md", "exec"), names)
    p = names["one"].domain.interior(200)(torch.Generator().manual_seed(0))
    exact = (1 - p["x"] ** 2 - p["y"] ** 2 / 0.7**2) / (2 + 2 / 0.7**2)
    assert float((names["u"](p).detach() - exact).abs().max()) < 1e-3 * float(exact.max())


def test_the_examples_of_regions_run() -> None:
    import torch

    region, pictures, materials = blocks(ROOT / "docs" / "geometry.md", "python")
    names: dict = {}
    exec(compile(region, "geometry.md", "exec"), names)
    hole = names["hole"](torch.Generator().manual_seed(0))
    assert torch.allclose(names["plate"].distance(hole), torch.zeros(100, 1, dtype=torch.float64), atol=1e-9)
    exec(compile(pictures, "geometry.md", "exec"), names)
    assert names["medium"] is not None
    names = {"__name__": "materials"}
    sys.modules["materials"] = type(sys)("materials")
    try:
        exec(compile(materials, "geometry.md", "exec"), names)
        u = names["TwoMaterials"]().solve(knobs={"field": {"width": 150}, "head": {"scale": 3.0}}).field
    finally:
        del sys.modules["materials"]
    # (1 - r^2) / 4 around, and from there (1/4 - r^2) / 40 more inside
    middle = u(torch.tensor([[0.0, 0.0], [0.8, 0.0]], dtype=torch.float64)).detach()[:, 0]
    assert torch.allclose(middle, torch.tensor([3 / 16 + 1 / 160, 0.09], dtype=torch.float64), atol=1e-6)


def test_the_conditions_of_the_guide_are_conditions() -> None:
    """Every one draws its points and gives one row a point; the ansatz holds what it says."""
    import torch

    from pinnscene.seeds import generator
    from pinnscene.views import FunctionField

    _, conditions, data, hard = (blocks(ROOT / "docs" / "guide.md", "python"))[:4]
    names: dict = {}
    exec(compile(conditions, "guide.md", "exec"), names)
    u = FunctionField(lambda p: p["x"] * p["y"] + p["t"], ("x", "y", "t"))
    for name, constraint in names["constraints"].items():
        batch = constraint.draw(name, generator(0, name))
        (block,) = constraint.blocks(name, u, batch)
        assert len(block.residual) == len(batch) and float(block.residual.detach().abs().max()) > 0
    exec(compile(data, "guide.md", "exec"), names)
    line = FunctionField(lambda p: p["x"] + p["t"], ("x", "t"))
    assert names["data"].blocks("data", line, names["data"].draw("data", generator(0)))[0].residual.shape == (3, 1)
    exec(compile(hard, "guide.md", "exec"), names)
    p = names["box"].face(9, "x", t=0.0)(generator(0))
    assert not names["shape"].factor(p).any()
    assert torch.allclose(names["shape"].lift(p), torch.sin(torch.pi * p["x"]), atol=1e-12)


def documented_commands() -> list[str]:
    found = []
    for page in PAGES:
        fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for block in (text for language, text in fenced if not language):
            lines = [line.split("   ")[0].strip().removeprefix("$ ") for line in block.splitlines()]
            found += [line for line in lines if line.startswith("pinnscene ")]
    return sorted(set(found))


def photos(folder: Path) -> None:
    """Two posed pictures in Blender's format."""
    from PIL import Image

    folder.mkdir()
    frames = []
    for k, x in enumerate((-1.0, 1.0)):
        Image.new("RGBA", (8, 8), (200, 30, 30, 255)).save(folder / f"{k}.png")
        frames.append(
            {"file_path": str(k), "transform_matrix": [[1, 0, 0, x], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]]}
        )
    (folder / "transforms_train.json").write_text(json.dumps({"camera_angle_x": 0.7, "frames": frames}))


@pytest.mark.parametrize("command", documented_commands())
def test_documented_commands_are_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command parses, and each problem, option and knob in it exists: a solve is stopped before it begins."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_heat.py").write_text(EXAMPLE)
    (tmp_path / "my_alpha.py").write_text(blocks(ROOT / "docs" / "guide.md", "python")[0])
    (tmp_path / "fisher.py").write_text(blocks(ROOT / "docs" / "pde.md", "python")[0])
    from PIL import Image

    Image.new("RGB", (16, 16), (200, 30, 30)).save(tmp_path / "photo.png")
    scans(tmp_path)
    (tmp_path / "rows.csv").write_text("x,t,u\n0.3,0.1,0.6\n0.5,0.2,0.5\n0.7,0.9,0.1\n")
    photos(tmp_path / "photos")

    class Reached(Exception):
        pass

    def stop(*args: object, **kwargs: object) -> None:
        raise Reached

    for name in ("pinnscene.cli.solve.solve_run", "pinnscene.cli.render.solve_run"):
        monkeypatch.setattr(name, stop)
    with pytest.raises(SystemExit):
        main(shlex.split(command)[1:])
    error = capsys.readouterr().err
    # no run has been made here, and the plug-in of the guide is not installed
    allowed = (
        "Reached",
        "no run folder",
        "solve one first",
        "unknown problem 'heat1d'",
        "unknown problem 'RUN'",
        "unknown domain 'RUN'",
    )
    assert "error:" not in error or any(text in error for text in allowed), error
