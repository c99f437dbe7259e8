"""Where training presses: weights among losses, weights in time, points where the residual is large."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

from pinnscene.adaptive import Adaptive, adaptives
from pinnscene.balance import Balance, balances
from pinnscene.batch import Points
from pinnscene.causal import Causal
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.knobs import convert_all
from pinnscene.plan import Phase
from pinnscene.seeds import generator

Knobs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Emphasis:
    """What is wrapped around a problem's constraints for training; held-out residuals know nothing of it.

    Attributes:
        balance: how losses are weighed among each other; None as the constraints say.
        causal: the weights in time of constraints by name.
        adaptive: the adaptive points of constraints by name.
    """

    balance: Balance | None = None
    causal: Mapping[str, Causal] = field(default_factory=dict)
    adaptive: Mapping[str, Adaptive] = field(default_factory=dict)

    def wrap(self, constraints: Mapping[str, Constraint]) -> dict[str, Constraint]:
        """The constraints of a stage as they are trained on."""
        wrapped = dict(constraints)
        for wrappers in (self.adaptive, self.causal):
            wrapped |= {name: w.wrap(name, wrapped[name]) for name, w in wrappers.items() if name in wrapped}
        return wrapped

    def describe(self) -> dict[str, Any]:
        """Plain data from which ``read`` makes the same again; empty where nothing is pressed."""
        described: dict[str, Any] = {}
        if self.balance is not None:
            described["balance"] = _plain(self.balance)
        if self.causal:
            described["causal"] = _plain(next(iter(self.causal.values())))
        if self.adaptive:
            described["adaptive"] = {name: _plain(adaptive) for name, adaptive in self.adaptive.items()}
        return described

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Emphasis":
        """What ``describe`` wrote, among other entries."""
        balance, causal = raw.get("balance"), raw.get("causal")
        march = None if causal is None else _made(Causal, "causal", causal)
        return cls(
            None if balance is None else _named(balances, balance),
            _each(march),
            {name: _named(adaptives, entry) for name, entry in raw.get("adaptive", {}).items()},
        )

    def choices(self) -> dict[str, tuple[Any, dict[str, dict[str, Any]]]]:
        """What ``choose`` makes the same of, by option: its value and its knobs."""
        described, found = self.describe(), {}
        if self.balance is not None:
            found["balance"] = (self.balance.name, _knobs([described["balance"]]))
        if self.causal:
            found["causal"] = (True, {"causal": described["causal"]})
        if self.adaptive:
            text = ",".join(f"{name}={adaptive.name}" for name, adaptive in self.adaptive.items())
            found["adaptive"] = (text, _knobs(described["adaptive"].values()))
        return found

    def check(self, plan: tuple[Phase, ...]) -> None:
        """Raise ``PinnsceneError`` for what would have no effect under a plan."""
        names = ",".join(phase.solver.name for phase in plan)
        if self.balance is not None and self.balance.adapts and not any(phase.solver.descends for phase in plan):
            raise PinnsceneError(
                f"{names} solves for all conditions at once and needs no balancing: leave --balance "
                f"{self.balance.name} out, or descend with --solver adam"
            )
        for adaptive in self.adaptive.values():
            if not any(phase.steps > max(adaptive.every, phase.solver.steady) for phase in plan):
                steps = ", ".join(f"{phase.solver.name} {phase.steps}" for phase in plan)
                raise PinnsceneError(
                    f"{adaptive.name} moves points every {adaptive.every} steps, and no solver takes more ({steps}): "
                    f"lower --set {adaptive.name}.every=..., or take more steps"
                )


GROUPS = ("causal", *balances, *adaptives)


def choose(
    constraints: Mapping[str, Constraint], balance: str | None, causal: bool, adaptive: str | None, knobs: Knobs
) -> Emphasis:
    """What ``--balance``, ``--causal``, ``--adaptive`` and their knobs ask for.

    Args:
        constraints: of the problem.
        balance: the name of a rule.
        causal: whether constraints are weighed in time.
        adaptive: a kind of adaptive points for all constraints inside the domain, "rad", or one by constraint,
            "pde=rad,walls=r3".
        knobs: by name of the rule, "causal" or kind.

    Raises:
        PinnsceneError: unknown names, knobs of what was not chosen, constraints that cannot be wrapped.
    """
    moved = _by_constraint(constraints, adaptive)
    chosen = {*moved.values(), *([balance] if balance else []), *(["causal"] if causal else [])}
    for group in knobs:
        if group in GROUPS and group not in chosen:
            option = "--causal" if group == "causal" else f"--{'balance' if group in balances else 'adaptive'} {group}"
            raise PinnsceneError(f"{group} was not chosen: add {option}, or leave its knobs out")
    march = _made(Causal, "causal", knobs.get("causal", {})) if causal else None
    if march is not None:
        march = replace(march, on=tuple(_timed(constraints, march.on)))
    return Emphasis(
        None if balance is None else _named(balances, {"name": balance, **knobs.get(balance, {})}),
        _each(march),
        {name: _named(adaptives, {"name": kind, **knobs.get(kind, {})}) for name, kind in moved.items()},
    )


def _each(march: Causal | None) -> dict[str, Causal]:
    return {} if march is None else dict.fromkeys(march.on, march)


def _by_constraint(constraints: Mapping[str, Constraint], text: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(",") if text is not None else []:
        where, given, kind = (piece.strip() for piece in part.rpartition("="))
        if kind not in adaptives:
            raise unknown("kind of adaptive points", kind, adaptives)
        if given and where not in constraints:
            raise unknown("constraint", where, constraints)
        if given and not isinstance(_batch(where, constraints[where]), Points):
            raise PinnsceneError(f"adaptive points need points of a domain, which '{where}' does not draw")
        names = [where] if given else list(_inside(constraints))
        if not names:
            raise PinnsceneError(
                "no constraint draws points inside the domain: say which one is to have adaptive points, "
                f"such as --adaptive {next(iter(constraints))}={kind}"
            )
        found |= dict.fromkeys(names, kind)
    return found


def _timed(constraints: Mapping[str, Constraint], on: tuple[str, ...]) -> list[str]:
    for name in on:
        if name not in constraints:
            raise unknown("constraint", name, constraints)
        batch = _batch(name, constraints[name])
        if not isinstance(batch, Points) or "t" not in batch.axes:
            raise PinnsceneError(f"causal weights need points with a time t, which '{name}' does not draw")
    names = list(on) or [name for name, batch in _inside(constraints).items() if "t" in batch.axes]
    if not names:
        raise PinnsceneError("causal weights need points with a time t, which no constraint draws inside the domain")
    return names


def _inside(constraints: Mapping[str, Constraint]) -> dict[str, Points]:
    """A batch of each constraint whose points lie inside the domain, not on its boundary."""
    batches = {name: _batch(name, constraint) for name, constraint in constraints.items()}
    return {name: b for name, b in batches.items() if isinstance(b, Points) and b.normal is None and type(b) is Points}


def _batch(name: str, constraint: Constraint) -> Any:
    return constraint.draw(name, generator(0, "look"))


def _knobs(entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: {k: v for k, v in entry.items() if k != "name"} for entry in entries}


def _plain(thing: Balance | Causal | Adaptive) -> dict[str, Any]:
    own: dict[str, Any] = {} if isinstance(thing, Causal) else {"name": thing.name}
    return own | {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(thing).items()}


def _named(registry: Any, entry: Mapping[str, Any]) -> Any:
    return _made(registry[entry["name"]], entry["name"], {k: v for k, v in entry.items() if k != "name"})


def _made(make: Any, what: str, given: Mapping[str, Any]) -> Any:
    hints = get_type_hints(make)
    return make(**convert_all(what, _split(given), {f.name: hints[f.name] for f in fields(make)}))


def _split(given: Mapping[str, Any]) -> dict[str, Any]:
    """Names separated by commas, as ``--set causal.on=pde,start`` gives them, as a list."""
    return {k: v.split(",") if k == "on" and isinstance(v, str) else v for k, v in given.items()}
