"""Sounds into a folder: what all commands that make sounds have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer

from wavesmith.audio_file import read_header
from wavesmith.cli.console import in_words, note, progress, tell
from wavesmith.cli.files import Destination, stem
from wavesmith.cli.options import FileOptions
from wavesmith.errors import WavesmithError
from wavesmith.recipe import Recipe
from wavesmith.sound import Sound

_MOST_PICTURED = 256
_PICTURED_SECONDS = 30.0


@dataclass
class Destined:
    """A run of a command: its seed, where its sounds go, and which sounds it is to make.

    Attributes:
        seed: the given one, or a drawn one.
        destination: folder, format and width of the files.
        progress: to be called with (done, in all).
        count: number of sounds that the command is to make, those that exist included.
        recipes: of these sounds, as many as a picture can show.
    """

    seed: int
    destination: Destination
    progress: Callable[[int, int], None]
    count: int = 0
    recipes: list[Recipe] = field(default_factory=list)

    def has(self, recipe: Recipe) -> bool:
        """Tell whether a sound that is to be made exists already."""
        self.count += 1
        if len(self.recipes) < _MOST_PICTURED:
            self.recipes.append(recipe)
        return self.destination.has(recipe)

    def write(self, sound: Sound) -> bool:
        """Write a sound; return whether it was clipped."""
        return self.destination.write(sound)


Work = Callable[[Destined], Iterator[bool]]
"""Makes sounds and writes them; yields for each whether it was clipped."""


def fill(work: Work, sources: Sequence[Path], seed: int, files: FileOptions, in_parts: bool = False) -> None:
    """Fill a folder with sounds, and report how many were made.

    Files are named by source, seed and index. Those that exist are not made again, and an interruption keeps
    whole sounds, and with `in_parts` the windows of an unfinished one.
    """
    started = time.monotonic()
    made = clipped = 0
    try:
        with progress("making sounds") as show:
            run = Destined(seed, Destination.of(files), show)
            for was_clipped in work(run):
                made += 1
                clipped += was_clipped
    except (KeyboardInterrupt, WavesmithError) as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if made or stopped:
            windows = " and the finished windows of the next" if in_parts else ""
            kept = f"Kept {in_words(made, 'sound')}{windows} in {files.out}"
            note(f"{kept}; the same command with --seed {seed} makes the rest.")
        if stopped:
            raise typer.Exit(130) from None
        raise
    if files.picture:
        _draw(sources, run)
    if clipped:
        was = "was" if clipped == 1 else "were"
        note(f"{in_words(clipped, 'sound')} {was} clipped; use --bits float or --peak-db.")
    existing = f", {run.count - made} already there" if made < run.count else ""
    seconds = time.monotonic() - started
    tell(f"{in_words(made, 'sound')} made{existing}, in {files.out} (seed {seed}, {seconds:.1f} s).")


def note_lost_channels(sources: Sequence[Path]) -> None:
    """Print which files have channels that are not used."""
    for path in sources:
        _, channels, _, _ = read_header(path)
        if channels > 2:
            note(f"{path} has {channels} channels; the result has the first two.")


def _draw(sources: Sequence[Path], run: Destined) -> None:
    from wavesmith.picture import sheet

    name, place = stem(run.recipes[0]), run.destination
    rows = {"source": list(sources), name: [place.path(recipe) for recipe in run.recipes]}
    read = {
        title: [Sound.read(path, seconds=_PICTURED_SECONDS) for path in paths]
        for title, paths in rows.items()
        if paths
    }
    sheet(read, place.folder / f"{name}.png")
