"""Batches of rays from posed views."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.rays import RayBatch
from pinnscene.samplers import count
from pinnscene.scenes.viewstore import PixelStore

MOST = 1 << 20  # rays at a time


@dataclass(frozen=True)
class RaySampler:
    """Rays through pixels drawn evenly from all training views.

    Attributes:
        store, unseen: give the pixels to train on, and those of the views held out; called when first drawn from.
        near, far: the stretch of each ray.
        n: rays a step.
        background: a colour [3] from 0 to 1 to lay transparent pictures over; None for a random one for each ray,
            which tells a white thing from an empty place (Mueller et al. 2201.05989, section 5.4).
    """

    store: Callable[[], PixelStore]
    unseen: Callable[[], PixelStore]
    near: float
    far: float
    n: int
    background: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if count(self.n, "rays a step") > MOST:
            raise PinnsceneError(f"rays a step expected at most {MOST}, got {self.n}")

    def __call__(self, generator: torch.Generator) -> RayBatch:
        return self._drawn(self.store(), generator)

    def heldout(self, generator: torch.Generator) -> RayBatch:
        """Rays of views that no step is trained on."""
        return self._drawn(self.unseen(), generator)

    def _drawn(self, store: PixelStore, generator: torch.Generator) -> RayBatch:
        drawn = store.draw(self.n, generator)
        beams = store.rays(drawn)
        column = torch.ones(self.n, 1, dtype=torch.float64)
        jitter = torch.rand(self.n, 1, generator=generator, device=generator.device, dtype=torch.float64).cpu()
        behind = self._behind(generator)
        colour = over(drawn.colour, behind)
        depth = None if drawn.depth is None else drawn.depth[:, None].double()
        return RayBatch(*beams[:2], self.near * column, self.far * column, jitter, beams[2], behind, colour, depth)

    def _behind(self, generator: torch.Generator) -> Tensor:
        if self.background is not None:
            return torch.tensor(self.background, dtype=torch.float64).expand(self.n, 3)
        return torch.rand(self.n, 3, generator=generator, device=generator.device, dtype=torch.float64).cpu()


def over(seen: Tensor, behind: Tensor) -> Tensor:
    """Colours [n, 3] from 0 to 1 of bytes [n, 3 or 4], laid over a background [n, 3] where they are transparent."""
    colour = seen[:, :3].double() / 255
    if seen.shape[1] == 3:
        return colour
    opacity = seen[:, 3:].double() / 255
    return opacity * colour + (1 - opacity) * behind
