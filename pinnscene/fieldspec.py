"""The description of a field: plain data, from which it can be built again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import torch

from pinnscene.backbones import backbones
from pinnscene.encodings import encodings
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.field import Engine, Field
from pinnscene.kinds import kinds
from pinnscene.knobs import convert_all, knobs_of
from pinnscene.memory import expect_room
from pinnscene.seeds import generator

if TYPE_CHECKING:
    from pinnscene.problem import Problem

TRAINED = 16  # bytes a number in single precision: itself, its slope and what Adam remembers of it
# A preset of --backbone is an encoding and a backbone with knobs of their own.
PRESETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "siren": ("none", "siren", {}),
    "fourier": ("fourier", "mlp", {"activation": "gelu"}),
    "mlp": ("none", "mlp", {}),
    "grid": ("grid", "mlp", {"activation": "softplus"}),
    "hash": ("hash", "mlp", {"activation": "softplus"}),
    "tensor": ("tensor", "linear", {}),
}


@dataclass(frozen=True)
class FieldSpec:
    """A field by name and knobs, such as ``FieldSpec("siren", knobs={"width": 128})``.

    Attributes:
        backbone: a preset (siren, fourier, mlp, grid, hash) or any registered backbone.
        encoding: any registered encoding; the preset's own where None.
        engine: the derivative engine: auto, jets or nested.
        knobs: keyword arguments of the encoding, the backbone and the kind (``pinnscene info`` lists them).
        kind: what the field is: plain, or a kind with parts of its own, such as radiance.
    """

    backbone: str = "siren"
    encoding: str | None = None
    engine: Engine = "auto"
    knobs: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "plain"

    def resolve(self) -> "FieldSpec":
        """The same with every name checked, the preset spelled out and the knobs converted."""
        if self.engine not in get_args(Engine):
            raise unknown("derivative engine", self.engine, get_args(Engine))
        hints = self._hints()
        encoding, _, preset = PRESETS.get(self.backbone, ("none", self.backbone, {}))
        encoding = self.encoding or encoding
        own = {name: value for name, value in preset.items() if name in hints}
        knobs = convert_all("field knob", own | dict(self.knobs), hints)
        return replace(self, encoding=encoding, knobs=knobs)

    def override(self, encoding: str | None, given: Mapping[str, Any]) -> "FieldSpec":
        """The same with another encoding, and knobs from ``--set field.NAME=value``."""
        given = dict(given)
        if encoding not in (None, self.encoding):  # the knobs of the encoding that was to be are of no use
            known = knobs_of(backbones[_backbone(self.backbone)]) | knobs_of(kinds[self.kind])
            return replace(self, encoding=encoding, knobs={k: v for k, v in self.knobs.items() if k in known}).override(
                None, given
            )
        spec = replace(self, engine=given.pop("engine", self.engine), encoding=encoding or self.encoding)
        return replace(spec, knobs={**spec._fitting(), **given}).resolve()

    def _fitting(self) -> dict[str, Any]:
        """The knobs without those that only other layers have, such as a width where nothing is wide."""
        own, others = (
            self._hints(),
            {k for makes in (encodings, backbones) for name in makes for k in knobs_of(makes[name])},
        )
        return {k: v for k, v in self.knobs.items() if k in own or k not in others}

    def _hints(self) -> dict[str, Any]:
        """The knobs that there are, with their annotations; every name is checked."""
        if self.kind not in kinds:
            raise unknown("kind of field", self.kind, kinds)
        known = {*PRESETS, *backbones}
        if self.backbone not in known:
            raise unknown("backbone", self.backbone, known)
        encoding, backbone, _ = PRESETS.get(self.backbone, ("none", self.backbone, {}))
        return (
            knobs_of(encodings[self.encoding or encoding]) | knobs_of(backbones[backbone]) | knobs_of(kinds[self.kind])
        )

    def build(self, problem: "Problem", seed: int = 0) -> Field:
        """The untrained field of ``problem``, drawn from ``seed``, in float64 on the CPU (a phase casts it).

        Raises:
            PinnsceneError: knobs that are out of range, or a field that is too large to be trained in the free memory.
        """
        count = self._count(problem)
        expect_room(f"a field of {count:.3g} numbers", TRAINED * count, "take a smaller one, such as less field.width")
        built = self._made(problem).double()
        built.reset(generator(seed, "field"))
        return built

    def _count(self, problem: "Problem") -> int:
        """The parameters, counted on a copy that has shapes alone; 0 where a part cannot be made without values."""
        try:
            with torch.device("meta"):
                return sum(p.numel() for p in self._made(problem).parameters())
        except (RuntimeError, NotImplementedError):
            return 0

    def _made(self, problem: "Problem") -> Field:
        """The field with its weights still to be drawn."""
        spec, domain = self.resolve(), problem.domain
        if not problem.values:
            raise PinnsceneError(f"{type(problem).__name__} must name its outputs, such as values = ('u',)")
        make_encoding, make_backbone = encodings[str(spec.encoding)], backbones[_backbone(spec.backbone)]
        own, other = knobs_of(make_encoding), knobs_of(make_backbone)
        encoding = make_encoding(len(domain.axes), **{k: v for k, v in spec.knobs.items() if k in own})
        given = problem.condition()
        condition = None if given is None else given.build()
        inputs = encoding.outputs + (0 if condition is None else condition.size)
        backbone = make_backbone(inputs, **{k: v for k, v in spec.knobs.items() if k in other})
        lower, upper = problem.frame()
        kind = kinds[spec.kind]
        return kind(
            domain.axes,
            problem.values,
            lower,
            upper,
            encoding,
            backbone,
            problem.ansatz(),
            problem.params(),
            spec.engine,
            condition,
            **{k: v for k, v in spec.knobs.items() if k in knobs_of(kind)},
        )


def _backbone(name: str) -> str:
    return PRESETS[name][1] if name in PRESETS else name
