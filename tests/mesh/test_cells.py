"""Regions cut into triangles and tetrahedra."""

import numpy as np
import pytest
import torch

from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import Ball, Region, as_region, disc, interval
from pinnscene.mesh.cells import cells_of, measure

SHELL = Ball((0, 0, 0), 1) - Ball((0.1, 0, 0), 0.5)
RING = disc(0, 0, 1) - disc(0.2, 0, 0.5)


def facets(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sides of cells, each once, and how many cells have it."""
    sides = np.concatenate([np.delete(cells, k, 1) for k in range(cells.shape[1])])
    return np.unique(np.sort(sides, 1), axis=0, return_counts=True)


@pytest.mark.parametrize(("region", "size"), [(RING, np.pi * 0.75), (SHELL, 4 / 3 * np.pi * 0.875)])
def test_the_measure_converges_to_second_order(region: Region, size: float) -> None:
    errors = [abs(measure(*cells_of(region, n)).sum() / size - 1) for n in (10, 20)]
    assert errors[1] < 0.01 and errors[1] < errors[0] / 2.5


@pytest.mark.parametrize("region", [RING, SHELL])
def test_cells_fit_together_and_end_at_the_boundary(region: Region) -> None:
    vertices, cells = cells_of(region, 12)
    assert (measure(vertices, cells) > 0).all() and set(cells.ravel()) == set(range(len(vertices)))
    sides, count = facets(cells)
    assert count.max() == 2
    outer = torch.from_numpy(vertices[np.unique(sides[count == 1])])
    assert region.distance(outer).abs().max() < 0.02 * 2 / 12  # but for cuts that a corner inside took
    assert region.distance(torch.from_numpy(vertices)).max() < 1e-5


def test_a_box_is_filled_whole() -> None:
    box = as_region(Box(x=(0, 1), y=(0, 2), z=(-1, 0)))
    vertices, cells = cells_of(box, 4)
    assert len(vertices) == 3 * 5 * 3 and len(cells) == 6 * 2 * 4 * 2
    assert measure(vertices, cells).sum() == pytest.approx(2, rel=1e-12)


def test_what_has_no_cells() -> None:
    with pytest.raises(PinnsceneError, match="two or three axes"):
        cells_of(interval(0, 1), 8)
    with pytest.raises(PinnsceneError, match="larger --resolution"):
        cells_of(disc(0, 0, 1) - disc(0, 0, 0.999), 2)
