"""Checks whether there is anything to work on in a sound."""

from __future__ import annotations

from typing import Protocol

from wavesmith.data.scan import SHORTEST_SECONDS
from wavesmith.errors import AudioError

SILENT = 1e-5
"""Peak of -100 dBFS, below which a sound counts as silent."""


class Measured(Protocol):
    """A sound of known extent and peak, in memory or in a file."""

    @property
    def rate(self) -> int:
        """Frames per second."""
        ...

    @property
    def frames(self) -> int:
        """Length in frames."""
        ...

    @property
    def peak(self) -> float:
        """Largest absolute sample."""
        ...


def check_audible(sound: Measured, name: str = "") -> None:
    """Refuse a sound with nothing in it, by its name if it has one.

    Raises:
        AudioError: when it is empty, shorter than the shortest training sound, or silent.
    """
    name = name or "The sound"
    if not sound.frames:
        raise AudioError(f"{name} is empty; give a sound with something in it.")
    if sound.frames < SHORTEST_SECONDS * sound.rate:
        shortest = 1000 * SHORTEST_SECONDS
        raise AudioError(f"{name} is shorter than {shortest:.0f} ms; give a sound that lasts longer.")
    if not sound.peak > SILENT:
        raise AudioError(
            f"{name} is silent: nothing in it is above -100 dBFS; give a sound that can be heard."
        )
