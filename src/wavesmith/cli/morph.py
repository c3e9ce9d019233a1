"""`wavesmith morph`: from one sound to another, among four, or from label to label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions, expanded
from wavesmith.errors import RequestError


@dataclass(frozen=True)
class MorphWalkOptions(WalkOptions):
    """Here `--steps` are those from sound to sound."""

    steps: Annotated[
        int | None, typer.Option("--walk-steps", help="Steps of each walk from noise to sound.")
    ] = None


@expanded
def morph(
    sounds: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Two sounds, or four for a square of them.")
    ] = None,
    *,
    along: Annotated[
        int, typer.Option("--steps", "-n", min=2, help="Sounds from one to the other, both counted.")
    ] = 8,
    to: Annotated[str | None, typer.Option(help="Without files: the label that --label turns into.")] = None,
    seed: Annotated[int | None, typer.Option(help="Which noise; 0 for files, drawn for labels.")] = None,
    walk: MorphWalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Make the sounds between two sounds, a square of sounds among four, or those from label to label.

    Ends are the sounds themselves. With four files there are steps x steps sounds, row by row.
    """
    from wavesmith.cli.making import make
    from wavesmith.verbs import Verb, parse_label
    from wavesmith.verbs.morph import GRID, MORPH, MORPH_LABELS

    sources, asked = list(sounds or ()), dict[str, Any](sounds=along)
    verb: Verb[Any]
    if sources and to is not None:
        raise RequestError("Either two sounds are morphed or two labels; leave --to or the files out.")
    if not sources:
        if to is None or walk.label is None:
            raise RequestError("Give two sounds, four sounds, or two labels by --label and --to.")
        verb, count, asked["to"] = MORPH_LABELS, along, parse_label(to)
    elif len(sources) in (2, 4):
        verb, count = (MORPH, along) if len(sources) == 2 else (GRID, along * along)
        seed = seed or 0
    else:
        raise RequestError(f"{len(sources)} sounds cannot be morphed; give two, or four for a square.")
    make(verb, sources, CountOptions(count=count, seed=seed), walk, files, models, **asked)
