"""How a sound begins, lasts and ends: attack, lead, decay of each octave, noise floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wavesmith.measures.arrays import SILENCE, Floats, as_waves, Bands, decibels, frames
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
    sounds = as_waves(waves)
    total = np.square(sounds).sum(axis=(1, 2)) / rate
    bands = Bands(sounds, rate)
    rows = [_octave_decay(bands, centre, total) for centre in OCTAVES_HZ]
    return np.stack(rows, axis=1)


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
    sounds = as_waves(waves)
    found = np.full(len(sounds), np.nan)
    if not sounds.shape[2]:
        return found
    window = max(1, round(_ATTACK_WINDOW * rate))
    kernel = np.ones(window) / window
    for index, sound in enumerate(sounds):
        power = np.convolve(np.square(sound).sum(axis=0), kernel)[: sound.shape[1]]
        if power.max() < SILENCE:
            continue
        size = np.sqrt(power / power.max())
        begun, reached = int((size >= low).argmax()), int((size >= high).argmax())
        found[index] = 1000 * (reached - begun) / rate
    return found


def _octave_decay(bands: Bands, centre: float, total: Floats) -> Floats:
    found = np.full(len(total), np.nan)
    low, high = centre * 2**-0.5, min(centre * 2**0.5, 0.49 * bands.rate)
    if high < 1.2 * low:
        return found
    power, envelope_rate = bands.power(low, high)
    for index, row in enumerate(power):
        energy = row.sum() / envelope_rate
        if energy <= max(SILENCE * 1e-3, total[index] * 10 ** (_OCTAVE_HEARD_DB / 10)):
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
