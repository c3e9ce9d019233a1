"""How even a decay is: bursts in a tail, and how sparse its noise is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wavesmith.measures.arrays import SILENCE, Floats, as_waves, Bands, decibels
from wavesmith.measures.tonality import band_flatness

LOW_HZ = 400.0
BURST_DB, RIPPLE_DB = 6.0, 1.0
RIPPLE_SECONDS = 0.0015

_AFTER_PEAK_SECONDS = 0.02
_TAIL_DB = -30.0  # re the peak of the envelope: where the tail ends
_SHORTEST_SECONDS = 0.03
_BURST_WINDOW, _RIPPLE_WINDOW = 0.015, 0.0007  # seconds over which power is averaged
_NOISE_HZ = (1600.0, 6000.0)
_NOISE_SECONDS = 0.02
_LOWEST_HZ, _HIGHEST_HZ = 20.0, 18_000.0


def bursts(waves: ArrayLike, rate: int, highest: float = _HIGHEST_HZ) -> Floats:
    """Count the rises of more than 6 dB in a tail, per second, `[B]`.

    The tail begins 20 ms after the loudest moment and ends where the sound stays 30 dB below it. The envelope
    is the power below `highest` Hz, averaged over 15 ms. A rise goes from a lowest point to the next point that
    is more than 6 dB higher; the next one is sought after the level has fallen by as much. NaN for a tail of
    less than 30 ms, as silence has.
    """
    return _rates(waves, rate, highest, _BURST_WINDOW, _count_bursts)


def ripples(waves: ArrayLike, rate: int, highest: float = _HIGHEST_HZ) -> Floats:
    """Count the rises of more than 1 dB within 1.5 ms in a tail, per second, `[B]`; the tail is that of `bursts`.

    The envelope is averaged over 0.7 ms. Gaussian noise ripples hundreds of times a second, a single decaying
    tone never, two tones at their difference; low kicks ripple by themselves. Compare with real sounds only.
    """
    return _rates(waves, rate, highest, _RIPPLE_WINDOW, _count_ripples)


def noise_flatness(waves: ArrayLike, rate: int) -> Floats:
    """Measure spectral flatness from 1.6 to 6 kHz in windows of 20 ms, in dB, `[B]`.

    -2.5 for Gaussian noise; less where noise is sparse ("musical"), and for tones. NaN where nothing is heard.
    """
    return band_flatness(waves, rate, _NOISE_SECONDS, *_NOISE_HZ)


def _rates(waves: ArrayLike, rate: int, highest: float, window: float, count: object) -> Floats:
    sounds = as_waves(waves)
    found = np.full(len(sounds), np.nan)
    power, envelope_rate = Bands(sounds, rate).power(_LOWEST_HZ, min(highest, 0.47 * rate))
    for index, row in enumerate(power):
        smooth = _averaged(row, max(1, round(window * envelope_rate)))
        tail = _tail(row, smooth, envelope_rate)
        if tail is not None:
            levels = decibels(tail / tail.max(), -100.0)
            seconds = len(levels) / envelope_rate
            found[index] = count(levels, envelope_rate) / seconds  # type: ignore[operator]
    return found


def _tail(power: Floats, smooth: Floats, rate: float) -> Floats | None:
    loudness = _averaged(power, max(1, round(_BURST_WINDOW * rate)))
    peak = int(loudness.argmax())
    if loudness[peak] < SILENCE:
        return None
    start = peak + round(_AFTER_PEAK_SECONDS * rate)
    heard = np.flatnonzero(loudness > loudness[peak] * 10 ** (_TAIL_DB / 10))
    end = int(heard[-1]) + 1
    return smooth[start:end] if end - start >= _SHORTEST_SECONDS * rate else None


def _averaged(power: Floats, size: int) -> Floats:
    """Mean of each `size` neighbours, as long as the input."""
    size = min(size, len(power))
    sums = np.concatenate([[0.0], np.pad(power, (size // 2, size - 1 - size // 2), mode="edge").cumsum()])
    mean: Floats = np.maximum(sums[size:] - sums[:-size], 0.0) / size
    return mean


def _count_bursts(levels: Floats, rate: float) -> int:
    count, lowest, highest, rising = 0, float(levels[0]), float(levels[0]), False
    for level in levels[:: max(1, round(0.002 * rate))].tolist():
        if rising:
            highest = max(highest, level)
            if level < highest - BURST_DB:
                rising, lowest = False, level
        else:
            lowest = min(lowest, level)
            if level > lowest + BURST_DB:
                count, rising, highest = count + 1, True, level
    return count


def _count_ripples(levels: Floats, rate: float) -> int:
    step = max(1, round(RIPPLE_SECONDS * rate))
    if len(levels) <= step:
        return 0
    risen = (levels[step:] - levels[:-step]) > RIPPLE_DB
    return int(risen[0]) + int((risen[1:] & ~risen[:-1]).sum())
