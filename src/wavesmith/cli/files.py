"""Sound files that a command is about to write, and those that are there already."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import soundfile

from wavesmith.errors import AudioError, RequestError
from wavesmith.recipe import Recipe
from wavesmith.sound import Bits, Sound

_BITS: dict[str, Bits] = {"PCM_16": 16, "PCM_24": 24, "FLOAT": "float"}


def bits_of(path: Path) -> Bits:
    """Width of the samples in a sound file; 24 where wavesmith has no name for it."""
    return _BITS.get(soundfile.info(path).subtype, 24)


def holds(path: Path, recipe: Recipe | None) -> bool:
    """Whether there is a sound at `path` that was made by this recipe."""
    try:
        return recipe is not None and Sound.read(path).recipe == recipe
    except AudioError:
        return False


def stem(recipe: Recipe) -> str:
    """Label and seed, as in `kick-7`; what a label may hold but a file name had better not becomes `_`."""
    label = re.sub(r"[^\w-]", "_", recipe.settings.get("label") or "sound")
    return f"{label}-{recipe.seed}"


@dataclass(frozen=True)
class Destination:
    """Where sounds go: a folder, a format, a width, and whether other sounds there may be replaced."""

    folder: Path
    format: str
    bits: Bits
    overwrite: bool

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
