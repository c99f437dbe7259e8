"""Pictures come in as the numbers that went out, whatever the format, and bad ones are told in one line."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.pictures import BUILT_IN, Picture, built_in, load_picture


def noise(*shape: int, top: int = 256, kind: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, top, shape).astype(kind)


FORMATS = [("png", 1), ("png", 3), ("png", 4), ("tiff", 1), ("tiff", 3), ("tiff", 4), ("bmp", 1), ("webp", 4)]


@pytest.mark.parametrize(("ending", "channels"), FORMATS)
def test_eight_bits_come_back_exactly(tmp_path: Path, ending: str, channels: int) -> None:
    levels = noise(5, 7, channels)
    image = Image.fromarray(levels[:, :, 0] if channels == 1 else levels)
    image.save(tmp_path / f"a.{ending}", **({"lossless": True, "exact": True} if ending == "webp" else {}))
    picture = load_picture(tmp_path / f"a.{ending}")
    assert picture.size == (7, 5)
    assert picture.values == {1: ("grey",), 3: ("r", "g", "b"), 4: ("r", "g", "b", "a")}[channels]
    np.testing.assert_array_equal(np.round(picture.pixels * 255), levels)


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_sixteen_bit_grey_keeps_all_its_levels(tmp_path: Path, ending: str) -> None:
    levels = noise(4, 6, top=65536, kind="uint16")
    path = tmp_path / f"deep.{ending}"
    Image.fromarray(levels).save(path)
    picture = load_picture(path)
    assert picture.values == ("grey",)
    np.testing.assert_array_equal(np.round(picture.pixels[:, :, 0].astype(float) * 65535), levels)


def test_sixteen_bit_colours_are_read_at_eight_bits(tmp_path: Path) -> None:
    levels = noise(3, 4, 3, top=65536, kind=">u2")
    path = tmp_path / "deep.png"
    path.write_bytes(png(4, 3, b"".join(b"\0" + row.tobytes() for row in levels), depth=16))
    np.testing.assert_allclose(load_picture(path).pixels, levels / 65535, atol=1 / 255)


def png(width: int, height: int, raw: bytes, depth: int = 8, kind: int = 2) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_palettes_become_colours(tmp_path: Path) -> None:
    image = Image.fromarray(noise(6, 6, 3) // 64 * 64).quantize(16)
    image.save(tmp_path / "p.png")
    expected = np.asarray(image.convert("RGB"))
    picture = load_picture(tmp_path / "p.png")
    assert picture.values == ("r", "g", "b")
    np.testing.assert_array_equal(np.round(picture.pixels * 255), expected)


def test_a_transparent_palette_gets_an_alpha(tmp_path: Path) -> None:
    Image.fromarray(noise(6, 6, 3)).quantize(8).save(tmp_path / "p.gif", transparency=0)
    assert load_picture(tmp_path / "p.gif").values == ("r", "g", "b", "a")


def test_an_alpha_of_one_everywhere_is_dropped(tmp_path: Path) -> None:
    levels = noise(4, 4, 4)
    levels[..., 3] = 255
    Image.fromarray(levels).save(tmp_path / "a.png")
    assert load_picture(tmp_path / "a.png").values == ("r", "g", "b")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = noise(3, 5, 3)
    turned = {  # how a camera stores it, by the tag that says how to undo that
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, 3),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / "e.png", exif=exif)
    np.testing.assert_array_equal(np.round(load_picture(tmp_path / "e.png").pixels * 255), upright)


def make_bad(folder: Path, what: str) -> Path:
    path = folder / f"{what}.png"
    Image.fromarray(noise(64, 64, 3)).save(path)
    whole = path.read_bytes()
    if what == "missing":
        path.unlink()
    elif what == "folder":
        path.unlink()
        path.mkdir()
    elif what == "floats":
        path = path.with_suffix(".tiff")
        Image.fromarray(np.full((4, 4), 7.5, np.float32)).save(path)
    elif what == "nan":
        path = path.with_suffix(".tiff")
        Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(path)
    else:
        content = {
            "truncated": whole[: len(whole) // 2],
            "header": whole[:20],
            "text": b"this is no picture\n",
            "empty": b"",
            "sizeless": png(0, 0, b""),
            "flat": b"P5 4 0 255\n",
            "bomb": png(20_000, 20_000, b""),
            "warned": png(10_000, 10_000, b""),
            "scrambled": whole[:60] + bytes(200) + whole[260:],
        }
        path.write_bytes(content[what])
    return path


BAD = {
    "missing": "there is no picture", "folder": "folder", "truncated": "cannot read|truncated",
    "header": "picture", "text": "is no picture", "empty": "is no picture", "sizeless": "picture",
    "flat": "picture", "bomb": "million pixels", "warned": "million pixels", "scrambled": "cannot read",
    "floats": "7.5", "nan": "nan",
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_picture_is_told_in_one_line(tmp_path: Path, what: str) -> None:
    path = make_bad(tmp_path, what)
    with pytest.raises(PinnsceneError, match=BAD[what]) as caught:
        load_picture(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_pictures_have_the_size_asked_for(name: str) -> None:
    picture = built_in(name, 64)
    assert max(picture.size) == 64
    assert picture.pixels.min() >= 0
    assert picture.pixels.max() <= 1
    assert picture.name == name


def test_an_unknown_picture_is_answered_with_near_matches() -> None:
    with pytest.raises(PinnsceneError, match="did you mean astronaut"):
        built_in("astronot")


def test_shrinking_takes_means() -> None:
    levels = noise(8, 12, 3).astype(np.float32) / 255
    small = Picture(levels).shrunk(6)
    assert small.size == (6, 4)
    np.testing.assert_allclose(small.pixels, levels.reshape(4, 2, 6, 2, 3).mean((1, 3)), atol=1e-5)


def test_shrinking_never_enlarges() -> None:
    picture = Picture(np.zeros((3, 5, 1), np.float32))
    assert picture.shrunk(99) is picture
