"""Sound files that a command writes, and those that exist already."""

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
from wavesmith.verbs import instrument_tags
from wavesmith.verbs.settings import label_text

_BITS: dict[str, Bits] = {"PCM_16": 16, "PCM_24": 24, "FLOAT": "float"}


def bits_of(path: Path) -> Bits:
    """Return the bits of each sample in a sound file; 24 where wavesmith has no name for them."""
    return _BITS.get(soundfile.info(path).subtype, 24)


def width(text: str) -> Bits:
    """Return the bits of each sample that an option names."""
    widths: dict[str, Bits] = {"16": 16, "24": 24, "float": "float"}
    if text not in widths:
        raise RequestError(f"Samples cannot have {text} bits; choose 16, 24 or float.")
    return widths[text]


def holds(path: Path, recipe: Recipe | None) -> bool:
    """Tell whether the sound at `path` was made by this recipe."""
    try:
        return recipe is not None and Sound.read(path).recipe == recipe
    except AudioError:
        return False


def write(sound: Sound, path: Path, bits: Bits) -> None:
    """Write a sound, into WAV files with the instrument tags of its verb."""
    tags = instrument_tags(sound) if path.suffix.lower() == ".wav" else None
    sound.write(path, bits=bits, instrument=tags)


def stem(recipe: Recipe) -> str:
    """Return the name of a sound without its index, as in `kick-7` or `snare-vary-7`.

    Characters of a label or name that do not suit file names become `_`.
    """
    sources = [Path(source.path).stem or "sound" for source in recipe.sources]
    label, to = (recipe.settings.get(name) for name in ("label", "to"))
    parts = (
        [*sources, recipe.verb] if sources else [label_text(label), *(["to", label_text(to)] if to else [])]
    )
    return "-".join(re.sub(r"[^\w.+-]", "_", part) for part in [*parts, str(recipe.seed)])


@dataclass(frozen=True)
class Destination:
    """Folder, format and bits of sound files, and whether other sounds may be replaced."""

    folder: Path
    format: str
    bits: Bits
    overwrite: bool

    @classmethod
    def of(cls, files: FileOptions) -> Destination:
        """Return the destination that options describe."""
        return cls(files.out, files.format, width(files.bits), files.overwrite)

    def path(self, recipe: Recipe) -> Path:
        """Return the path of a sound, such as `kicks/kick-7-000.wav`: label, seed and index."""
        return self.folder / f"{stem(recipe)}-{recipe.index:03d}.{self.format}"

    def has(self, recipe: Recipe) -> bool:
        """Tell whether the very same sound exists already.

        Raises:
            RequestError: when another file is there that must not be replaced.
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
        """Write a sound that a verb made; return whether it was clipped."""
        assert sound.recipe
        write(sound, self.path(sound.recipe), self.bits)
        return self.clips(sound.peak)

    def clips(self, peak: float) -> bool:
        """Tell whether files clip a sound of that peak."""
        return self.bits != "float" and peak > 1
