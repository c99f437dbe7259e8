"""Results for people."""

from pathlib import Path
from typing import Any


def show_result(result: dict[str, Any], folder: Path) -> None:
    """Print a result: the metrics, what they are against, the conventional solver, and where the pictures are."""
    seconds = result["seconds"]
    print(
        f"{result['problem']}: {result['status']} after {result['steps']} step{'s' * (result['steps'] != 1)} in "
        f"{seconds['solve']:.2f} s on {result['device']} in {result['dtype']}"
    )
    if result["advice"]:
        print(f"  {result['advice']}")
    for warning in result["warnings"]:
        print(f"  warning: {warning}")
    show_metrics(result)
    show_unknowns(result["unknowns"])
    print(
        f"  held-out residual {_number(result['heldout_residual'])} of a zero network's, "
        f"{result['parameters']} parameters trained"
    )
    conventional = result["conventional"]
    if conventional is not None:
        print(
            f"  beside it: {conventional['method']}: rel_l2 {_number(conventional['rel_l2'])} in "
            f"{conventional['seconds']:.2f} s"
        )
    pictures = sorted((folder / "figures").glob("*.png"))
    print(f"run      {folder}")
    for k, path in enumerate(pictures):
        print(f"{'pictures' if k == 0 else '':8} {path}")


def show_unknowns(found: dict[str, dict[str, Any]]) -> None:
    """Print what was found of unknown coefficients, with their standard errors."""
    for name, fact in found.items():
        spread = fact.get("standard_error")
        error = "standard error not known" if spread is None else f"standard error {_number(spread)}"
        if "value" in fact:
            print(f"  {name} = {fact['value']:.6g}, {error}")
        else:
            print(f"  {name} from {fact['least']:.4g} to {fact['most']:.4g}, {error} on average")


def show_metrics(result: dict[str, Any]) -> None:
    """Print the metrics and their reference, and what else is to be said of the field."""
    _show_scores(result)
    for remark in result["remarks"]:
        print(f"  {remark}")


def _show_scores(result: dict[str, Any]) -> None:
    if not result["metrics"]:
        print("  no reference to compare with")
        return
    scores = ", ".join(f"{name} {_number(value)}" for name, value in result["metrics"].items())
    reference = result["reference"]
    if reference is None:
        print(f"  {scores}")
        return
    own = f" (its own error {reference['error']:.1e})" if reference["error"] else ""
    print(f"  {scores} on {reference['points']} points, {reference['kind']} reference{own}")


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.2e}"
