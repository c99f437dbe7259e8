"""Multiresolution grids: trained values on lattices from coarse to fine, interpolated (Mueller et al. 2201.05989).

A level whose lattice has more nodes than the table has rows is hashed into it: row = xor_a(i_a prime_a) mod rows
(eq. 4 there). Interpolation weights are polynomials of the coordinates (``kernels``), so derivatives to any order
that the kernel has are exact, of the nested engine and of jets alike.
"""

from collections.abc import Sequence
from itertools import product
from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from pinnscene.derivatives.jet import Jet, concatenate
from pinnscene.encodings.base import Encoding, encodings
from pinnscene.encodings.gather import gather
from pinnscene.encodings.kernels import KERNELS, Kernel
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.layers import stack

Interpolation = Literal["linear", "smoothstep", "quadratic", "cubic"]
Term = tuple[Tensor | float, tuple[int, ...]]  # a factor and the axes of a partial derivative
PRIMES = (1, 2_654_435_761, 805_459_861, 3_674_653_429)  # one an axis, Mueller et al., section 3
DENSE = 2**26  # rows of a level's lattice at most: 1 GiB with four features

LEVELS, FINEST = 64, 1 << 20  # single precision tells places in so many cells apart


class Level(nn.Module):
    """One lattice of ``cells`` cells along each axis of [-1, 1]^d, at most ``rows`` rows of ``features`` values."""

    offsets: Tensor

    def __init__(self, inputs: int, cells: int, features: int, rows: int, interpolation: str) -> None:
        super().__init__()
        self.kernel = KERNELS[interpolation]
        self.inputs, self.cells, self.side = inputs, cells, cells + self.kernel.taps - 1
        self.hashed = self.side**inputs > rows
        self.table = nn.Parameter(torch.zeros(rows if self.hashed else self.side**inputs, features))
        steps = product(range(self.kernel.taps), repeat=inputs)
        strides = [self.side ** (inputs - 1 - a) for a in range(inputs)]
        flat = [sum(s * stride for s, stride in zip(step, strides, strict=True)) for step in steps]
        # a hashed lattice has more nodes than numbers go to, and needs none
        self.register_buffer("offsets", torch.tensor([] if self.hashed else flat, dtype=torch.int32), persistent=False)
        self.strides = strides

    def place(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The table rows [n, taps^d] around points [n, d] of [-1, 1]^d, and where they lie in their cells [n, d]."""
        s = (x + 1) * (self.cells / 2)
        cell = s.detach().floor().clamp(0, self.cells - 1)
        return (self._hash(cell.long()) if self.hashed else self._flat(cell)), s - cell

    def _flat(self, cell: Tensor) -> Tensor:
        first = sum(cell[:, a].int() * stride for a, stride in enumerate(self.strides))
        return torch.as_tensor(first)[:, None] + self.offsets

    def _hash(self, cell: Tensor) -> Tensor:
        taps = torch.arange(self.kernel.taps, device=cell.device)
        row = cell.new_zeros(len(cell), 1)
        for a in range(self.inputs):
            key = (cell[:, a, None] + taps) * PRIMES[a]
            row = (row[:, :, None] ^ key[:, None, :]).flatten(1)
        return (row & (len(self.table) - 1)).int()

    def forward(self, x: Tensor, wanted: Sequence[Sequence[Term]]) -> Tensor:
        """Interpolated values and derivatives [streams, n, features] at x [n, d].

        ``wanted`` has for each stream its terms (factor, axes): the partial derivative to those axes, in units of x.
        """
        index, f = self.place(x)
        products = _Products(self.kernel, f)
        rate = self.cells / 2
        streams = [sum(products.partial(axes, c, rate ** len(axes)) for c, axes in terms) for terms in wanted]
        return gather(self.table, index, torch.stack([torch.as_tensor(s) for s in streams]))


class _Products:
    """Weights of all coefficients around points: products of those along the axes, shared where they can be."""

    def __init__(self, kernel: Kernel, f: Tensor) -> None:
        self.kernel, self.f = kernel, f
        self.known: dict[tuple[int, ...], Tensor] = {}

    def partial(self, axes: tuple[int, ...], c: Tensor | float, rate: float) -> Tensor:
        """C rate times the partial derivative to ``axes`` of the weights: [n, taps^d]."""
        orders = tuple(axes.count(a) for a in range(self.f.shape[1]))
        last = self._along(len(orders) - 1, orders[-1])
        if isinstance(c, Tensor) or c * rate != 1.0:
            last = last * (c * rate)  # on a few weights of one axis, not on the many products
        return last if len(orders) == 1 else _outer(self._product(orders[:-1]), last)

    def _product(self, orders: tuple[int, ...]) -> Tensor:
        if orders not in self.known:
            last = self._along(len(orders) - 1, orders[-1])
            self.known[orders] = last if len(orders) == 1 else _outer(self._product(orders[:-1]), last)
        return self.known[orders]

    def _along(self, axis: int, order: int) -> Tensor:
        return self.kernel.weights(self.f[:, axis], order)


def _outer(a: Tensor, b: Tensor) -> Tensor:
    return (a[:, :, None] * b[:, None, :]).flatten(1)


@encodings.register("grid")
class Grid(Encoding):
    """Dense lattices, with a geometric series of resolutions; the coordinates themselves come last.

    Attributes:
        levels: how many lattices.
        coarsest, finest: cells along each axis of the first and of the last.
        features: values a node.
        interpolation: linear, smoothstep, quadratic or cubic (B-splines). Second derivatives need cubic; linear is
            four times as fast in two dimensions and eight times in three.
        grow: the share of the steps over which finer levels join one by one, coarse to fine; 0 for all at once.
    """

    active: Tensor
    favours_jets = True
    towers = False  # a cubic spline has nothing to tell past its curvature
    rows = DENSE

    def __init__(
        self,
        inputs: int,
        *,
        levels: int = 4,
        coarsest: int = 16,
        finest: int = 128,
        features: int = 4,
        interpolation: Interpolation = "cubic",
        grow: float = 0.0,
    ) -> None:
        super().__init__()
        if not 1 <= inputs <= len(PRIMES):
            raise PinnsceneError(f"a grid has 1 to {len(PRIMES)} axes, got {inputs}: use fourier or siren there")
        if not (1 <= levels <= LEVELS and 1 <= features <= LEVELS and 1 <= coarsest <= finest <= FINEST):
            raise PinnsceneError(
                f"grid expected 1 to {LEVELS} levels and features and 1 <= coarsest <= finest <= {FINEST}, "
                f"got {levels}, {features}, {coarsest} and {finest}"
            )
        if not 0 <= grow <= 1:
            raise PinnsceneError(f"grow expected a share of the steps from 0 to 1, got {grow}")
        if interpolation not in KERNELS:
            raise unknown("interpolation", interpolation, KERNELS)
        self.cells = resolutions(levels, coarsest, finest)
        if self.rows == DENSE and max(self.cells) ** inputs > DENSE:
            raise PinnsceneError(
                f"a grid of {max(self.cells)} cells along {inputs} axes has over {DENSE} nodes: take encoding hash"
            )
        self.levels = stack(Level(inputs, n, features, self.rows, interpolation) for n in self.cells)
        self.features, self.grow = features, grow
        self.outputs = len(self.cells) * features + inputs
        self.register_buffer("active", torch.tensor(len(self.cells)))

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        if isinstance(a, Jet):
            return self._jet(a)
        x = a.clamp(-1, 1)
        return torch.cat([self._levels(x, [[(1.0, ())]])[0], a], -1)

    def _jet(self, a: Jet) -> Tensor | Jet:
        """An encoding stands first, so stream k of the coordinates moves along axis ``directions[k]`` alone."""
        streams, x = a.streams, a.value
        within = ((x >= -1) & (x <= 1)).to(x.dtype)  # outside, a grid is constant
        slope = {axis: (a.slopes[k] * within)[:, axis, None] for k, axis in enumerate(streams.directions)}
        wanted: list[list[Term]] = [[(1.0, ())]]
        wanted.extend([(slope[axis], (axis,))] for axis in streams.directions)
        for k, op in enumerate(streams.operators):
            first: list[Term] = [((a.merged[k] * within)[:, axis, None], (axis,)) for axis, _ in op.first]
            axes = streams.directions
            second: list[Term] = [(slope[axes[i]] * slope[axes[j]] * c, (axes[i], axes[j])) for i, j, c in op.second]
            wanted.append([*first, *second])
        return concatenate([Jet(self._levels(x.clamp(-1, 1), wanted), streams), a])

    def _levels(self, x: Tensor, wanted: Sequence[Sequence[Term]]) -> Tensor:
        """All levels beside each other [streams, n, levels * features]; those not yet in use are zero."""
        used = int(self.active)
        parts = [level(x, wanted) for level in self.levels[:used]]
        rest = x.new_zeros(len(wanted), len(x), (len(self.cells) - used) * self.features)
        return torch.cat([*parts, rest], -1)

    def attenuation(self, spread: Tensor) -> Tensor:
        """Erf(1 / (sqrt(2) cells spread)) a level: the share of a Gaussian in a cell (2304.06706, section 2)."""
        cells = spread.new_tensor(self.cells)
        share = torch.erf(1 / (cells * spread * sqrt(2)).clamp(min=1e-6))
        ones = spread.new_ones(len(spread), self.outputs - len(self.cells) * self.features)
        return torch.cat([share.repeat_interleave(self.features, 1), ones], 1)

    def refresh(self, share: float) -> None:
        """Coarse to fine: half of the levels at first, the others one by one; none is ever taken back."""
        if self.grow and int(self.active) < len(self.cells):
            half = len(self.cells) - len(self.cells) // 2
            grown = half + int((len(self.cells) - half + 1) * share / self.grow)
            self.active.fill_(min(len(self.cells), max(int(self.active), grown)))

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        self.active.fill_(len(self.cells) - len(self.cells) // 2 if self.grow else len(self.cells))
        for level in self.levels:
            table = level.table
            noise = torch.rand(*table.shape, generator=generator, device=generator.device, dtype=torch.float32)
            table.copy_((noise * 2 - 1) * 1e-4)


@encodings.register("hash")
class Hash(Grid):
    """Lattices of which those too large for a table are hashed into it: memory no longer grows with the cells.

    Attributes:
        levels, coarsest, finest, features, interpolation, grow: as of ``grid``.
        table: rows of a level's table at most, as a power of two: 17 for 131,072.
    """

    def __init__(
        self,
        inputs: int,
        *,
        levels: int = 8,
        coarsest: int = 16,
        finest: int = 512,
        features: int = 2,
        interpolation: Interpolation = "cubic",
        grow: float = 0.0,
        table: int = 17,
    ) -> None:
        if not 8 <= table <= 24:
            raise PinnsceneError(f"hash expected a table of 2^8 to 2^24 rows, got 2^{table}")
        self.rows = 2**table
        super().__init__(
            inputs,
            levels=levels,
            coarsest=coarsest,
            finest=finest,
            features=features,
            interpolation=interpolation,
            grow=grow,
        )


def resolutions(levels: int, coarsest: int, finest: int) -> list[int]:
    """``levels`` numbers of cells from ``coarsest`` to ``finest``, in a geometric series, none twice."""
    growth = (finest / coarsest) ** (1 / max(levels - 1, 1))
    cells = sorted({round(coarsest * growth**k) for k in range(levels)})
    return cells
