"""Fields: points go in, values come out, in the problem's own units."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pinnscene.ansatz import Ansatz
from pinnscene.backbones import Backbone, Linear
from pinnscene.batch import Points, coordinates
from pinnscene.coefficients import Coefficient
from pinnscene.conditions import Condition
from pinnscene.conditions.bound import Conditional, Indifferent, check_code, join_code
from pinnscene.derivatives import Index, Jet, Operator, Streams, Tower, jet_of, nested, plan
from pinnscene.encodings import Encoding, TensorProduct
from pinnscene.encodings.separable import Places
from pinnscene.errors import PinnsceneError
from pinnscene.layers import Affine
from pinnscene.views import Differentiable, FunctionField, coefficient

Engine = Literal["auto", "jets", "nested"]
CACHED = 2**18  # features at a time where no gradient is kept: as many as stay in a processor's cache


class Field(nn.Module, Conditional, Differentiable):
    """encoding + backbone + linear last layer, coordinates normalised, wrapped by the problem's ansatz.

    Attributes:
        axes, values: names of coordinates and outputs.
        engine: "jets", "nested", or "auto": jets from second order on, and for first order whichever has less to do.
        params: coefficients for ``param``; those to be found are trained with the field.
        condition: gives the codes of a family of fields; such a field is called through ``bind``.
    """

    centre: Tensor
    extent: Tensor

    def __init__(
        self,
        axes: tuple[str, ...],
        values: tuple[str, ...],
        lower: Sequence[float],
        upper: Sequence[float],
        encoding: Encoding,
        backbone: Backbone,
        ansatz: Ansatz | None = None,
        params: dict[str, Any] | None = None,
        engine: Engine = "auto",
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        self.axes, self.values, self.engine = axes, values, engine
        self.encoding, self.backbone, self.condition = encoding, backbone, condition
        self.ansatz, self.params = ansatz or Ansatz(), params or {}
        self.head = Affine(self.features, len(values), backbone.biased)
        self.found = nn.ModuleDict({k: c for k, c in self.params.items() if isinstance(c, Coefficient)})
        low, high = torch.tensor(lower, dtype=torch.float64), torch.tensor(upper, dtype=torch.float64)
        self.register_buffer("centre", (low + high) / 2)
        self.register_buffer("extent", (high - low) / 2)

    def reset(self, generator: torch.Generator) -> None:
        """Draw every weight for gradient training."""
        self.encoding.reset(generator)
        self.backbone.reset(generator)
        self.backbone.reset_head(self.head, generator)
        if self.condition is not None:
            self.condition.reset(generator)

    @torch.no_grad()
    def redraw(self, scales: Tensor, generator: torch.Generator) -> None:
        """Draw random features that turn by up to ``scales`` [d] radians over half an axis; the head is zeroed."""
        if self.condition is not None:
            raise PinnsceneError("a family of fields has no random features to draw: train it with adam")
        spent = self.encoding.redraw(scales, generator)
        self.backbone.redraw(None if spent else self.encoding.coordinates(scales), generator)
        self.head.weight.zero_()
        self.head.bias.zero_()

    def refresh(self, share: float) -> None:
        """Let the encoding grow with training, of which ``share`` is done."""
        self.encoding.refresh(share)

    @property
    def unknowns(self) -> dict[str, Coefficient]:
        """The coefficients that are to be found, by name."""
        return {name: c for name, c in self.found.items() if isinstance(c, Coefficient)}

    @property
    def pointwise(self) -> bool:
        """Whether its values follow from points alone, without a code or a direction."""
        return self.condition is None

    @property
    def random(self) -> bool:
        """Whether features can be drawn at a scale of choice."""
        return self.backbone.random or self.encoding.random

    @property
    def separable(self) -> bool:
        """Whether the field is a sum of products of functions of one axis each."""
        plain = self.condition is None and self.ansatz.sides is None
        return plain and isinstance(self.encoding, TensorProduct) and isinstance(self.backbone, Linear)

    def places(self, x: Tensor) -> Places:
        """Where points x [n, d] lie in the lattice of a separable field."""
        assert isinstance(self.encoding, TensorProduct)
        return Places(self.encoding, (x - self.centre) / self.extent)

    def sums(self, places: Places, weight: Tensor, indices: Sequence[Index]) -> list[Tensor]:
        """The network's partial derivatives [n, k] at ``places`` for weights [k, m] of the last layer."""
        parts = places.sums(weight, indices, self.chunk)
        rates = [self.ansatz.scale / float(self.extent[list(index)].prod()) for index in indices]
        return [rate * part for rate, part in zip(rates, parts, strict=True)]

    def _sums(self, x: Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        tower = Tower.plan(operators)
        jet = jet_of(torch.stack(self.sums(self.places(x), self.head.weight, tower.indices)), tower)
        return tower.answers(self._dressed(jet, x, tower).data)

    def resize_head(self) -> None:
        """A new last layer, zero, after the backbone has been exchanged."""
        head = Affine(self.features, len(self.values), self.backbone.biased).to(self.head.weight)
        self.head, self.backbone = head, self.backbone.to(head.weight)

    @property
    def features(self) -> int:
        """How many the last layer takes: those of the backbone, once for each side where there is an interface."""
        sides, backbone = self.ansatz.sides, self.backbone
        return backbone.outputs if sides is None else sides.count(backbone.outputs, backbone.beyond)

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.head.weight.dtype

    @property
    def chunk(self) -> int:
        """Points to evaluate at a time: few that stay in the cache of a CPU, many on a GPU."""
        return max(128, (CACHED if self.device.type == "cpu" else 256 * CACHED) // self.features)

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return coefficient(self.params, name, p, self.axes, along)

    def forward(self, p: Points | Tensor) -> Tensor:
        return self.derivatives(p, [{(): 1.0}])[0]

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return self.answers(p, operators, None)

    def answers(self, p: Points | Tensor, operators: Sequence[Operator], code: Tensor | None) -> list[Tensor]:
        """``derivatives`` under a code (see ``bind``); None for a field without a condition."""
        x = self._coordinates(p)
        check_code(self.condition, code, len(x))
        if self.separable and not x.requires_grad and self.engine != "nested":
            return self._sums(x, operators)
        if len(x) > self.chunk and not torch.is_grad_enabled():
            return self._in_chunks(x, operators, code)
        order = max(len(index) for op in operators for index in op)
        if order == 0:
            value = self._value(x, code)
            return [op[()] * value for op in operators]
        if self._engine(order, operators, x) == "nested":
            return nested(lambda x: self._value(x, code), x, operators)
        streams = plan(operators)
        return streams.answers(self._jet(x, streams, code).data)

    def _engine(self, order: int, operators: Sequence[Operator], x: Tensor) -> str:
        """The engine to take: the one that was set, or the faster one (``benchmarks/derivatives.py``)."""
        if x.requires_grad or (order > 2 and not self.encoding.towers):
            return "nested"
        if self.engine == "auto" and order == 1 and not self.encoding.favours_jets:
            # one reverse sweep an output, against one stream a direction
            directions = {axis for op in operators for index in op for axis in index}
            return "nested" if len(self.values) < len(directions) else "jets"
        return "nested" if self.engine == "nested" else "jets"

    def _in_chunks(self, x: Tensor, operators: Sequence[Operator], code: Tensor | None) -> list[Tensor]:
        k, n = self.chunk, len(x)
        parts = []
        for rows in (slice(s, s + k) for s in range(0, n, k)):
            own = code[rows] if code is not None and code.ndim == 2 else code
            parts.append(self.answers(x[rows], _rows(operators, rows, n), own))
        return [torch.cat(column) for column in zip(*parts, strict=True)]

    def lift(self) -> Differentiable:
        """The field with a network that is zero: the ansatz's lift."""
        return self._lift() if self.condition is None else Indifferent(self, self._lift())

    def _lift(self) -> Differentiable:
        lift = self.ansatz.lift
        if isinstance(lift, Differentiable):
            return lift
        shape = len(self.values)
        zero = lambda p: p.coords.new_zeros(len(p), shape)
        part = (lambda p: zero(p) + lift(p)) if lift is not None else zero
        return FunctionField(part, self.axes, self.values, self.params)

    def feature_derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        """What the last layer is multiplied by, one [n, m + 1] an operator, the bias last where there is one.

        With the lift g of the ansatz, u_op = g_op + features_op W.
        """
        x = self._coordinates(p)
        check_code(self.condition, None, len(x))
        streams = plan(operators)
        if isinstance(streams, Tower) and not self.encoding.towers:
            raise PinnsceneError("this encoding has features to second order only: take another, or adam")
        features = self._features(self._start(x, streams), None, x)
        assert isinstance(features, Jet)
        features = features.with_one() if self.backbone.biased else features
        features = jet_of(features.data * self.ansatz.scale, streams)
        factor = self._extra("factor", self.ansatz.factor, x, streams)
        return streams.answers((features if factor is None else features * factor).data)

    def _coordinates(self, p: Points | Tensor) -> Tensor:
        return coordinates(p, len(self.axes)).to(self.dtype)

    def _features(self, a: Tensor | Jet, code: Tensor | None, x: Tensor) -> Tensor | Jet:
        features = self.backbone(join_code(self.encoding(a), code))
        sides = self.ansatz.sides
        return features if sides is None else sides.parted(features, x, self.backbone.beyond)

    def _value(self, x: Tensor, code: Tensor | None) -> Tensor:
        n = self.head(self._features((x - self.centre) / self.extent, code, x)) * self.ansatz.scale
        points = Points(x, self.axes)
        if self.ansatz.factor is not None:
            n = self._part("factor", self.ansatz.factor, points) * n
        return n if self.ansatz.lift is None else self._part("lift", self.ansatz.lift, points) + n

    def _part(self, name: str, part: Callable[[Any], Tensor], p: Points) -> Tensor:
        value = part(p)
        columns = {1, len(self.values)} if name == "lift" else {1}
        if not isinstance(value, Tensor) or value.ndim != 2 or len(value) != len(p) or value.shape[1] not in columns:
            got = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise PinnsceneError(f"the ansatz's {name} expected to return [{len(p)}, {max(columns)}], got {got}")
        return value.to(self.dtype)

    def _start(self, x: Tensor, streams: Streams | Tower) -> Jet:
        scale = 1 / self.extent
        data = streams.start(x) * scale
        return jet_of(torch.cat([data[:1] - self.centre * scale, data[1:]]), streams)

    def _jet(self, x: Tensor, streams: Streams | Tower, code: Tensor | None) -> Jet:
        jet = jet_of(self.head(self._features(self._start(x, streams), code, x)).data * self.ansatz.scale, streams)
        return self._dressed(jet, x, streams)

    def _dressed(self, jet: Jet, x: Tensor, streams: Streams | Tower) -> Jet:
        """The jet of the field from that of its network: the ansatz around it."""
        factor = self._extra("factor", self.ansatz.factor, x, streams)
        lift = self._extra("lift", self.ansatz.lift, x, streams)
        jet = jet if factor is None else jet * factor
        return jet if lift is None else jet_of(jet.data + lift.data, streams)

    def _extra(
        self, name: str, part: Callable[[Any], Tensor] | None, x: Tensor, streams: Streams | Tower
    ) -> Jet | None:
        """The jet of the ansatz's factor or lift."""
        if part is None:
            return None
        checked = lambda p: self._part(name, part, p)
        seen = part if isinstance(part, Differentiable) else FunctionField(checked, self.axes)
        answers = seen.derivatives(Points(x, self.axes), streams.questions())
        return jet_of(torch.stack(answers).to(self.dtype), streams)


def _rows(operators: Sequence[Operator], rows: slice, n: int) -> list[Operator]:
    """The operators at some of n points: coefficients may have a row for each."""
    return [
        {i: c[rows] if isinstance(c, Tensor) and c.ndim and len(c) == n else c for i, c in op.items()}
        for op in operators
    ]
