"""The store of pixels: the same pixels and rays as picture by picture, in memory and on disk."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pinnscene.errors import PinnsceneError
from pinnscene.rays import PINHOLE, Lens, PosedCamera
from pinnscene.rays.lens import FisheyeLens, RadialLens
from pinnscene.render.camera import Camera
from pinnscene.scenes.views import Views
from pinnscene.scenes.viewstore import PixelStore

SIZES = [(9, 7), (6, 8), (9, 7), (5, 4)]


def camera(k: int, lens: Lens = PINHOLE, scale: int = 1) -> PosedCamera:
    width, height = (scale * side for side in SIZES[k])
    matrix = Camera((3.0, 0.5 * k, 2.0 - k), (0.1, 0.2, 0.0)).matrix
    return PosedCamera(matrix, (width, height), (1.2 * width, 1.1 * width), (0.5 * width, 0.45 * height), lens)


def picture(k: int) -> np.ndarray:
    """Each pixel holds its place and its picture's number."""
    width, height = SIZES[k]
    j, i = np.mgrid[:height, :width]
    return np.stack([i, j, np.full_like(i, k), 10 * k + i + j], 2).astype(np.uint8)


def depth(k: int) -> np.ndarray:
    return picture(k)[:, :, 3].astype(np.float32) + 0.5


def mask(k: int) -> np.ndarray | None:
    return None if k == 2 else (picture(k)[:, :, :2].sum(2) % 3 == 0) & (k != 1)


def views(lens: Lens = PINHOLE) -> Views:
    cameras = [camera(k, lens if k % 2 else PINHOLE) for k in range(4)]
    return Views(cameras, picture, (0, 1, 2, 3), (), -np.ones(3), np.ones(3), 1.0, 5.0)


@pytest.mark.parametrize("budget", [1 << 20, 10], ids=["memory", "disk"])
def test_every_pixel_is_there_once(budget):
    """Pixels, depths and masks, whatever they are kept in."""
    whole = replace(views(), read_mask=mask, read_depth=depth)
    store = PixelStore(whole, (3, 1, 2, 0), budget)
    assert store.on_disk == (budget == 10)
    drawn = store.take(torch.arange(len(store)))
    expected = {k: np.ones(SIZES[k][::-1], bool) if (m := mask(k)) is None else m for k in range(4)}
    assert len(store) == sum(int(m.sum()) for m in expected.values())
    for k in range(4):
        mine = drawn.view == k
        j, i = np.nonzero(expected[k])
        np.testing.assert_array_equal(drawn.pixel[mine].numpy(), j * SIZES[k][0] + i)
        np.testing.assert_array_equal(drawn.colour[mine].numpy(), picture(k)[j, i])
        assert drawn.depth is not None
        np.testing.assert_array_equal(drawn.depth[mine].numpy(), depth(k)[j, i])


def test_without_masks_pixels_are_numbered_along_rows():
    store = PixelStore(views(), (2, 0))
    drawn = store.take(torch.arange(len(store)))
    assert drawn.view.tolist() == [2] * 63 + [0] * 63
    assert drawn.pixel.tolist() == [*range(63), *range(63)]
    assert drawn.depth is None


def test_draws_are_uniform_and_repeatable():
    store = PixelStore(views())
    first, again = (store.draw(40_000, torch.Generator().manual_seed(5)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first[:3], again[:3], strict=True))
    places = first.view * 100 + first.pixel
    counts = torch.unique(places, return_counts=True)[1].double()
    assert len(counts) == len(store) == 63 + 48 + 63 + 20
    mean = 40_000 / len(store)
    assert ((counts - mean) ** 2).mean() == pytest.approx(mean, rel=0.5)  # Poisson: the variance is the mean


@pytest.mark.parametrize("lens", [PINHOLE, RadialLens((-0.2, 0.05), (), (0.001, 0.002)), FisheyeLens((0.05, -0.01))])
def test_rays_are_those_of_the_cameras(lens):
    """All cameras at once as one by one: to the last bits for pinholes, to 0.05 of these large pixels for lenses."""
    store, g = PixelStore(views(lens)), torch.Generator().manual_seed(0)
    drawn = store.draw(500, g)
    offset = torch.rand(500, 2, generator=g, dtype=torch.float64)
    beams = store.rays(drawn, offset)
    for k, one in enumerate(views(lens).cameras):
        mine = drawn.view == k
        expected = one.rays(drawn.pixel[mine], offset[mine])
        error = (beams.directions[mine] - expected.directions).norm(dim=1, keepdim=True) / (2 * expected.radius)
        assert error.max() < (1e-12 if lens == PINHOLE else 0.05)
        torch.testing.assert_close(beams.origins[mine], expected.origins)
        torch.testing.assert_close(beams.radius[mine], expected.radius, rtol=0.02, atol=0)


def test_rays_through_lenses_of_usual_pictures_are_right_to_hundredths_of_a_pixel():
    lens = RadialLens((-0.2, 0.05), (), (0.001, 0.002))
    many = [camera(k, lens, scale=30) for k in range(4)]
    store = PixelStore(replace(views(), cameras=many, read=lambda k: np.zeros((*many[k].size[::-1], 3), np.uint8)))
    drawn = store.draw(2000, torch.Generator().manual_seed(1))
    beams = store.rays(drawn)
    for k, one in enumerate(many):
        mine = drawn.view == k
        expected = one.rays(drawn.pixel[mine])
        assert ((beams.directions[mine] - expected.directions).norm(dim=1) / (2 * expected.radius[:, 0])).max() < 0.01


def test_pictures_are_read_one_by_one_and_once():
    read: list[int] = []

    def listen(k: int) -> np.ndarray:
        read.append(k)
        return picture(k)

    PixelStore(replace(views(), read=listen), (0, 2, 3))
    assert read[-3:] == [0, 2, 3] and len(read) <= 4


def test_masks_that_leave_nothing():
    with pytest.raises(PinnsceneError, match="no pixel that counts"):
        PixelStore(replace(views(), read_mask=lambda k: np.zeros(SIZES[k][::-1], bool)))


def test_a_disk_without_room(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with pytest.raises(PinnsceneError, match="TMPDIR"):
        PixelStore(views(), budget=1)
