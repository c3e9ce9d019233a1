"""Audible faults: wrong levels, clicks, late attacks, cut tails, double hits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from wavesmith.errors import RequestError
from wavesmith.evaluation.bootstrap import Estimate, share
from wavesmith.evaluation.loudness import loudness
from wavesmith.sound import Levels, Sound

GAP_SECONDS = 0.03
GAP_DB = -50.0
HIT_DB = -30.0
STEP_DB = -20.0
LATE_SECONDS = 0.01
CUT_DB = -50.0
DC_DB = -50.0
QUIET_DB = -40.0


class SoundCheck(Levels):
    """Levels of one sound and the shape of its envelope (the peak of every millisecond).

    Attributes:
        step_db: level of the first sample relative to the peak; a step at the start is a click.
        peak_seconds: time of the maximum.
        hits: number of parts above -30 dB re peak with more than 30 ms below -50 dB between them.
        gap_seconds: longest silence between two such parts; 0 if there is one part.
        loudness_db: in LUFS, see `loudness`.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    step_db: float
    peak_seconds: float
    hits: int
    gap_seconds: float
    loudness_db: float


class Spread(BaseModel):
    """Distribution of a measurement over sounds: minimum, 5 %, 50 % and 95 % quantile, and maximum."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    lowest: float
    low: float
    median: float
    high: float
    highest: float


class FaultSummary(BaseModel):
    """Faults and levels of a set of sounds.

    Attributes:
        sounds: number of sounds.
        faults: share (0 to 1) of sounds that have each fault, and `faultless` for none:
            `quiet`: peak below -40 dBFS;
            `clipped`: a sample at full scale or beyond;
            `dc`: mean above -50 dBFS;
            `click`: the first sample above -20 dB re the peak;
            `late`: attack later than 10 ms;
            `cut`: the last 50 ms above -50 dBFS;
            `double_hits`: more than one hit.
        levels: distribution of each field of `SoundCheck`.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    faults: dict[str, Estimate]
    levels: dict[str, Spread]


Table = Mapping[str, NDArray[np.floating]]
"""Values `[N]` of each field of `SoundCheck`."""

_FAULTS: dict[str, Callable[[Table], NDArray[np.bool_]]] = {
    "quiet": lambda table: table["peak_db"] < QUIET_DB,
    "clipped": lambda table: table["clipped"] > 0,
    "dc": lambda table: table["dc_db"] > DC_DB,
    "click": lambda table: table["step_db"] > STEP_DB,
    "late": lambda table: table["attack_seconds"] > LATE_SECONDS,
    "cut": lambda table: table["tail_db"] > CUT_DB,
    "double_hits": lambda table: table["hits"] > 1,
}


def check_sounds(sounds: Sequence[Sound]) -> FaultSummary:
    """Check every sound and count the faults.

    Raises:
        RequestError: when there is no sound.
    """
    checks = [check_sound(sound) for sound in sounds]
    return summarise(
        {field: np.array([getattr(one, field) for one in checks], float) for field in SoundCheck.model_fields}
    )


def summarise(table: Table) -> FaultSummary:
    """Count the faults of sounds that were checked.

    Raises:
        RequestError: when there is no sound.
    """
    count = len(table["peak_db"])
    if not count:
        raise RequestError("There is no sound to check; give at least one.")
    faults = {name: has(table) for name, has in _FAULTS.items()}
    faults["faultless"] = ~np.any(list(faults.values()), axis=0)
    return FaultSummary(
        sounds=count,
        faults={name: share(int(found.sum()), count) for name, found in faults.items()},
        levels={field: _spread(table[field]) for field in SoundCheck.model_fields},
    )


def check_sound(sound: Sound) -> SoundCheck:
    """Measure one sound."""
    envelope = _envelope(sound)
    parts = _loud_parts(envelope)
    gaps = [after[0] - before[-1] - 1 for before, after in pairwise(parts)]
    return SoundCheck(
        **sound.levels().model_dump(),
        step_db=_step_db(sound),
        peak_seconds=int(envelope.argmax()) / 1000 if envelope.size else 0.0,
        hits=len(parts),
        gap_seconds=max(gaps, default=0) / 1000,
        loudness_db=loudness(sound),
    )


def _step_db(sound: Sound) -> float:
    first = float(np.abs(sound.samples[:, :1]).max(initial=0))
    return 20 * math.log10(first / sound.peak) if first else -math.inf


def _spread(values: NDArray[np.floating]) -> Spread:
    ordered = np.sort(values)  # not np.quantile, whose sums make NaN of -inf
    places = (0, 0.05, 0.5, 0.95, 1)
    return Spread(
        **{
            name: float(ordered[round(place * (len(ordered) - 1))])
            for name, place in zip(Spread.model_fields, places, strict=True)
        }
    )


def _envelope(sound: Sound) -> NDArray[np.float32]:
    """Return the peak over all channels in every millisecond, relative to the maximum."""
    size = np.abs(sound.samples).max(axis=0)
    starts = np.unique(np.arange(0, sound.frames, sound.rate / 1000).astype(int))
    envelope = np.maximum.reduceat(size, starts) if size.size else size
    peak = size.max(initial=0)
    return envelope / peak if peak else envelope


def _loud_parts(envelope: NDArray[np.float32]) -> list[NDArray[np.intp]]:
    """Return the milliseconds of each part between silences that is loud enough to count as a hit."""
    sounding = np.flatnonzero(envelope > 10 ** (GAP_DB / 20))
    breaks = np.flatnonzero(np.diff(sounding) > GAP_SECONDS * 1000 + 1)
    parts = np.split(sounding, breaks + 1) if sounding.size else []
    return [part for part in parts if envelope[part].max() > 10 ** (HIT_DB / 20)]
