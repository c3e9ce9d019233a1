"""Sounds from a verb into a folder: what all commands that make sounds have in common."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from wavesmith.cli.console import note, progress, tell
from wavesmith.cli.options import CountOptions, FileOptions, ModelOptions, WalkOptions
from wavesmith.errors import WavesmithError

if TYPE_CHECKING:
    from wavesmith.recipe import Recipe
    from wavesmith.verbs import Verb

_MOST_PICTURED = 256


def make(
    verb: Verb[Any],
    sources: Sequence[Path],
    counts: CountOptions,
    walk: WalkOptions,
    files: FileOptions,
    models: ModelOptions,
    **asked: Any,
) -> None:
    """Make sounds and write each as soon as it is made.

    Files are named by what they came from, seed and index. Those that are there already are not made again,
    and an interruption keeps what is done.
    """
    from wavesmith.cli.files import Destination
    from wavesmith.verbs.settings import check_count

    started = time.monotonic()
    seed = check_count(counts.count, counts.seed)
    destination = Destination.of(files)
    pictured: list[Recipe] = []

    def skip(recipe: Recipe) -> bool:
        if len(pictured) < _MOST_PICTURED:
            pictured.append(recipe)
        return destination.has(recipe)

    made = clipped = 0
    try:
        model = models.load()
        with progress("making sounds") as show:
            sounds = verb.stream(
                model,
                *sources,
                n=counts.count,
                seed=seed,
                first=counts.first,
                progress=show,
                skip=skip,
                **walk.asked(),
                **asked,
            )
            for sound in sounds:
                assert sound.recipe
                sound.write(destination.path(sound.recipe), bits=destination.bits)
                made += 1
                clipped += files.bits != "float" and sound.peak > 1
    except (KeyboardInterrupt, WavesmithError) as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if made or stopped:
            kept = f"Kept {sounds_in_words(made)} in {files.out}"
            note(f"{kept}; the same command with --seed {seed} makes the rest.")
        if stopped:
            raise typer.Exit(130) from None
        raise
    if files.picture:
        _draw(sources, [destination.path(recipe) for recipe in pictured], pictured[0], files.out)
    if clipped:
        was = "was" if clipped == 1 else "were"
        note(f"{sounds_in_words(clipped)} {was} clipped; use --bits float or a --peak.")
    there = f", {counts.count - made} already there" if made < counts.count else ""
    seconds = time.monotonic() - started
    tell(f"{sounds_in_words(made)} made{there}, in {files.out} (seed {seed}, {seconds:.1f} s).")


def sounds_in_words(count: int) -> str:
    """`1 sound`, `2 sounds`."""
    return "1 sound" if count == 1 else f"{count} sounds"


def _draw(sources: Sequence[Path], paths: Sequence[Path], recipe: Recipe, folder: Path) -> None:
    from wavesmith.cli.files import stem
    from wavesmith.picture import sheet
    from wavesmith.sound import Sound

    name = stem(recipe)
    rows = {name: [Sound.read(path) for path in paths]}
    if sources:
        rows = {"source": [Sound.read(path) for path in sources]} | rows
    sheet(rows, folder / f"{name}.png")


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
    from wavesmith.cli.files import Destination
    from wavesmith.verbs.like import generate_like
    from wavesmith.verbs.settings import check_count

    started = time.monotonic()
    seed = check_count(counts.count, counts.seed)
    destination = Destination.of(files)
    with progress("making sounds") as show:
        kept = generate_like(
            models.load(),
            given,
            counts.count,
            of=of,
            seed=seed,
            first=counts.first,
            progress=show,
            **walk.asked(),
            **asked,
        )
    recipes = [sound.recipe for sound in kept if sound.recipe]
    for sound, recipe in zip(kept, recipes, strict=True):
        if not destination.has(recipe):
            sound.write(destination.path(recipe), bits=destination.bits)
    if files.picture:
        _draw([given], [destination.path(recipe) for recipe in recipes], recipes[0], files.out)
    seconds = time.monotonic() - started
    tell(f"{sounds_in_words(len(kept))} kept, in {files.out} (seed {seed}, {seconds:.1f} s).")
