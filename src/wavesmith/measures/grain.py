"""How even a decay is: bursts in a tail, and how sparse its noise is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wavesmith.measures.arrays import SILENCE, Bands, Floats, as_waves, decibels
from wavesmith.measures.tonality import SHORT_SECONDS, band_flatness, window_power

LOW_HZ = 400.0
BURST_DB, RIPPLE_DB = 6.0, 1.0
RIPPLE_SECONDS = 0.0015

_AFTER_PEAK_SECONDS = 0.02
_TAIL_DB = -30.0  # re the peak of the envelope: where the tail ends
_SHORTEST_SECONDS = 0.03
_BURST_WINDOW, _RIPPLE_WINDOW = 0.015, 0.0007  # seconds over which power is averaged
_NOISE_HZ = (1600.0, 6000.0)
_LOWEST_HZ, _HIGHEST_HZ = 20.0, 18_000.0


def bursts(waves: ArrayLike, rate: int, highest: float = _HIGHEST_HZ) -> Floats:
    """Count the rises of more than 6 dB in a tail, per second, `[B]`.

    The tail begins 20 ms after the loudest moment and ends where the sound stays 30 dB below it. The envelope
    is the power below `highest` Hz, averaged over 15 ms. A rise goes from a lowest point to the next point
    that is more than 6 dB higher; the next one is sought after the level has fallen by as much. NaN for a
    tail of less than 30 ms, as silence has.
    """
    return grain(Bands(as_waves(waves), rate), highest)[0]


def ripples(waves: ArrayLike, rate: int, highest: float = _HIGHEST_HZ) -> Floats:
    """Count the rises of more than 1 dB within 1.5 ms in a tail, per second, `[B]`.

    The tail is that of `bursts`. The envelope is averaged over 0.7 ms. Gaussian noise ripples hundreds of
    times a second, a single decaying tone never, two tones at their difference; low kicks ripple by
    themselves. Compare with real sounds only.
    """
    return grain(Bands(as_waves(waves), rate), highest)[1]


def noise_flatness(waves: ArrayLike, rate: int) -> Floats:
    """Measure spectral flatness from 1.6 to 6 kHz in windows of about 20 ms, in dB, `[B]`.

    -2.5 for Gaussian noise; less where noise is sparse ("musical"), and for tones. NaN where nothing is
    heard.
    """
    return noise_flatness_of(window_power(as_waves(waves), rate, SHORT_SECONDS), rate)


def noise_flatness_of(power: Floats, rate: int) -> Floats:
    """Compute `noise_flatness` of power spectra."""
    return band_flatness(power, rate, *_NOISE_HZ)


def grain(bands: Bands, highest: float = _HIGHEST_HZ) -> tuple[Floats, Floats]:
    """Compute `bursts` and `ripples` in one go."""
    power, rate = bands.power(_LOWEST_HZ, min(highest, 0.47 * bands.rate))
    found = np.full((2, len(power)), np.nan)
    for index, row in enumerate(power):
        tail = _tail(row, rate)
        if tail is None:
            continue
        slow = decibels(_averaged(row, round(_BURST_WINDOW * rate))[tail])
        quick = decibels(_averaged(row, round(_RIPPLE_WINDOW * rate))[tail])
        found[:, index] = _count_bursts(slow, rate), _count_ripples(quick, rate)
        found[:, index] *= rate / len(slow)
    return found[0], found[1]


def _tail(power: Floats, rate: float) -> slice | None:
    """Where a tail is; None if it is too short."""
    loudness = _averaged(power, round(_BURST_WINDOW * rate))
    peak = int(loudness.argmax())
    if loudness[peak] < SILENCE:
        return None
    start = peak + round(_AFTER_PEAK_SECONDS * rate)
    heard = np.flatnonzero(loudness > loudness[peak] * 10 ** (_TAIL_DB / 10))
    end = int(heard[-1]) + 1
    return slice(start, end) if end - start >= _SHORTEST_SECONDS * rate else None


def _averaged(power: Floats, size: int) -> Floats:
    """Mean of each `size` neighbours, as long as the input."""
    size = min(max(1, size), len(power))
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
