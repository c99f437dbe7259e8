"""``pinnscene eval``: the metrics of a run again, from the folder alone."""

from typing import Annotated

import typer

from pinnscene.cli import options as opt


def evaluate(
    target: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, latest or latest:PROBLEM.")],
    data: opt.Data = None,
    sets: opt.Sets = None,
    device: opt.Device = "auto",
    code: opt.Code = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Take a run's metrics again from its folder."""
    del debug
    from pinnscene.cli.render import open_field
    from pinnscene.cli.show import show_metrics
    from pinnscene.errors import PinnsceneError
    from pinnscene.run import Run, dumps
    from pinnscene.solve import reopen

    opt.refuse_empty(data=data, problem=code)
    given, knobs = opt.parse_sets(sets, data)
    if knobs:
        raise PinnsceneError("eval takes --set for moved data and code only, not for knobs")
    run = Run.open(target)
    made, configured = reopen(run, {**given, **({"problem": code} if code else {})})
    field = open_field(run, made, configured, device)
    info = made.reference_info()
    reference = None if info is None else {**info._asdict(), "points": made.metric_points()}
    result = {"run": str(run.path), "metrics": made.metrics(field), "reference": reference}
    if as_json:
        print(dumps(result), end="")
    else:
        print(run.path)
        show_metrics(result)
