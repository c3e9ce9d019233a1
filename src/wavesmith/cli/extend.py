"""`wavesmith extend`: sounds made longer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions, expanded


@expanded
def extend(
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="The sound.")],
    *,
    before: Annotated[float, typer.Option(help="Seconds to add at the beginning.")] = 0.0,
    after: Annotated[float, typer.Option(help="Seconds to add at the end.")] = 0.0,
    counts: CountOptions,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Make a sound longer, at its beginning or end."""
    from wavesmith.cli.making import make
    from wavesmith.verbs.inpaint import EXTEND

    make(EXTEND, [sound], counts, walk, files, models, before=before, after=after)
