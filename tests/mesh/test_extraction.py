"""Level sets as meshes: orders, topology, and the sparse search against all cells."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes
from torch import Tensor

from pinnscene import Box, memory
from pinnscene.errors import PinnsceneError
from pinnscene.mesh import Mesh, extract, nearsurface, report
from pinnscene.mesh.lattice import Lattice
from pinnscene.mesh.marchingcubes import EDGES, cases, polygonise
from pinnscene.mesh.nearsurface import cut_cells
from pinnscene.mesh.room import foretell
from pinnscene.mesh.samples import LevelSet
from pinnscene.views import FunctionField

BOX = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
Function = Callable[[Tensor], Tensor]


def made(f: Function) -> FunctionField:
    return FunctionField(lambda p: f(p.coords)[:, None], ("x", "y", "z"))


def ball(x: Tensor, r: float = 0.7, at: tuple[float, ...] = (0.03, -0.02, 0.01)) -> Tensor:
    return (x - x.new_tensor(at)).norm(dim=1) - r


def torus(x: Tensor, big: float = 0.6, small: float = 0.22) -> Tensor:
    return torch.hypot(torch.hypot(x[:, 0], x[:, 1]) - big, x[:, 2] - 0.017) - small


def gyroid(x: Tensor) -> Tensor:
    return ((4 * x + 0.1).sin() * (4 * x.roll(1, 1) + 0.1).cos()).sum(1) + 0.3


def plate(x: Tensor) -> Tensor:
    """Two cells of 1 / 32 thick, no distance: the slope varies between 1 and 3."""
    half = x.new_tensor([0.71, 0.64, 1 / 32])
    return ((x - x.new_tensor([0.0, 0.0, 0.063])).abs() - half).amax(1) * (2 + (3 * x[:, 0]).sin())


def logit(x: Tensor) -> Tensor:
    return 9 * torch.tanh(14 * torus(x))


def sparse(f: Function, coarse: int = 16, halvings: int = 2) -> tuple[Mesh, int]:
    """The mesh by the sparse search, and how many points it evaluated."""
    spent: list[int] = []

    def counted(x: Tensor) -> Tensor:
        spent.append(len(x))
        return f(x)

    start = Lattice.over(BOX, coarse << halvings, halvings)
    lattice, cells, samples = cut_cells(LevelSet(made(counted)), start, halvings)
    return Mesh(*polygonise(lattice, cells, samples)), sum(spent)


def dense(f: Function, n: int) -> np.ndarray:
    values = f(BOX.lattice(n + 1, n + 1, n + 1).coords).reshape(n + 1, n + 1, n + 1).numpy()
    return marching_cubes(values, 0.0, gradient_direction="ascent")[0].astype(float) * 2 / n - 1


@pytest.mark.parametrize(
    ("f", "volume", "area", "genus"),
    [
        (ball, 4 / 3 * np.pi * 0.7**3, 4 * np.pi * 0.7**2, 0),
        (torus, 2 * np.pi**2 * 0.6 * 0.22**2, 4 * np.pi**2 * 0.6 * 0.22, 1),
        (lambda x: torch.minimum(ball(x, 0.25, (0.5, 0.5, 0.4)), ball(x, 0.25, (-0.5, -0.4, -0.5))),
         8 / 3 * np.pi * 0.25**3, 8 * np.pi * 0.25**2, 0),
    ],
)  # fmt: skip
def test_second_order_and_topology(f: Function, volume: float, area: float, genus: int) -> None:
    found = [report(extract(made(f), BOX, n)) for n in (24, 48)]
    assert all(r.watertight and r.genus == genus for r in found)
    for exact, values in ((volume, [r.volume for r in found]), (area, [r.area for r in found])):
        coarse, fine = (abs(value - exact) / exact for value in values)
        assert fine < 0.02 and 3.2 < coarse / fine < 5.0  # positive volumes: faces look outward


@pytest.mark.parametrize("f", [torus, gyroid, plate, logit])
def test_the_sparse_search_finds_what_all_cells_hold(f: Function) -> None:
    mesh, spent = sparse(f)
    truth = dense(f, 64)
    assert len(mesh.vertices) == len(truth)
    assert cKDTree(truth).query(mesh.vertices)[0].max() < 2e-4 * 2 / 64
    assert cKDTree(mesh.vertices).query(truth)[0].max() < 2e-4 * 2 / 64
    assert spent < 0.75 * 65**3


def test_a_small_body_far_from_a_large_one_is_found() -> None:
    """A coarse cell is six times as long as the small body is wide."""
    f = lambda x: torch.minimum(ball(x, 0.5, (-0.4, -0.4, -0.4)), ball(x, 0.02, (0.71, 0.68, 0.66)))
    mesh, spent = sparse(f, 16, 3)
    found = report(mesh)
    assert found.bodies == 2 and found.watertight and found.genus == 0
    assert spent < 0.2 * 129**3


def test_a_surface_is_followed_where_the_slopes_mislead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thin rod between two balls lies between the coarse points: found from its ends, cell by cell."""
    rod = lambda x: torch.maximum(torch.hypot(x[:, 1] - 0.06, x[:, 2] - 0.06) - 0.04, x[:, 0].abs() - 0.6)
    balls = lambda x: torch.minimum(ball(x, 0.25, (0.6, 0.06, 0.06)), ball(x, 0.25, (-0.6, 0.06, 0.06)))
    monkeypatch.setattr(nearsurface, "SAFETY", -1.0)  # cells of one sign are dropped at once
    found = report(sparse(lambda x: torch.minimum(rod(x), balls(x)))[0])
    assert found.bodies == 1 and found.watertight and found.genus == 0


@pytest.mark.parametrize("smooth", [0.0, 0.7])
def test_noise_gives_a_closed_surface(smooth: float) -> None:
    """Every ambiguous case comes up; the vertices are among those of another implementation."""
    n = 20
    noise = np.random.default_rng(0).normal(size=(n + 1,) * 3)
    values = gaussian_filter(noise, smooth) if smooth else noise
    values[[0, -1]], values[:, [0, -1]], values[:, :, [0, -1]] = 1, 1, 1
    table = torch.from_numpy(values)
    look = lambda x: table[tuple(((x + 1) * n / 2).round().long().unbind(1))]
    mesh = extract(made(look), BOX, n)
    assert report(mesh).watertight and report(mesh).volume > 0
    truth = marching_cubes(values, 0.0)[0].astype(float) * 2 / n - 1
    assert cKDTree(truth).query(mesh.vertices)[0].max() < 2e-4 * 2 / n


def test_cases_use_the_edges_that_are_cut() -> None:
    table = cases()
    for case in range(256):
        inside = [case >> corner & 1 for corner in range(8)]
        cut = {k for k, (a, b) in enumerate(EDGES) if inside[a] != inside[b]}
        assert set(table[case][table[case] >= 0].tolist()) == cut


def test_boxes_that_are_no_cubes_and_far_away() -> None:
    box = Box(x=(1e6 - 2, 1e6 + 2), y=(-1, 1), z=(3, 4))
    f = lambda x: ((x - x.new_tensor([1e6, 0.0, 3.5])) / x.new_tensor([1.8, 0.8, 0.4])).norm(dim=1) - 1
    mesh = extract(made(f), box, 80)
    found = report(mesh)
    assert found.watertight and found.volume == pytest.approx(4 / 3 * np.pi * 1.8 * 0.8 * 0.4, rel=5e-3)
    assert (np.abs(mesh.vertices - [1e6, 0, 3.5]) < [1.81, 0.81, 0.41]).all()


def test_a_level_and_a_lattice_that_the_surface_lies_on() -> None:
    """An octahedron whose sides pass through lattice points: no holes, and no two vertices in one place."""
    mesh = extract(made(lambda x: x.abs().sum(1)), BOX, 16, level=0.5)
    found = report(mesh)
    assert found.watertight and found.genus == 0 and found.vertices == len(np.unique(mesh.vertices, axis=0))
    assert found.volume == pytest.approx(4 / 3 * 0.5**3, rel=1e-2)


def test_a_surface_that_leaves_the_box_is_open() -> None:
    found = report(extract(made(lambda x: ball(x, 1.2)), BOX, 24))
    assert not found.watertight and found.genus is None


def test_memory_is_told_before_it_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten million bytes are enough for a coarse lattice, not for what it would be halved to."""
    monkeypatch.setattr(memory, "free_memory", lambda: 1e7)
    assert sparse(ball, 16, 1)[1] > 0
    with pytest.raises(PinnsceneError, match=r"about 0\.\d+ GiB of memory, 0\.0093.* smaller resolution"):
        sparse(ball, 16, 5)


def test_what_a_long_extraction_takes_is_told_once() -> None:
    told: list[str] = []
    foretell(100, 2, 1e-6, told.append)  # 5000 points, 10 ms
    assert told == []
    foretell(100, 2, 1.0, told.append)
    foretell(1_000_000, 3, 1e-9, told.append)
    assert told[0].startswith("about 0.005 million points: ") and told[0].endswith("and 167 min")
    assert "210 million points" in told[1] and "12 GiB" in told[1] and told[1].endswith("and 0 s")


def test_progress_ends_with_all_done() -> None:
    told: list[float] = []
    extract(made(ball), BOX, 140, progress=told.append)
    assert told == sorted(told) and told[-1] == 1.0 and 0 < told[0] < 0.5


@pytest.mark.parametrize(
    ("f", "level", "said"),
    [
        (ball, 9.0, "no surface at level 9: the field runs from -0.6"),
        (lambda x: x[:, 0] * 0 + 3, 0.0, "runs from 3 to 3"),
        (lambda x: x[:, 0].log(), 0.0, r"not finite at \(-1, -1, -1\)"),
    ],
)
def test_no_surface(f: Function, level: float, said: str) -> None:
    with pytest.raises(PinnsceneError, match=said):
        extract(made(f), BOX, 16, level)


def test_other_fields_are_refused() -> None:
    flat = FunctionField(lambda p: p.coords[:, :1], ("x", "y"))
    several = FunctionField(lambda p: p.coords, ("x", "y", "z"), ("a", "b", "c"))
    for u, box in ((flat, Box(x=(0, 1), y=(0, 1))), (several, BOX)):
        with pytest.raises(PinnsceneError, match="three axes and one output"):
            extract(u, box, 16)
