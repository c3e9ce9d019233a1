"""`wavesmith vary`: variations of a sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.options import METHOD, CountOptions, FileOptions, ModelOptions, WalkOptions, expanded


@expanded
def vary(
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="The sound.")],
    *,
    counts: CountOptions,
    amount: Annotated[float, typer.Option(help="0 is the sound itself, 1 a new sound.")] = 0.4,
    method: METHOD = "noise",
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Make variations of a sound: "give me ten of these".

    --label makes it lean towards a label: a snare that becomes more of a hi-hat.
    """
    from wavesmith.cli.making import make
    from wavesmith.verbs.vary import VARY

    make(VARY, [sound], counts, walk, files, models, amount=amount, method=method)
