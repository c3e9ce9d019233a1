"""The commands of the program; those whose options come from verbs are built when they are run."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from wavesmith.cli.summaries import KIT, SUMMARIES, TRAIN


class Commands(TyperGroup):
    """A group of commands in which verbs have a name and a summary until one of them is run.

    Their options are fields of settings, and importing those takes torch, which `--help` must not wait for.
    """

    def __init__(self, *, commands: dict[str, Any] | None = None, **attributes: Any) -> None:
        summaries = {command_name(name): summary for name, summary in _summaries().items()}
        stubs = {
            name: TyperCommand(name=name, help=summary)
            for name, summary in {**summaries, "kit": KIT, "train": TRAIN}.items()
        }
        super().__init__(commands=stubs | (commands or {}), **attributes)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command of a command line, and build it with its options if that is still to be done."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and command is not None and command.callback is None:
            command = _built(name)
        return name, command, rest


def _built(name: str) -> Any:
    """Return a command with its options."""
    if name == "kit":
        from wavesmith.cli import kit

        return kit.build()
    if name == "train":
        from wavesmith.cli import train

        return train.build()
    from wavesmith.cli import verb_command

    return verb_command.build(name.replace("-", "_"))


def command_name(verb: str) -> str:
    """Return the name of a verb's command."""
    return verb.replace("_", "-")


def _summaries() -> dict[str, str]:
    """Return verbs and their summaries: those registered by now, or without an import the built-in ones."""
    registry = sys.modules.get("wavesmith.verbs.registry")
    if registry is None:
        return SUMMARIES
    return {name: verb.summary for name, verb in registry.VERBS.items()}


def command_of(
    name: str, help_text: str, parameters: Sequence[inspect.Parameter], run: Callable[..., None]
) -> Any:
    """Return a command with parameters that were derived: `run` is called with their values by name."""

    def call(**given: Any) -> None:
        run(**given)

    call.__name__, call.__doc__ = name, help_text
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    call.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False)
    app.command(name)(call)
    return typer.main.get_command(app)
