"""Pictures of fields of two coordinates whose outputs are brightnesses: grey, colours, or colours and alpha.

Pixel (i, j) of a picture of width w and height h stands for its centre: the share (i + 1/2) / w along the
first axis and (j + 1/2) / h along the second, which points down. A field is evaluated a strip of rows at a
time, so that a large picture takes the memory of its bytes and little more.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.files import replacing
from pinnscene.render.request import RenderRequest
from pinnscene.views import Differentiable

STRIP = 1 << 16  # points evaluated at a time
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of outputs
JPEG = {"quality": 95, "subsampling": 0}
ENDINGS: dict[str, dict[str, Any]] = {".png": {}, ".jpg": JPEG, ".jpeg": JPEG, ".tif": {}, ".tiff": {}}

Function = Callable[[Points], Tensor]


def pixel_centres(box: Box, size: tuple[int, int], first: int = 0, last: int | None = None) -> Points:
    """The centres of the pixels in rows ``first`` to ``last`` of a picture of ``box``, in float64."""
    if len(box.axes) != 2:
        raise PinnsceneError(f"a picture expected a box of 2 axes, got {', '.join(box.axes)}")
    places = ((0, size[0]), (first, size[1] if last is None else last))
    x, y = (
        low + (high - low) * (torch.arange(*place, dtype=torch.float64) + 0.5) / n
        for low, high, place, n in zip(box.lower, box.upper, places, size, strict=True)
    )
    return Points(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2), box.axes)


def strips(
    u: Differentiable, box: Box, size: tuple[int, int], f: Function | None = None
) -> Iterator[tuple[int, Tensor]]:
    """The values [rows, width, k] of a field, or of a function ``f`` of it such as a derivative, on the CPU.

    A strip of rows at a time, each with the number of its first row.
    """
    width, height = size
    device, dtype = getattr(u, "device", torch.device("cpu")), getattr(u, "dtype", torch.float64)
    rows = max(1, STRIP // width)
    for first in range(0, height, rows):
        p = pixel_centres(box, size, first, min(first + rows, height))
        with torch.no_grad():
            values = (f or u)(Points(p.coords.to(dtype), p.axes).to(device))
        yield first, values.cpu().unflatten(0, (-1, width))


def sample(u: Differentiable, box: Box, size: tuple[int, int], f: Function | None = None) -> np.ndarray:
    """A field, or a function of it, at the pixel centres of ``box``: [height, width, k] in float32."""
    return np.concatenate([strip.float().numpy() for _, strip in strips(u, box, size, f)])


def paint(
    u: Differentiable,
    box: Box,
    size: tuple[int, int],
    opaque: bool = False,
    progress: Callable[[float], None] = lambda share: None,
) -> Image.Image:
    """A field with values from 0 to 1 as a picture of 8 bits a channel; values outside are clamped.

    Args:
        u: a field of 1 output (grey), 3 (colours) or 4 (colours and alpha).
        box: what is seen of its plane.
        size: width and height in pixels.
        opaque: lay transparent colours over white.
        progress: told the share done.

    Raises:
        PinnsceneError: another number of outputs, or a picture larger than the memory.
    """
    if len(u.values) not in MODES:
        raise PinnsceneError(f"a picture expected a field of 1, 3 or 4 outputs, got {', '.join(u.values)}")
    flat = opaque and len(u.values) == 4
    try:
        image = Image.new("RGB" if flat else MODES[len(u.values)], size)
    except MemoryError:
        raise PinnsceneError(f"a picture of {size[0]}x{size[1]} does not fit into memory: ask for less") from None
    for first, strip in strips(u, box, size):
        values = strip.nan_to_num().clamp(0, 1)
        image.paste(_image(_over_white(values) if flat else values), (0, first))
        progress((first + len(strip)) / size[1])
    return image


def _over_white(values: Tensor) -> Tensor:
    colour, alpha = values.split((3, 1), -1)
    return alpha * colour + (1 - alpha)


def _image(values: Tensor) -> Image.Image:
    levels = (values * 255).round().to(torch.uint8).numpy()
    return Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels)


def render_picture(
    u: Differentiable, box: Box, request: RenderRequest, size: tuple[int, int], stem: str = "picture"
) -> list[Path]:
    """Write a field as a PNG, JPEG or TIFF file and return its path.

    Args:
        u: the field, see ``paint``.
        box: what is seen of its plane.
        request: names a file by its ending, or a folder.
        size: width and height in pixels where the request has none.
        stem: name of the PNG file in a folder.

    Raises:
        PinnsceneError: another ending, a field that is no picture, or a path that cannot be written.
    """
    path = request.out / f"{stem}.png" if not request.ending or request.out.is_dir() else request.out
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise PinnsceneError(f"a picture expected a folder or an ending of {', '.join(ENDINGS)}, got {request.out}")
    with replacing(path) as temporary:
        image = paint(u, box, request.size or size, ENDINGS[ending] is JPEG, request.progress)
        image.save(temporary, **ENDINGS[ending])
    return [path]
