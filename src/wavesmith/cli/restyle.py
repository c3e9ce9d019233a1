"""`wavesmith restyle`: a sound or a whole track in the manner of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavesmith.cli.options import METHOD, CountOptions, FileOptions, ModelOptions, WalkOptions, expanded

if TYPE_CHECKING:
    from wavesmith.cli.making import Order


@expanded
def restyle(
    sound: Annotated[Path, typer.Argument(metavar="FILE", help="The sound or track, of any length.")],
    *,
    counts: CountOptions,
    amount: Annotated[float, typer.Option(help="0 is the sound itself; 1 keeps only its length.")] = 0.5,
    envelope: Annotated[float, typer.Option(help="How far its loudness over time is kept, 0 to 1.")] = 0.0,
    method: METHOD = "noise",
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
) -> None:
    """Make a sound or track anew in the manner of a model, window by window, in little memory.

    Ctrl-C keeps what is done, windows of an unfinished sound as well; the same command with the same seed
    goes on from there.
    """
    from wavesmith.cli.making import fill, note_lost_channels
    from wavesmith.streaming import AudioFile
    from wavesmith.verbs.restyle import restyle_file, restyle_recipe

    def work(order: Order) -> Iterator[bool]:
        model, source = models.load(), AudioFile(sound)
        asked = walk.asked() | {"amount": amount, "envelope": envelope, "method": method, "seed": order.seed}
        indices = range(counts.first, counts.first + counts.count)
        recipes = [restyle_recipe(model, source, index=index, **asked) for index in indices]
        missing = [recipe for recipe in recipes if not order.there(recipe)]
        for number, recipe in enumerate(missing):
            made = restyle_file(
                model,
                source,
                order.destination.path(recipe),
                index=recipe.index,
                bits=order.destination.bits,
                progress=partial(_of_several, order.show, number, len(missing)),
                **asked,
            )
            yield order.destination.clips(made.peak)

    note_lost_channels([sound])
    fill(work, [sound], counts, files, unfinished=" and the windows that are done of the next")


def _of_several(show: Callable[[int, int], None], number: int, count: int, done: int, total: int) -> None:
    """Progress over all sounds, from that of sound `number` of `count`."""
    show(number * total + done, count * total)
