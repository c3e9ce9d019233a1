"""`wavesmith clean`: noise taken off."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions, expanded


@expanded
def clean(
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="The sound.")],
    *,
    strength: Annotated[float, typer.Option(help="More than 1 takes more off, less leaves more.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of what little chance there is in it.")] = 0,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Take the noise off a recording of a kind that the model knows."""
    from wavesmith.cli.making import make
    from wavesmith.verbs.clean import CLEAN

    make(CLEAN, [sound], CountOptions(seed=seed), walk, files, models, strength=strength)
