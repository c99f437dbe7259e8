"""Tensor products of one-dimensional bases: spectral and spline features, with nothing random in them."""

from collections.abc import Iterator
from functools import reduce
from math import ceil, prod

import torch
from torch import Tensor

from pinnscene.bases import bases
from pinnscene.bases.waves import Waves
from pinnscene.derivatives import Index, Jet, Taylor
from pinnscene.encodings.base import Encoding, encodings
from pinnscene.errors import PinnsceneError
from pinnscene.knobs import convert
from pinnscene.layers import stack

MOST = 2**20  # products of all axes
LONGEST = 2048  # functions of one axis: the nodes of more take minutes to find


@encodings.register("tensor")
class TensorProduct(Encoding):
    """Products of one function of each axis: phi_i(x) psi_j(t) for all i and j.

    Attributes:
        basis: of each axis, or one for all: chebyshev, spline, periodic-spline, fourier, sine or cosine.
        modes: functions of each axis, or one number for all, such as 64,8.
        oversample: points of an axis to each of its functions, where a solver fits them on points of their own.
    """

    favours_jets = True

    def __init__(self, inputs: int, *, basis: str = "chebyshev", modes: str = "8", oversample: float = 1.5) -> None:
        super().__init__()
        self.names = each("basis", basis, inputs)
        self.modes = tuple(convert("field knob modes", m, int) for m in each("modes", modes, inputs))
        self.outputs = prod(self.modes)
        if min(self.modes) < 1 or max(self.modes) > LONGEST or self.outputs > MOST:
            raise PinnsceneError(
                f"tensor expected 1 to {LONGEST} modes an axis and {MOST} products at most, got {modes}"
            )
        if not 1 <= oversample <= 16:
            raise PinnsceneError(f"tensor expected oversample from 1 to 16, got {oversample}")
        self.oversample = oversample
        self.bases = stack(bases[name](m) for name, m in zip(self.names, self.modes, strict=True))
        self.waves = all(isinstance(basis, Waves) for basis in self.bases[:-1])

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        if not isinstance(a, Jet):
            return self.features(a, ())
        if isinstance(a, Taylor):
            return Taylor(torch.stack(list(self._tower(a))), a.streams)
        return Jet(torch.stack(list(self._merged(a))), a.streams)

    def describe(self) -> str:
        axes = (f"{m} {name}" for m, name in zip(self.modes, self.names, strict=True))
        return f"products of {' and '.join(axes)} functions"

    def lines(self) -> list[Tensor]:
        """Points of each axis in (-1, 1) on whose lattice the products are told apart well."""
        return [basis.nodes(ceil(self.oversample * basis.count)) for basis in self.bases]

    def features(self, x: Tensor, index: Index) -> Tensor:
        """A partial derivative of every product at x [n, inputs], to these coordinates: [n, outputs]."""
        tables = [basis.table(x[:, axis], index.count(axis)) for axis, basis in enumerate(self.bases)]
        return reduce(lambda a, b: (a[:, :, None] * b[:, None, :]).flatten(1), tables)

    # An encoding stands first: each first derivative of the coordinates moves along its own axis alone.

    def _tower(self, a: Taylor) -> Iterator[Tensor]:
        parts = list(zip(a.streams.indices, a.data, strict=True))
        rate = {index[0]: part[:, index[0], None] for index, part in parts if len(index) == 1}
        for index, _ in parts:
            yield reduce(lambda f, axis: rate[axis] * f, index, self.features(a.value, index))

    def _merged(self, a: Jet) -> Iterator[Tensor]:
        x, streams = a.value, a.streams
        rate = {axis: a.slopes[k][:, axis, None] for k, axis in enumerate(streams.directions)}
        values = self.features(x, ())
        yield values
        for axis in streams.directions:
            yield rate[axis] * self.features(x, (axis,))
        for k, op in enumerate(streams.operators):
            terms = [a.merged[k][:, axis, None] * self.features(x, (axis,)) for axis, _ in op.first]
            for i, j, c in op.second:
                m, n = sorted((streams.directions[i], streams.directions[j]))
                terms.append(rate[m] * rate[n] * c * self.features(x, (m, n)))
            yield sum(terms[1:], terms[0]) if terms else torch.zeros_like(values)  # of a multiple of the value


def each(what: str, text: str, count: int) -> list[str]:
    """The entries of a list in text, one an axis; a single one stands for all."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (1, count):
        raise PinnsceneError(f"{what} expected 1 or {count} entries separated by commas, got '{text}'")
    return parts * count if len(parts) == 1 else parts
