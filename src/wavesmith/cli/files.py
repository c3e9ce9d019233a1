"""Sound files that a command is about to write, and those that are there already."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import soundfile

from wavesmith.audio_file import Bits
from wavesmith.cli.options import FileOptions
from wavesmith.errors import AudioError, RequestError
from wavesmith.recipe import Recipe
from wavesmith.sound import Sound
from wavesmith.verbs.loop import loop_points
from wavesmith.verbs.settings import words

_BITS: dict[str, Bits] = {"PCM_16": 16, "PCM_24": 24, "FLOAT": "float"}


def bits_of(path: Path) -> Bits:
    """Width of the samples in a sound file; 24 where wavesmith has no name for it."""
    return _BITS.get(soundfile.info(path).subtype, 24)


def width(text: str) -> Bits:
    """The width of samples that an option says."""
    widths: dict[str, Bits] = {"16": 16, "24": 24, "float": "float"}
    if text not in widths:
        raise RequestError(f"Samples cannot be {text} wide; choose 16, 24 or float.")
    return widths[text]


def holds(path: Path, recipe: Recipe | None) -> bool:
    """Whether there is a sound at `path` that was made by this recipe."""
    try:
        return recipe is not None and Sound.read(path).recipe == recipe
    except AudioError:
        return False


def write(sound: Sound, path: Path, bits: Bits) -> None:
    """Write a sound; WAV files of loops tell samplers so."""
    loops = path.suffix.lower() == ".wav" and sound.recipe is not None and sound.recipe.verb == "loop"
    sound.write(path, bits=bits, instrument=loop_points(sound) if loops else None)


def stem(recipe: Recipe) -> str:
    """What a sound is and its seed, as in `kick-7` or `snare-vary-7`.

    What a label or a name may hold but a file name had better not becomes `_`.
    """
    what = [Path(source.path).stem or "sound" for source in recipe.sources]
    label, to = (recipe.settings.get(name) for name in ("label", "to"))
    parts = [*what, recipe.verb] if what else [words(label), *(["to", words(to)] if to else [])]
    return "-".join(re.sub(r"[^\w.+-]", "_", part) for part in [*parts, str(recipe.seed)])


@dataclass(frozen=True)
class Destination:
    """Where sounds go: a folder, a format, a width, and whether other sounds there may be replaced."""

    folder: Path
    format: str
    bits: Bits
    overwrite: bool

    @classmethod
    def of(cls, files: FileOptions) -> Destination:
        """What the options say."""
        return cls(files.out, files.format, width(files.bits), files.overwrite)

    def path(self, recipe: Recipe) -> Path:
        """Such as `kicks/kick-7-000.wav`: label, seed and index."""
        return self.folder / f"{stem(recipe)}-{recipe.index:03d}.{self.format}"

    def has(self, recipe: Recipe) -> bool:
        """Whether the very same sound is there already.

        Raises:
            RequestError: when something else is there that must not be replaced.
        """
        path = self.path(recipe)
        if self.overwrite or not path.exists():
            return False
        if holds(path, recipe) and bits_of(path) == self.bits:
            return True
        raise RequestError(
            f"{path} is already there and was made in another way; "
            "choose another folder with --out, or replace it with --overwrite."
        )

    def write(self, sound: Sound) -> bool:
        """Write a sound that a verb made to its place; returns whether it was clipped."""
        assert sound.recipe
        write(sound, self.path(sound.recipe), self.bits)
        return self.clips(sound.peak)

    def clips(self, peak: float) -> bool:
        """Whether files clip a sound of that peak."""
        return self.bits != "float" and peak > 1
