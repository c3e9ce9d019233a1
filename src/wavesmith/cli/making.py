"""Sounds into a folder: what all commands that make sounds have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from wavesmith.cli.console import in_words, note, progress, tell
from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions
from wavesmith.errors import WavesmithError

if TYPE_CHECKING:
    from wavesmith.cli.files import Destination
    from wavesmith.recipe import Recipe
    from wavesmith.verbs import Verb

_MOST_PICTURED = 256
_PICTURED_SECONDS = 30.0


@dataclass
class Order:
    """What a command is to do, for the work that does it.

    Attributes:
        seed: the one that was asked for, or drawn.
        destination: where sounds go.
        show: to be called with (done, in all).
        recipes: of the sounds that were asked for, as far as a picture can show them.
    """

    seed: int
    destination: Destination
    show: Callable[[int, int], None]
    recipes: list[Recipe] = field(default_factory=list)

    def there(self, recipe: Recipe) -> bool:
        """Whether a sound that is asked for is there already."""
        if len(self.recipes) < _MOST_PICTURED:
            self.recipes.append(recipe)
        return self.destination.has(recipe)


Work = Callable[[Order], Iterator[bool]]
"""Makes sounds and writes them; yields for each whether it was clipped."""


def fill(
    work: Work, sources: Sequence[Path], counts: CountOptions, files: FileOptions, unfinished: str = ""
) -> None:
    """Have some work fill a folder with sounds, and tell what became of it.

    Files are named by what they came from, seed and index. Those that are there already are not made again,
    and an interruption keeps what is done: whole sounds, and what `unfinished` says of one under way.
    """
    from wavesmith.cli.files import Destination
    from wavesmith.verbs.settings import check_count

    started = time.monotonic()
    seed = check_count(counts.count, counts.seed)
    made = clipped = 0
    try:
        with progress("making sounds") as show:
            order = Order(seed, Destination.of(files), show)
            for was_clipped in work(order):
                made += 1
                clipped += was_clipped
    except (KeyboardInterrupt, WavesmithError) as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if made or stopped:
            kept = f"Kept {in_words(made, 'sound')}{unfinished} in {files.out}"
            note(f"{kept}; the same command with --seed {seed} makes the rest.")
        if stopped:
            raise typer.Exit(130) from None
        raise
    if files.picture:
        _draw(sources, order)
    if clipped:
        was = "was" if clipped == 1 else "were"
        note(f"{in_words(clipped, 'sound')} {was} clipped; use --bits float or a --peak.")
    there = f", {counts.count - made} already there" if made < counts.count else ""
    seconds = time.monotonic() - started
    tell(f"{in_words(made, 'sound')} made{there}, in {files.out} (seed {seed}, {seconds:.1f} s).")


def make(
    verb: Verb[Any],
    sources: Sequence[Path],
    counts: CountOptions,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
    **asked: Any,
) -> None:
    """Make sounds by a verb and write each as soon as it is made."""
    note_lost_channels(sources)

    def work(order: Order) -> Iterator[bool]:
        sounds = verb.stream(
            models.load(),
            *sources,
            n=counts.count,
            seed=order.seed,
            first=counts.first,
            progress=order.show,
            skip=order.there,
            **walk.asked(),
            **asked,
        )
        return map(order.destination.write, sounds)

    fill(work, sources, counts, files)


def make_like(
    given: Path,
    of: int | None,
    counts: CountOptions,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
    **asked: Any,
) -> None:
    """Make many new sounds, and write those that are nearest to a given one."""
    from wavesmith.verbs.like import generate_like

    def work(order: Order) -> Iterator[bool]:
        kept = generate_like(
            models.load(),
            given,
            counts.count,
            of=of,
            seed=order.seed,
            first=counts.first,
            progress=order.show,
            **walk.asked(),
            **asked,
        )
        missing = [sound for sound in kept if sound.recipe and not order.there(sound.recipe)]
        return map(order.destination.write, missing)

    fill(work, [given], counts, files)


def note_lost_channels(sources: Sequence[Path]) -> None:
    """Say of which files not all channels are worked on."""
    from wavesmith.audio_file import read_header

    for path in sources:
        _, channels, _, _ = read_header(path)
        if channels > 2:
            note(f"{path} has {channels} channels; what is made of it has the first two.")


def _draw(sources: Sequence[Path], order: Order) -> None:
    from wavesmith.cli.files import stem
    from wavesmith.picture import sheet
    from wavesmith.sound import Sound

    name, place = stem(order.recipes[0]), order.destination
    rows = {"source": list(sources), name: [place.path(recipe) for recipe in order.recipes]}
    read = {
        title: [Sound.read(path, seconds=_PICTURED_SECONDS) for path in paths]
        for title, paths in rows.items()
        if paths
    }
    sheet(read, place.folder / f"{name}.png")
