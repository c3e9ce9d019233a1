"""How a sound begins, lasts and ends: attack, lead, decay of each octave, noise floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from wavesmith.measures.arrays import SILENCE, Bands, Floats, as_waves, decibels, frames
from wavesmith.measures.tonality import OCTAVES_HZ

FLOOR_DB = -90.0

_ATTACK_WINDOW = 0.001  # seconds
_BEGUN, _REACHED = 0.1, 0.9  # of the peak of the envelope
_AUDIBLE_DB = -50.0
_DECAY_FROM_DB, _DECAY_TO_DB = -5.0, -25.0
_OCTAVE_HEARD_DB = -70.0  # re the whole sound
_FRAME_SECONDS = 0.02
_QUIETEST = 0.1  # share of the frames


def attack(waves: ArrayLike, rate: int) -> Floats:
    """Measure the milliseconds from 10 % to 90 % of the peak of the envelope, `[B]`; NaN for silence.

    The envelope is the rms over channels, smoothed over 1 ms, which is the shortest attack that is told.
    """
    return _rise(waves, rate, _BEGUN, _REACHED)


def lead(waves: ArrayLike, rate: int) -> Floats:
    """Measure the milliseconds for which a sound is above -50 dB re its peak before it reaches 10 %, `[B]`.

    Long where an echo precedes the attack, or noise does. NaN for silence.
    """
    return _rise(waves, rate, 10 ** (_AUDIBLE_DB / 20), _BEGUN)


def decay(waves: ArrayLike, rate: int) -> Floats:
    """Measure how long each of `OCTAVES_HZ` takes to fall by 60 dB, in seconds, `[B, 9]`.

    Extrapolated from the fall between 5 and 25 dB of the energy that is still to come (Schroeder 1965, "New
    method of measuring reverberation time"), at least 1 ms. NaN beyond half the rate and for octaves 70 dB
    below the whole sound.
    """
    return octave_decays(Bands(as_waves(waves), rate))


def octave_decays(bands: Bands) -> Floats:
    """Compute `decay` of bands that are there already."""
    return np.stack([_octave_decay(bands, centre) for centre in OCTAVES_HZ], axis=1)


def noise_floor(waves: ArrayLike, rate: int) -> Floats:
    """Measure the level of the quietest tenth of 20 ms frames in dB re the loudest, `[B]`; -90 at least.

    Frames after the last sample that is not zero do not count. NaN for silence.
    """
    sounds = as_waves(waves)
    found = np.full(len(sounds), np.nan)
    size = max(1, round(_FRAME_SECONDS * rate))
    for index, sound in enumerate(sounds):
        sounding = np.flatnonzero(np.abs(sound).max(axis=0) > 10 ** (-100 / 20))
        if sounding.size:
            # Only whole frames: one that is filled up with silence would be the quietest.
            whole = max(size, int(sounding[-1]) // size * size)
            levels = np.square(frames(sound[:, :whole], size, size)).mean(axis=2).sum(axis=0)
            if levels.max() > SILENCE:
                found[index] = np.quantile(decibels(levels / levels.max(), FLOOR_DB), _QUIETEST)
    return found


def _rise(waves: ArrayLike, rate: int, low: float, high: float) -> Floats:
    found: Floats = rises(as_waves(waves), rate, ((low, high),))[0]
    return found


def attack_and_lead(waves: Floats, rate: int) -> tuple[Floats, Floats]:
    """Compute `attack` and `lead` in one go."""
    found = rises(waves, rate, ((_BEGUN, _REACHED), (10 ** (_AUDIBLE_DB / 20), _BEGUN)))
    return found[0], found[1]


def rises(sounds: Floats, rate: int, levels: Sequence[tuple[float, float]]) -> Floats:
    """Measure the milliseconds `[K, B]` between pairs of levels, as shares of the peak of the envelope."""
    found = np.full((len(levels), len(sounds)), np.nan)
    window = max(1, round(_ATTACK_WINDOW * rate))
    for index, sound in enumerate(sounds):
        sums = np.concatenate([np.zeros(window), np.square(sound).sum(axis=0).cumsum()])
        power = np.maximum(sums[window:] - sums[:-window], 0.0)
        if not power.size or power.max() < SILENCE * window:
            continue
        size = np.sqrt(power / power.max())
        for row, (low, high) in enumerate(levels):
            begun, reached = int((size >= low).argmax()), int((size >= high).argmax())
            found[row, index] = 1000 * (reached - begun) / rate
    return found


def _octave_decay(bands: Bands, centre: float) -> Floats:
    found = np.full(len(bands.energy), np.nan)
    low, high = centre * 2**-0.5, min(centre * 2**0.5, 0.49 * bands.rate)
    if high < 1.2 * low:
        return found
    power, envelope_rate = bands.power(low, high)
    for index, row in enumerate(power):
        energy = row.sum() / envelope_rate
        if energy <= max(SILENCE * 1e-3, bands.energy[index] * 10 ** (_OCTAVE_HEARD_DB / 10)):
            continue
        left = row[::-1].cumsum()[::-1]
        levels = decibels(left / left[0])
        start, end = (_place(levels, level) for level in (_DECAY_FROM_DB, _DECAY_TO_DB))
        seconds = (end - start) / envelope_rate * 60 / (_DECAY_FROM_DB - _DECAY_TO_DB)
        found[index] = max(seconds, 0.001)
    return found


def _place(levels: Floats, level: float) -> float:
    """Where falling levels cross one, between frames."""
    after = int((levels < level).argmax()) if levels[-1] < level else len(levels)
    if after in (0, len(levels)):
        return float(after)
    above, below = levels[after - 1], levels[after]
    return after - 1 + float((above - level) / max(above - below, 1e-12))
