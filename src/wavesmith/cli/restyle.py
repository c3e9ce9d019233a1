"""`wavesmith restyle`: a sound or a whole track in the manner of a model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.console import note, progress, tell
from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions, expanded


@expanded
def restyle(
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="The sound or track, of any length.")],
    *,
    counts: CountOptions,
    amount: Annotated[float, typer.Option(help="0 is the sound itself; 1 keeps only its length.")] = 0.5,
    envelope: Annotated[float, typer.Option(help="How far its loudness over time is kept, 0 to 1.")] = 0.0,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Make a sound or track anew in the manner of a model, window by window, in little memory.

    Ctrl-C keeps what is done; the same command with the same seed goes on.
    """
    from wavesmith.cli.files import Destination
    from wavesmith.verbs.restyle import restyle_file, restyle_recipe
    from wavesmith.verbs.settings import check_count

    started = time.monotonic()
    seed, model = check_count(counts.count, counts.seed), models.load()
    destination = Destination.of(files)
    asked = walk.asked() | {"amount": amount, "envelope": envelope}
    made = 0
    for index in range(counts.first, counts.first + counts.count):
        recipe = restyle_recipe(model, sound, seed=seed, index=index, **asked)
        if destination.has(recipe):
            continue
        path = destination.path(recipe)
        try:
            with progress(f"making {path.name}") as show:
                restyle_file(
                    model, sound, path, index=index, seed=seed, bits=destination.bits, progress=show, **asked
                )
        except KeyboardInterrupt:
            note(f"What is done of {path} is kept; the same command with --seed {seed} goes on.")
            raise typer.Exit(130) from None
        made += 1
    there = f", {counts.count - made} already there" if made < counts.count else ""
    many = "1 sound" if made == 1 else f"{made} sounds"
    tell(f"{many} made{there}, in {files.out} (seed {seed}, {time.monotonic() - started:.1f} s).")
