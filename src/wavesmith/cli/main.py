"""The entry point: commands, and exit codes and sentences for their errors.

Exit codes: 0 done, 1 a sound made again differs or a bug, 2 an error that the user can put right, 130 Ctrl-C.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import ValidationError

from wavesmith import __version__
from wavesmith.cli import models, renamed
from wavesmith.cli.again import again
from wavesmith.cli.commands import Commands
from wavesmith.cli.console import complain, note, tell
from wavesmith.cli.credits import credits
from wavesmith.cli.evaluate import evaluate
from wavesmith.cli.inspect import inspect
from wavesmith.cli.scan import scan
from wavesmith.cli.studio import studio
from wavesmith.errors import WavesmithError, first_problem
from wavesmith.files import remedy

app = typer.Typer(
    cls=Commands, add_completion=False, context_settings={"help_option_names": ["--help", "-h"]}
)
for command in (again, credits, evaluate, inspect, scan, studio):
    app.command()(command)
app.add_typer(models.app, name="models")


@app.callback(invoke_without_command=True)
def wavesmith(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error came from; goes anywhere.")
    ] = False,
) -> None:
    """Make drums and other short sounds, and train models that make them, on your own machine."""
    if version:
        tell(f"wavesmith {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line, without the program's name; returns the exit code."""
    debug = "--debug" in arguments
    command = typer.main.get_command(app)
    try:
        code = command.main(
            [argument for argument in arguments if argument != "--debug"], "wavesmith", standalone_mode=False
        )
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _answer(error)
    return code or 0


def _answer(error: Exception) -> int:
    """Print one sentence for an error; return its exit code."""
    if isinstance(error, typer.Abort):
        return 130
    if isinstance(error, WavesmithError):
        complain(error)
    elif hasattr(error, "format_message"):  # Typer's own errors, whose class differs between its versions
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "wavesmith"
        option = getattr(error, "option_name", "")
        if text := renamed.sentence(context.info_name if context else "", option):
            complain(text)
            return 2
        complain(f"{error.format_message().rstrip('.')}; '{where} --help' lists the options.")
    elif isinstance(error, ValidationError):
        complain(f"{first_problem(error)}; choose another value.")
    elif isinstance(error, OSError):
        complain(f"{error.filename or 'a file'}: {error.strerror or error}; {remedy(error)}.")
    else:
        complain(f"This is a bug in wavesmith ({type(error).__name__}: {error}); please report it.")
        note("Run the command again with --debug to see where it came from.")
        return 1
    return 2
