"""The Typer app: commands, exit codes, and errors in one line."""

import os
import sys
import warnings
from typing import Annotated

import typer

from pinnscene.cli import commands

UsageError = typer.BadParameter.__mro__[1]  # typer may carry a click of its own: take its class, not click's

app = typer.Typer(
    name="pinnscene",
    help="Say what must be true of a field (a PDE, a picture, a shape) and get the field.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from pinnscene import __version__

        print(f"pinnscene {__version__}")
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Say what must be true of a field (a PDE, a picture, a shape) and get the field."""


for name, command in commands.ALL.items():
    app.command(name)(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Exit codes: 0 done, 2 a user's mistake, 3 not as accurate as asked, 130 interrupted."""
    # torch's threads wait busily for one another; beside other work a long wait makes everything take several times
    # as long, and a short one costs little where there is none
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    arguments = [a for a in arguments if a != "--debug"]
    if not debug:
        warnings.showwarning = _show_warning
    try:
        code = app(arguments, standalone_mode=False)
    except Exception as cause:
        if debug:
            raise
        code = _explain(cause)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    _leave(code if isinstance(code, int) else 0)


def _explain(cause: Exception) -> int:
    """Say what went wrong in one line; the exit code."""
    if isinstance(cause, typer.Exit):
        return cause.exit_code
    if isinstance(cause, typer.Abort):
        return 130
    if type(cause).__name__ == "NoArgsIsHelpError":
        print(cause)
        return 0
    if isinstance(cause, UsageError):
        message = f"{usage_message(cause)} (see --help)"
    elif "PinnsceneError" in {kind.__name__ for kind in type(cause).__mro__}:
        message = str(cause)
    elif isinstance(cause, MemoryError) or "not enough memory" in str(cause) or "out of memory" in str(cause):
        message = "out of memory: take fewer points or a narrower field (--set field.width=...)"
    elif isinstance(cause, BrokenPipeError):
        return 0
    else:
        message = f"{type(cause).__name__}: {cause} (run again with --debug for the traceback)"
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return 2


def usage_message(cause: Exception) -> str:
    """What typer says of a wrong command line, without its full stop."""
    say = getattr(cause, "format_message", cause.__str__)
    return str(say()).rstrip(".")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    del category, filename, lineno, file, line
    print("warning: " + " ".join(str(message).split()), file=sys.stderr)


def _leave(code: int) -> None:
    """Exit; a reader that closed the pipe early is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(code)
