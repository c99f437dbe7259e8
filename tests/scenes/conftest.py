"""Shared helpers: places to ask shapes about, and files that are written for them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def places() -> Callable[..., NDArray[np.float64]]:
    """``places(n, size)``: n points [n, 3] of a cube about the origin, up to ``size`` along each axis."""
    return lambda n=300, size=1.5: np.random.default_rng(1).uniform(-size, size, (n, 3))


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes | str, str], Path]:
    """``written(content, name)``: a file of that content."""

    def write(content: bytes | str, name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
