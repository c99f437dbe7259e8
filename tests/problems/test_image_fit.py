"""Fitting pictures: what is drawn, what is scored, and that a field gets there."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.plan import make_plan
from pinnscene.problems.image_fit import ImageFit
from pinnscene.problems.pixels import PixelSampler
from pinnscene.render.request import RenderRequest
from pinnscene.seeds import generator
from pinnscene.trainer import train
from pinnscene.views import FunctionField


def save(path: Path, *shape: int) -> str:
    """A picture of noise, height first."""
    Image.fromarray(np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)).save(path)
    return str(path)


def oracle(problem: ImageFit) -> FunctionField:
    """A field that is right at every pixel's centre."""
    return FunctionField(problem.reference, ("x", "y"), problem.values)


def fit(problem: ImageFit, steps: int, backbone: str | None = None, **knobs: float) -> Field:
    spec = problem.field("adam", backbone).override(None, knobs)
    plan = make_plan("adam", {"adam": {**problem.knobs()["adam"], "lr": 2e-3, "steps": steps}})
    solution = train(problem, spec, plan, device="cpu")
    assert isinstance(solution.field, Field)
    return solution.field


@pytest.fixture
def wide(tmp_path: Path) -> ImageFit:
    return ImageFit(data=save(tmp_path / "wide.png", 9, 14, 3), n=20)


def test_pixels_are_drawn_at_their_centres_with_their_colours(wide: ImageFit) -> None:
    batch = wide.constraints()["pixels"].sampler(generator(0, "test"))
    column, row = (batch.xy - 0.5).long().unbind(1)
    assert torch.equal(torch.stack([column, row], 1) + 0.5, batch.xy)
    np.testing.assert_array_equal(batch.colour, wide.picture.pixels[row, column])


def test_a_field_equal_to_the_picture_has_no_residual(wide: ImageFit) -> None:
    constraint = wide.constraints()["pixels"]
    batch = constraint.sampler(generator(0, "test"))
    (block,) = constraint.blocks("pixels", oracle(wide), batch)
    assert float(block.residual.abs().max()) < 1e-7
    assert wide.metrics(oracle(wide))["psnr"] > 100
    assert wide.metrics(oracle(wide))["ssim"] == pytest.approx(1)


def test_every_pixel_is_drawn_as_often_as_any_other(wide: ImageFit) -> None:
    sampler = wide.constraints()["pixels"].sampler
    draws = torch.cat([sampler(generator(k, "test")).xy for k in range(1500)])
    flat = (draws[:, 1] - 0.5) * 14 + draws[:, 0] - 0.5
    counts = torch.bincount(flat.long(), minlength=9 * 14).double()
    expected = 1500 * 20 / (9 * 14)
    assert (counts - expected).abs().max() < 6 * expected**0.5


def test_a_batch_of_at_least_all_pixels_is_all_pixels_once(wide: ImageFit) -> None:
    batch = ImageFit(data=wide.data, n=9 * 14).constraints()["pixels"].sampler(generator(0, "test"))
    assert len(batch.xy.unique(dim=0)) == len(batch) == 9 * 14


def test_the_same_stream_draws_the_same_pixels(wide: ImageFit) -> None:
    first, again, other = (wide.constraints()["pixels"].sampler(generator(s, "test")).xy for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_pixels_left_out_are_never_drawn_and_alone_are_scored(wide: ImageFit) -> None:
    problem = ImageFit(data=wide.data, heldout=0.5, n=20)
    out = {(x + 0.5, y + 0.5) for y, x in np.argwhere(~problem.trained)}
    assert len(out) == 9 * 14 // 2 == problem.metric_points()
    sampler = problem.constraints()["pixels"].sampler
    drawn = {tuple(xy) for k in range(300) for xy in sampler(generator(k, "test")).xy.tolist()}
    assert len(drawn) == 9 * 14 // 2
    assert not out & drawn

    def half_right(p: Points) -> torch.Tensor:
        kept = torch.from_numpy(problem.trained)[p.coords[:, 1].long(), p.coords[:, 0].long()]
        return torch.where(kept[:, None], problem.reference(p), problem.reference(p) / 2)

    u = FunctionField(half_right, ("x", "y"), problem.values)
    error = np.square(problem.picture.pixels[~problem.trained] / 2).mean()
    assert problem.metrics(u)["psnr"] == pytest.approx(-10 * np.log10(error), abs=1e-4)
    assert problem.monitor()[1](u) == pytest.approx(problem.metrics(u)["psnr"], abs=1e-4)


def test_splits_differ_by_their_seed(wide: ImageFit) -> None:
    first, again, other = (ImageFit(data=wide.data, heldout=0.5, split=s).trained for s in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_the_reference_says_whether_pixels_were_left_out(wide: ImageFit) -> None:
    assert wide.reference_info().kind == "fitted"
    assert ImageFit(data=wide.data, heldout=0.3).reference_info().kind == "held-out"


def test_a_mask_keeps_what_is_bright(tmp_path: Path, wide: ImageFit) -> None:
    keep = np.zeros((9, 14), np.uint8)
    keep[2:5, 3:9] = 255
    Image.fromarray(keep).save(tmp_path / "mask.png")
    problem = ImageFit(data=wide.data, mask=str(tmp_path / "mask.png"))
    assert (problem.trained == (keep > 0)).all()
    assert (problem.scored == (keep == 0)).all()
    assert problem.reference_info().kind == "held-out"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heldout": 1.0}, "heldout"),
        ({"heldout": -0.1}, "heldout"),
        ({"heldout": float("nan")}, "heldout"),
        ({"side": -1}, "side"),
        ({"n": 0}, "at least 1"),
        ({"image": "astronot"}, "did you mean astronaut"),
        ({"data": "missing.png"}, "there is no picture"),
        ({"mask": "small.png"}, "4x3 pixels, expected the 14x9"),
        ({"mask": "dark.png"}, "no pixel to train on"),
        ({"mask": "dark.png", "heldout": 0.5}, "both"),
    ],
)
def test_bad_options_are_told_in_one_line(
    tmp_path: Path, wide: ImageFit, options: dict[str, object], message: str
) -> None:
    Image.new("L", (4, 3), 255).save(tmp_path / "small.png")
    Image.new("L", (14, 9), 0).save(tmp_path / "dark.png")
    paths = {k: str(tmp_path / str(v)) for k, v in options.items() if k in ("data", "mask")}
    with pytest.raises(PinnsceneError, match=message) as caught:
        ImageFit(**{"data": None if "image" in options else wide.data, **options, **paths})  # pyright: ignore
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(9, 14, 3), (14, 9, 3), (8, 8)])
def test_both_axes_have_the_same_scale(tmp_path: Path, shape: tuple[int, ...]) -> None:
    problem = ImageFit(data=save(tmp_path / "a.png", *shape))
    lower, upper = problem.frame()
    assert upper[0] - lower[0] == upper[1] - lower[1] == max(shape[:2])
    assert all(a <= b for a, b in zip(lower, problem.domain.lower, strict=True))
    assert all(a >= b for a, b in zip(upper, problem.domain.upper, strict=True))


def test_a_tiny_picture_has_no_ssim_and_still_figures(tmp_path: Path) -> None:
    problem = ImageFit(data=save(tmp_path / "a.png", 1, 2, 4))
    assert set(problem.metrics(oracle(problem))) == {"psnr"}
    u = problem.field("adam").build(problem)
    assert all(path.is_file() for path in problem.figures(u, tmp_path / "figures"))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_figures_are_drawn_for_every_kind_of_picture(tmp_path: Path, channels: int) -> None:
    shape = (20, 30) if channels == 1 else (20, 30, channels)
    problem = ImageFit(data=save(tmp_path / "a.png", *shape), heldout=0.2)
    names = {path.name for path in problem.figures(problem.field("adam").build(problem), tmp_path / "figures")}
    assert names == {"fit.png", "derivatives.png", "superresolution.png", "reconstruction.png"}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == names


def test_the_rendering_of_a_perfect_field_is_the_picture(tmp_path: Path, wide: ImageFit) -> None:
    (path,) = wide.render(oracle(wide), RenderRequest(tmp_path / "out.png"))
    with Image.open(path) as image, Image.open(str(wide.data)) as original:
        assert image.tobytes() == original.tobytes()


@pytest.mark.parametrize("backbone", ["siren", "fourier"])
def test_a_small_picture_is_fitted(backbone: str) -> None:
    problem = ImageFit(image="astronaut", side=24, n=256)
    assert problem.metrics(fit(problem, 150, backbone, width=48))["psnr"] > 28


def test_gaps_are_filled_in() -> None:
    problem = ImageFit(image="circles", side=32, heldout=0.3, n=256)
    assert problem.metrics(fit(problem, 150, width=48, first=10.0))["psnr"] > 18


def test_pixels_move_to_a_device_once(wide: ImageFit) -> None:
    sampler = wide.constraints()["pixels"].sampler
    assert isinstance(sampler, PixelSampler)
    sampler(generator(0, "a"))
    moved = sampler._moved["cpu"]
    sampler(generator(1, "a"))
    assert sampler._moved["cpu"] is moved
