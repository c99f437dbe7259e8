"""The configuration of a run: plain data, enough to build problem, field and plan again."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from hashlib import sha256
from pathlib import Path
from typing import Any

import tomli_w

from pinnscene.checkpoints import checkpoints
from pinnscene.constraint import Constraint
from pinnscene.emphasis import Emphasis
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.fieldspec import FieldSpec
from pinnscene.knobs import convert
from pinnscene.plan import Phase, expect_reachable, make_phase
from pinnscene.problem import Problem
from pinnscene.samplers import knob_of, with_knob
from pinnscene.state import Budget

SCHEMA = 1


@dataclass(frozen=True)
class Config:
    """What a run is made of.

    Attributes:
        problem: registered name, or FILE.py:Class.
        options: of the problem, plain.
        field, plan: the field's description and the phases.
        constraints: knobs of constraints by name (n, points, weight).
        seed, device, budget: as in ``train``.
        windows: of t to solve one after the other, where others than the problem's own.
        emphasis: loss balancing, causal weights and adaptive points.
        data: path, size and SHA-256 of each data file or folder among the options, by option.
    """

    problem: str
    options: Mapping[str, Any]
    field: FieldSpec
    plan: tuple[Phase, ...]
    constraints: Mapping[str, Mapping[str, Any]] = dataclass_field(default_factory=dict)
    seed: int = 0
    device: str = "auto"
    budget: Budget = dataclass_field(default_factory=Budget)
    data: Mapping[str, Mapping[str, Any]] = dataclass_field(default_factory=dict)
    windows: int | None = None
    emphasis: Emphasis = dataclass_field(default_factory=Emphasis)

    def __post_init__(self) -> None:
        expect_reachable(self.plan, self.budget.tol)
        self.emphasis.check(self.plan)

    def dumps(self) -> str:
        """The configuration as TOML."""
        spec = self.field.resolve()
        return tomli_w.dumps(
            {
                "schema": SCHEMA,
                "problem": self.problem,
                "seed": self.seed,
                "device": self.device,
                **_present({"max_seconds": self.budget.seconds, "tol": self.budget.tol, "windows": self.windows}),
                "options": dict(self.options),
                "field": {
                    "backbone": spec.backbone,
                    "encoding": spec.encoding,
                    "engine": spec.engine,
                    "knobs": dict(spec.knobs),
                    **({} if spec.kind == "plain" else {"kind": spec.kind}),
                },
                "plan": [phase.describe() for phase in self.plan],
                "constraints": {k: dict(v) for k, v in self.constraints.items()},
                **self.emphasis.describe(),
                "data": {k: dict(v) for k, v in self.data.items()},
            }
        )

    @classmethod
    def read(cls, path: Path) -> "Config":
        """The configuration in a file; raises ``PinnsceneError`` where it cannot be read."""
        try:
            return cls.loads(path.read_text(encoding="utf-8"), str(path))
        except OSError as cause:
            raise PinnsceneError(f"cannot read {path}: {cause.strerror or cause}") from cause
        except UnicodeDecodeError as cause:
            raise PinnsceneError(f"{path} is not TOML: it is no text in UTF-8") from cause

    @classmethod
    def loads(cls, text: str, where: str = "config.toml") -> "Config":
        """The configuration of TOML text; raises ``PinnsceneError`` where it is damaged or of a newer schema."""
        try:
            raw = tomllib.loads(text)
            if raw.get("schema", SCHEMA) > SCHEMA:
                raise PinnsceneError(
                    f"{where} has schema {raw['schema']}, newer than this pinnscene's {SCHEMA}: upgrade pinnscene"
                )
            spec = raw["field"]
            return cls(
                raw["problem"],
                raw["options"],
                FieldSpec(
                    spec["backbone"], spec["encoding"], spec["engine"], spec["knobs"], spec.get("kind", "plain")
                ).resolve(),
                tuple(_phase(entry) for entry in raw["plan"]),
                raw.get("constraints", {}),
                convert(f"{where}: seed", raw["seed"], int),
                convert(f"{where}: device", raw["device"], str),
                Budget(raw.get("max_seconds"), raw.get("tol")),
                raw.get("data", {}),
                convert(f"{where}: windows", raw.get("windows"), int | None),
                Emphasis.read(raw),
            )
        except tomllib.TOMLDecodeError as cause:
            raise PinnsceneError(f"{where} is not TOML: {cause}") from cause
        except (KeyError, TypeError, AttributeError) as cause:
            raise PinnsceneError(f"{where} is incomplete or damaged: {cause!r}") from cause


def _phase(entry: Mapping[str, Any]) -> Phase:
    return make_phase(entry["solver"], {k: v for k, v in entry.items() if k != "solver"})


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if v is not None}


def fingerprint(path: Path) -> dict[str, Any]:
    """A data file's path, size and SHA-256; of a folder also the number of its files.

    A folder's SHA-256 is that of its files one after the other in the order of their names, each as name, size and
    content; its size is theirs together. Files and folders whose names begin with a dot do not count. Of a run count
    its configuration and its newest checkpoint: what its field is made from.
    """
    digest = sha256()
    if not path.is_dir():
        for chunk in _chunks(path):
            digest.update(chunk)
        return {"path": str(path.resolve()), "size": path.stat().st_size, "sha256": digest.hexdigest()}
    files, size = files_of(path), 0
    for name, file in files.items():
        length = file.stat().st_size
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + str(length).encode() + b"\0")
        for chunk in _chunks(file):
            digest.update(chunk)
        size += length
    return {"path": str(path.resolve()), "size": size, "files": len(files), "sha256": digest.hexdigest()}


def files_of(folder: Path) -> dict[str, Path]:
    """The files in a folder and below by their names seen from it, in order; hidden ones and runs are left out.

    Of a run itself its configuration and its newest checkpoint.
    """
    runs = {path.parent for path in folder.rglob("config.toml") if (path.parent / "checkpoints").is_dir()}
    if folder in runs:
        newest = checkpoints(folder / "checkpoints")[-1:]
        files = [folder / "config.toml", *(file for path in newest for file in path.iterdir())]
    else:
        files = [file for file in folder.rglob("*") if file.is_file() and not runs & set(file.parents)]
    found = {file.relative_to(folder).as_posix(): file for file in files}
    return {name: found[name] for name in sorted(found) if not any(p.startswith(".") for p in name.split("/"))}


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def tuned(problem: Problem, knobs: Mapping[str, Mapping[str, Any]]) -> dict[str, Constraint]:
    """The problem's constraints with ``--set NAME.knob=value`` applied to their samplers and weights."""
    found = dict(problem.constraints())
    for name, given in knobs.items():
        if name not in found:
            raise unknown("constraint", name, found)
        for knob, value in given.items():
            found[name] = _tune(name, found[name], knob, value)
    return found


def _tune(name: str, constraint: Constraint, knob: str, value: Any) -> Constraint:
    if knob == "weight":
        weight = convert(f"{name}.weight", value, float)
        if not weight > 0:
            raise PinnsceneError(f"{name}.weight must be positive, got {weight}")
        return replace(constraint, weight=weight)
    kinds = {"n": int, "points": str}
    known = [k for k in kinds if knob_of(constraint.sampler, k) is not None]
    if knob not in known:
        raise unknown(f"knob of constraint {name}", knob, [*known, "weight"])
    return replace(
        constraint, sampler=with_knob(constraint.sampler, knob, convert(f"{name}.{knob}", value, kinds[knob]))
    )
