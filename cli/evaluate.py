"""``pinnscene eval``: the metrics of a run again, from the folder alone."""

from pinnscene.cli import options as opt


def evaluate(
    target: opt.TargetRun,
    at: opt.At = None,
    data: opt.Data = None,
    sets: opt.Sets = None,
    device: opt.Device = "auto",
    code: opt.Code = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Take a run's metrics again from its folder."""
    del debug
    from pinnscene.cli.opening import open_run
    from pinnscene.cli.show import show_metrics, show_unknowns
    from pinnscene.run import dumps

    opt.refuse_empty(data=data, problem=code)
    opened = open_run(target, data, sets, code, "eval")
    problem, field = opened.problem, opened.field(device)
    if (values := opt.parse_at(at)) is not None:
        problem, field = problem.at(field, values)
    info = problem.reference_info()
    reference = None if info is None else {**info._asdict(), "points": problem.metric_points()}
    result = {"run": str(opened.run.path), "metrics": problem.metrics(field), "remarks": problem.remarks(field)}
    result |= {"reference": reference, "unknowns": problem.estimates(field)}
    if as_json:
        print(dumps(result), end="")
    else:
        print(opened.run.path)
        show_metrics(result)
        show_unknowns(result["unknowns"])
