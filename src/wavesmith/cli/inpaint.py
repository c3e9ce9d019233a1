"""`wavesmith inpaint`: parts of a sound made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions, expanded
from wavesmith.errors import RequestError


@expanded
def inpaint(
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="The sound.")],
    *,
    region: Annotated[
        list[str],
        typer.Option(metavar="START-END", help="Seconds to make anew, as 0.2-0.5; repeatable."),
    ],
    counts: CountOptions,
    amount: Annotated[float, typer.Option(help="1 is wholly new, less stays nearer to what is there.")] = 1.0,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Make parts of a sound anew so that they fit; all the rest stays as it is, sample for sample."""
    from wavesmith.cli.making import make
    from wavesmith.verbs.inpaint import INPAINT

    regions = tuple(map(_region, region))
    make(INPAINT, [sound], counts, walk, files, models, regions=regions, amount=amount)


def _region(text: str) -> tuple[float, float]:
    start, _, end = text.rpartition("-")
    try:
        return float(start), float(end)
    except ValueError:
        raise RequestError(f"The region '{text}' cannot be read; write it like 0.2-0.5.") from None
