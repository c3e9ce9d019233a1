"""Faults that a listener hears at once: wrong levels, clicks, late attacks, cut tails, double hits."""

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


class Checkup(Levels):
    """Levels of one sound and the shape of its envelope (the peak of every millisecond).

    Attributes:
        step_db: level of the first sample relative to the peak; a sound that begins with a step clicks.
        peak_seconds: when the sound is loudest.
        hits: how often it begins: parts above -30 dB re its peak with more than 30 ms below -50 dB between.
        gap_seconds: the longest silence between two such parts; 0 if there is one part.
        loudness_db: in LUFS, see `loudness`.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    step_db: float
    peak_seconds: float
    hits: int
    gap_seconds: float
    loudness_db: float


class Spread(BaseModel):
    """How a measurement is spread over sounds: its extremes, its median, and what 5 and 95 % lie below."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    lowest: float
    low: float
    median: float
    high: float
    highest: float


class Hygiene(BaseModel):
    """Checkups of a set of sounds.

    Attributes:
        sounds: how many were checked.
        faults: the share (0 to 1) of them that has each fault, and `faultless`, which have none:
            `quiet`: peak below -40 dBFS;
            `clipped`: a sample at full scale or beyond;
            `dc`: mean above -50 dBFS;
            `click`: the first sample above -20 dB re the peak;
            `late`: attack later than 10 ms;
            `cut`: the last 50 ms above -50 dBFS;
            `double_hits`: more than one hit.
        levels: spread of each measurement of `Checkup`.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    faults: dict[str, Estimate]
    levels: dict[str, Spread]


Table = Mapping[str, NDArray[np.floating]]
"""Values of each field of `Checkup`, one of each sound."""

_FAULTS: dict[str, Callable[[Table], NDArray[np.bool_]]] = {
    "quiet": lambda table: table["peak_db"] < QUIET_DB,
    "clipped": lambda table: table["clipped"] > 0,
    "dc": lambda table: table["dc_db"] > DC_DB,
    "click": lambda table: table["step_db"] > STEP_DB,
    "late": lambda table: table["attack_seconds"] > LATE_SECONDS,
    "cut": lambda table: table["tail_db"] > CUT_DB,
    "double_hits": lambda table: table["hits"] > 1,
}


def hygiene(sounds: Sequence[Sound]) -> Hygiene:
    """Check every sound and count the faults.

    Raises:
        RequestError: when there is no sound.
    """
    checkups = [checkup(sound) for sound in sounds]
    return summary(
        {field: np.array([getattr(one, field) for one in checkups], float) for field in Checkup.model_fields}
    )


def summary(table: Table) -> Hygiene:
    """Count the faults of sounds that have been checked.

    Raises:
        RequestError: when there is no sound.
    """
    count = len(table["peak_db"])
    if not count:
        raise RequestError("There is no sound to check; generate some first.")
    faults = {name: has(table) for name, has in _FAULTS.items()}
    faults["faultless"] = ~np.any(list(faults.values()), axis=0)
    return Hygiene(
        sounds=count,
        faults={name: share(int(found.sum()), count) for name, found in faults.items()},
        levels={field: _spread(table[field]) for field in Checkup.model_fields},
    )


def checkup(sound: Sound) -> Checkup:
    """Measure one sound."""
    envelope = _envelope(sound)
    parts = _loud_parts(envelope)
    gaps = [after[0] - before[-1] - 1 for before, after in pairwise(parts)]
    return Checkup(
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
