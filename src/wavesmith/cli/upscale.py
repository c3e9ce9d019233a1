"""`wavesmith upscale`: dull sounds brought to full band."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions, expanded


@expanded
def upscale(
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="The sound.")],
    *,
    cutoff: Annotated[
        float | None, typer.Option(help="Hz up to which it is kept; found out if left out.")
    ] = None,
    counts: CountOptions,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Bring a dull sound (a low rate, an old MP3) to full band: what is there stays, the top is made."""
    from wavesmith.cli.making import make
    from wavesmith.verbs.upscale import UPSCALE

    make(UPSCALE, [sound], counts, walk, files, models, cutoff=cutoff)
