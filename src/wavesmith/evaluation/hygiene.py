"""Faults that a listener hears at once: wrong levels, late attacks, cut tails, double hits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from wavesmith.errors import RequestError
from wavesmith.sound import Levels, Sound

GAP_SECONDS = 0.03
GAP_DB = -50.0
HIT_DB = -30.0
LATE_SECONDS = 0.01
CUT_DB = -70.0
DC_DB = -50.0
QUIET_DB = -40.0


class Checkup(Levels):
    """Levels of one sound and the shape of its envelope (the peak of every millisecond).

    Attributes:
        peak_seconds: when the sound is loudest.
        hits: how often it begins: parts above -30 dB re its peak with more than 30 ms below -50 dB between.
        gap_seconds: the longest silence between two such parts; 0 if there is one part.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    peak_seconds: float
    hits: int
    gap_seconds: float


class Hygiene(BaseModel):
    """Checkups of a set of sounds, and the shares of them (0 to 1) that have each fault.

    Attributes:
        quiet: peak below -40 dBFS.
        clipped: a sample at full scale or beyond.
        dc: mean above -50 dBFS.
        late: attack later than 10 ms.
        cut: the last 50 ms above -70 dBFS.
        double_hits: more than one hit.
        faultless: none of these.
    """

    model_config = ConfigDict(frozen=True)

    sounds: tuple[Checkup, ...]
    quiet: float
    clipped: float
    dc: float
    late: float
    cut: float
    double_hits: float
    faultless: float


_FAULTS: dict[str, Callable[[Checkup], bool]] = {
    "quiet": lambda sound: sound.peak_db < QUIET_DB,
    "clipped": lambda sound: sound.clipped > 0,
    "dc": lambda sound: sound.dc_db > DC_DB,
    "late": lambda sound: sound.attack_seconds > LATE_SECONDS,
    "cut": lambda sound: sound.tail_db > CUT_DB,
    "double_hits": lambda sound: sound.hits > 1,
}


def hygiene(sounds: Sequence[Sound]) -> Hygiene:
    """Check every sound and count the faults.

    Raises:
        RequestError: when there is no sound.
    """
    if not sounds:
        raise RequestError("There is no sound to check; generate some first.")
    checkups = tuple(checkup(sound) for sound in sounds)
    faults = np.array([[has(one) for has in _FAULTS.values()] for one in checkups])
    shares = dict(zip(_FAULTS, faults.mean(axis=0).tolist(), strict=True))
    return Hygiene(sounds=checkups, faultless=float((~faults.any(axis=1)).mean()), **shares)


def checkup(sound: Sound) -> Checkup:
    """Measure one sound."""
    envelope = _envelope(sound)
    parts = _loud_parts(envelope)
    gaps = [after[0] - before[-1] - 1 for before, after in pairwise(parts)]
    return Checkup(
        **sound.levels().model_dump(),
        peak_seconds=int(envelope.argmax()) / 1000 if envelope.size else 0.0,
        hits=len(parts),
        gap_seconds=max(gaps, default=0) / 1000,
    )


def _envelope(sound: Sound) -> NDArray[np.float32]:
    """Peak over all channels in every millisecond, relative to the loudest."""
    size = np.abs(sound.samples).max(axis=0)
    starts = np.unique(np.arange(0, sound.frames, sound.rate / 1000).astype(int))
    envelope = np.maximum.reduceat(size, starts) if size.size else size
    peak = size.max(initial=0)
    return envelope / peak if peak else envelope


def _loud_parts(envelope: NDArray[np.float32]) -> list[NDArray[np.intp]]:
    """Milliseconds of each part between silences that gets loud enough to be heard as a hit of its own."""
    sounding = np.flatnonzero(envelope > 10 ** (GAP_DB / 20))
    breaks = np.flatnonzero(np.diff(sounding) > GAP_SECONDS * 1000 + 1)
    parts = np.split(sounding, breaks + 1) if sounding.size else []
    return [part for part in parts if envelope[part].max() > 10 ** (HIT_DB / 20)]
