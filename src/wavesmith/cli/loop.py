"""`wavesmith loop`: seamless loops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions, expanded


@expanded
def loop(
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="The sound.")],
    *,
    bars: Annotated[float | None, typer.Option(help="Length in bars; its own length if left out.")] = None,
    bpm: Annotated[float | None, typer.Option(help="Beats per minute.")] = None,
    beats: Annotated[int, typer.Option(help="Beats in a bar.")] = 4,
    joint: Annotated[float, typer.Option(help="Seconds around the joint to make anew.")] = 0.2,
    amount: Annotated[float, typer.Option(help="How far the joint may differ from a crossfade.")] = 0.5,
    counts: CountOptions,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Make a seamless loop of a sound, as long as it is or of given bars and tempo."""
    from wavesmith.cli.making import make
    from wavesmith.verbs.loop import LOOP

    asked = {"bars": bars, "bpm": bpm, "beats": beats, "joint": joint, "amount": amount}
    make(LOOP, [sound], counts, walk, files, models, **asked)
