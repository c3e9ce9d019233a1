"""Measures of one sound file, computed in worker processes: without torch, which is slow to import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wavesmith.data.scan import reason, unusable
from wavesmith.errors import AudioError
from wavesmith.evaluation.faults import SoundCheck, check_sound
from wavesmith.evaluation.spectra import WIDTH, profile
from wavesmith.files import sha256
from wavesmith.measures import MEASURES, measure
from wavesmith.sound import Sound

CHECKS = tuple(SoundCheck.model_fields)
PEAK_DB = -1.0
_FADE_SECONDS = 0.02

Floats = NDArray[np.float32]


class ColumnGroup(NamedTuple):
    """Several values that are measured of every sound: their number, and the function that measures them.

    The function takes a sound as it is in its file and the compared time in seconds.
    """

    width: int
    measure: Callable[[Sound, float], Floats]


def _checks(sound: Sound, seconds: float) -> Floats:
    values = check_sound(sound)
    return np.array([getattr(values, name) for name in CHECKS], np.float32)


def _measures(sound: Sound, seconds: float) -> Floats:
    row: Floats = measure(sound.crop(max(1, round(seconds * sound.rate))).samples, sound.rate)[0]
    return row


GROUPS = {
    "checks": ColumnGroup(len(CHECKS), _checks),
    "profile": ColumnGroup(WIDTH, profile),
    "measures": ColumnGroup(len(MEASURES), _measures),
}
"""All measures of a sound, in the order of their columns."""

WIDTHS = {name: group.width for name, group in GROUPS.items()}
COLUMNS = sum(WIDTHS.values())


def columns_of(group: str) -> slice:
    """Return the columns of a group in a table of measures `[N, COLUMNS]`."""
    names = list(GROUPS)
    start = sum(WIDTHS[name] for name in names[: names.index(group)])
    return slice(start, start + WIDTHS[group])


class FileInfo(NamedTuple):
    """State and format of a sound file.

    Attributes:
        path: relative to its folder.
        size, changed: bytes, and time of the last change (ns), by which changes are noticed.
        rate, channels, seconds: format.
        sha256: of the file.
        audio: SHA-256 of its samples, equal for copies.
        unreadable: why it could not be read; the fields above are then empty.
        useless: why training would leave it out although it can be read.
    """

    path: str
    size: int
    changed: int
    rate: int = 0
    channels: int = 0
    seconds: float = 0.0
    sha256: str = ""
    audio: str = ""
    unreadable: str | None = None
    useless: str | None = None


class FileMeasures(NamedTuple):
    """A file's state, its measures `[COLUMNS]` and its wave `[N]`; None for unreadable files."""

    info: FileInfo
    measures: Floats | None = None
    wave: Floats | None = None


@dataclass(frozen=True)
class FileReader:
    """Reads files below `root`; waves are at `rate` and last `seconds`."""

    root: Path
    rate: int
    seconds: float

    def __call__(self, path: str) -> FileMeasures:
        """Read and measure one file; damage is reported in its `FileInfo`."""
        file = self.root / path
        size, changed = stamp(file)
        try:
            sound = Sound.read(file)
        except AudioError as error:
            return FileMeasures(FileInfo(path, size, changed, unreadable=reason(error, file)))
        info = FileInfo(
            path,
            size,
            changed,
            sound.rate,
            sound.channels,
            sound.seconds,
            sha256(file),
            sound.sha256,
            useless=unusable(sound),
        )
        measures = np.concatenate([group.measure(sound, self.seconds) for group in GROUPS.values()])
        return FileMeasures(info, measures, wave_of(sound, self.rate, self.seconds))

    def wave(self, path: str) -> Floats:
        """Return the wave `[N]` of one file.

        Raises:
            AudioError: when it cannot be read.
        """
        return wave_of(Sound.read(self.root / path), self.rate, self.seconds)


def wave_of(sound: Sound, rate: int, seconds: float) -> Floats:
    """Return the wave `[N]` by which a sound is compared.

    It is mono, resampled to `rate`, cut with a fade or padded to `seconds`, and has a peak of -1 dBFS.
    """
    frames = max(1, round(seconds * sound.rate))
    part = sound.mono().crop(frames)
    if sound.part(frames, sound.frames).any():
        part = part.fade(out_seconds=_FADE_SECONDS)
    samples: Floats = part.resample(rate).crop(max(1, round(seconds * rate))).normalise(PEAK_DB).samples[0]
    return samples


def stamp(file: Path) -> tuple[int, int]:
    """Return size and time of the last change of a file; zeros if it does not exist."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
