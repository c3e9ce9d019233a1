"""`wavesmith credits`: whom to name for a sound or a model."""

from __future__ import annotations

from typing import Annotated

import typer

from wavesmith.cli.console import tell


def credits(
    items: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Sounds that wavesmith made, folders of them, or models."),
    ],
    model: Annotated[
        str | None, typer.Option(help="Where the model is that made them, if not where it was.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")] = False,
) -> None:
    """Print the attribution owed for sounds or models, by the licences of the training sounds."""
    from wavesmith.attribution import credits
    from wavesmith.models import load

    found = credits(*items, model=load(model) if model else None)
    tell(found.model_dump_json(indent=2) if as_json else found.text)
