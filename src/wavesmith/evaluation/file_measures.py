"""What is measured of one sound file, in any process: without torch, which takes seconds to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wavesmith.data.scan import reason, useless
from wavesmith.errors import AudioError
from wavesmith.evaluation.faults import Checkup, checkup
from wavesmith.evaluation.spectra import WIDTH, profile
from wavesmith.files import sha256
from wavesmith.measures import MEASURES, measure
from wavesmith.sound import Sound

CHECKS = tuple(Checkup.model_fields)
SOUND_MEASURES = len(MEASURES)
COLUMNS = len(CHECKS) + WIDTH + SOUND_MEASURES
PEAK_DB = -1.0
_FADE_SECONDS = 0.02


class Facts(NamedTuple):
    """What is known of a file that was read.

    Attributes:
        path: relative to its folder.
        size, changed: bytes, and when it was last written (ns), by which a change is noticed.
        rate, channels, seconds: its format.
        sha256: of the file.
        audio: SHA-256 of its samples, which copies share.
        unreadable: why it could not be read; the facts above are then empty.
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


class Reading(NamedTuple):
    """A file's facts, what was measured and its wave `[N]`.

    `measures` `[COLUMNS]` are a checkup, a profile and then what `wavesmith.measures` measures.
    """

    facts: Facts
    measures: NDArray[np.float32] | None = None
    wave: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Reader:
    """Reads files below `root`; waves come at `rate` and last `seconds`, as an embedding takes them."""

    root: Path
    rate: int
    seconds: float

    def __call__(self, path: str) -> Reading:
        """Read and measure one file; damage is a fact, not an error."""
        file = self.root / path
        size, changed = stamp(file)
        try:
            sound = Sound.read(file)
        except AudioError as error:
            return Reading(Facts(path, size, changed, unreadable=reason(error, file)))
        facts = Facts(
            path,
            size,
            changed,
            sound.rate,
            sound.channels,
            sound.seconds,
            sha256(file),
            sound.sha256,
            useless=useless(sound),
        )
        found = checkup(sound)
        checks = np.array([getattr(found, name) for name in CHECKS], np.float32)
        heard = sound.crop(max(1, round(self.seconds * sound.rate))).samples
        measures = np.concatenate([checks, profile(sound, self.seconds), measure(heard, sound.rate)[0]])
        return Reading(facts, measures, wave_of(sound, self.rate, self.seconds))

    def wave(self, path: str) -> NDArray[np.float32]:
        """The wave `[N]` of one file alone.

        Raises:
            AudioError: when it cannot be read.
        """
        return wave_of(Sound.read(self.root / path), self.rate, self.seconds)


def wave_of(sound: Sound, rate: int, seconds: float) -> NDArray[np.float32]:
    """A sound as it is compared, `[N]`: mono, at a rate, cut (with a fade) or filled up, peak -1 dBFS."""
    frames = max(1, round(seconds * sound.rate))
    part = sound.mono().crop(frames)
    if sound.part(frames, sound.frames).any():
        part = part.fade(out_seconds=_FADE_SECONDS)
    samples: NDArray[np.float32] = (
        part.resample(rate).crop(max(1, round(seconds * rate))).normalise(PEAK_DB).samples[0]
    )
    return samples


def stamp(file: Path) -> tuple[int, int]:
    """Size and time of the last change of a file; zeros if it has gone."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
