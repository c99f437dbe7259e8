"""Opening runs: from what the command line names to a problem, its configuration and its field."""

from os.path import isfile, join
from typing import TYPE_CHECKING, NamedTuple

from pinnscene.cli import options as opt

if TYPE_CHECKING:
    from pinnscene.config import Config
    from pinnscene.field import Field
    from pinnscene.piecewise import Piecewise
    from pinnscene.problem import Problem
    from pinnscene.run import Run


class Opened(NamedTuple):
    """A run folder, the problem it solved, and how."""

    run: "Run"
    problem: "Problem"
    config: "Config"

    def field(self, device: str) -> "Field | Piecewise":
        """The field of the newest checkpoint, ready to evaluate on a device."""
        import torch

        from pinnscene.checkpoints import present
        from pinnscene.device import resolve_device
        from pinnscene.marching import staged
        from pinnscene.solve import load_state
        from pinnscene.trainer import join

        state = load_state(self.run, self.problem, self.config)
        present(state)
        for field in state.fields:
            field.to(resolve_device(device, torch.float64)).eval()
        return join(staged(self.problem, self.config.field, self.config.windows), state.fields)


def is_run(name: str) -> bool:
    """Whether a name is of a run: latest, latest:PROBLEM or a run folder."""
    return name == "latest" or name.startswith("latest:") or isfile(join(name, "config.toml"))


def with_code(given: dict[str, str], code: str | None) -> dict[str, str]:
    """The options given, and the code of a custom problem."""
    return {**given, **({"problem": code} if code else {})}


def open_run(target: str, data: str | None, sets: list[str] | None, code: str | None, command: str) -> Opened:
    """A run for a command that takes it as it was trained.

    Raises:
        PinnsceneError: no run, or knobs among ``sets``: they are for training.
    """
    from pinnscene.errors import PinnsceneError
    from pinnscene.run import Run
    from pinnscene.solve import reopen

    given, knobs = opt.parse_sets(sets, data)
    if knobs:
        raise PinnsceneError(f"{command} takes --set for moved data and code only, not for knobs")
    run = Run.open(target)
    return Opened(run, *reopen(run, with_code(given, code)))
