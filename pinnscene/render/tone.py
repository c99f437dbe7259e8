"""Light to bytes: a tone curve, sRGB, and colour maps in linear light."""

import numpy as np
import torch
from matplotlib import colormaps
from numpy.typing import NDArray
from torch import Tensor

EXPOSURE = 0.6
A, B, C, D, E = 2.51, 0.03, 2.43, 0.59, 0.14  # of the film curve
SIGNED = "RdBu_r"


def curve(light: Tensor) -> Tensor:
    """Narkowicz's fit of the ACES film curve ("ACES filmic tone mapping curve", 2015) at an exposure of 0.6."""
    x = EXPOSURE * light.clamp_min(0)
    return (x * (A * x + B) / (x * (C * x + D) + E)).clamp(0, 1)


def uncurve(shown: Tensor) -> Tensor:
    """The light that the curve shows as ``shown``, from 0 to below 1: the positive root of its quadratic."""
    a, b, c = A - shown * C, B - shown * D, -shown * E
    return ((b.square() - 4 * a * c).sqrt() - b) / (2 * a * EXPOSURE)


def encode(linear: Tensor) -> Tensor:
    """Linear light from 0 to 1 in sRGB (IEC 61966-2-1)."""
    x = linear.clamp(0, 1)
    return torch.where(x <= 0.0031308, 12.92 * x, 1.055 * x.clamp_min(0.0031308).pow(1 / 2.4) - 0.055)


def decode(shown: Tensor) -> Tensor:
    """Values of sRGB from 0 to 1 as linear light."""
    return torch.where(shown <= 0.04045, shown / 12.92, ((shown.clamp_min(0.04045) + 0.055) / 1.055).pow(2.4))


def to_bytes(linear: Tensor) -> NDArray[np.uint8]:
    """Linear light [..., 3] in 8 bits of sRGB."""
    return (encode(linear) * 255).round().to(torch.uint8).cpu().numpy()


def mapped(values: Tensor, low: float, high: float, name: str = SIGNED) -> Tensor:
    """Values [n] through a colour map from ``low`` to ``high``, as linear light [n, 3]."""
    table = torch.from_numpy(colormaps[name](np.linspace(0, 1, 1024))[:, :3]).float().to(values.device)
    share = ((values.float() - low) / max(high - low, 1e-30)).nan_to_num(0.5).clamp(0, 1)
    return decode(table[(share * 1023).round().long()])
