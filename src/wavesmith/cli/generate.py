"""`wavesmith generate`: new sounds into a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions, expanded
from wavesmith.errors import RequestError


@expanded
def generate(
    what: Annotated[
        str | None, typer.Argument(metavar="[LABEL]", help="What to make, such as kick; any if left out.")
    ] = None,
    *,
    counts: CountOptions,
    seconds: Annotated[float | None, typer.Option(help="Length of each sound.")] = None,
    like: Annotated[
        Path | None, typer.Option(help="Keep those that are nearest to this sound, out of many.")
    ] = None,
    of: Annotated[
        int | None, typer.Option(help="Out of how many --like chooses; eight times as many if left out.")
    ] = None,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Make new sounds.

    Files are named by label, seed and index, as in kick-7-000.wav, and each carries its recipe. The same seed
    makes the same sounds; those that are there already are not made again. Ctrl-C keeps what is done.
    """
    from wavesmith.cli.making import make, make_like
    from wavesmith.verbs.generate import GENERATE

    if what and walk.label and what != walk.label:
        raise RequestError(f"Two labels were given, {what} and {walk.label}; choose one.")
    walk = replace(walk, label=what or walk.label)
    if like is not None:
        make_like(like, of, counts, walk, files, models, seconds=seconds)
    elif of is not None:
        raise RequestError("--of says out of how many sounds --like chooses; give --like as well.")
    else:
        make(GENERATE, [], counts, walk, files, models, seconds=seconds)
