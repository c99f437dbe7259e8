"""Rays: cameras, batches, and what light does along them."""

from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.lens import PINHOLE, Lens
from pinnscene.rays.posed import Beams, PosedCamera

__all__ = ["PINHOLE", "Beams", "Lens", "PosedCamera", "RayBatch"]
