"""What COLMAP's files hold, text or binary."""

from typing import NamedTuple


class CameraRecord(NamedTuple):
    """A camera: its number, model, width and height, and the model's parameters."""

    number: int
    model: str
    size: tuple[int, int]
    params: tuple[float, ...]


class ImageRecord(NamedTuple):
    """A picture: its name, world to camera as a quaternion w, x, y, z and a shift, and its camera's number."""

    name: str
    turn: tuple[float, ...]
    shift: tuple[float, ...]
    camera: int
