"""How tonal a sound is: what its strongest partials hold, and how flat its spectrum is in each octave."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from wavesmith.measures.arrays import SILENCE, Bands, Floats, as_waves, decibels, frame_power, onsets, squares

PARTIALS = (1, 3, 6, 12)
"""Numbers of partials whose share of the energy is measured."""

OCTAVES_HZ = tuple(62.5 * 2.0**k for k in range(9))
"""Centres of the octave bands, 62.5 Hz to 16 kHz."""

LONG_SECONDS, SHORT_SECONDS = 0.186, 0.023
"""Windows of `flatness`."""

SKIPPED_SECONDS = 0.015
RESOLUTION_HZ = 44_100 / 32_768

_HALF_WIDTH_HZ = 2.7
_LOWEST_HZ = 25.0
_RELEASE = 0.2  # of the part that is measured, faded out so that a tone that goes on does not leak
_HEARD_DB = -30.0  # re an octave's loudest frame
_OCTAVE_HEARD_DB = -70.0  # re the whole sound
_FEWEST_BINS = 4
_PITCHED = 0.02


def partial_shares(waves: ArrayLike, rate: int) -> Floats:
    """Measure the share (0 to 1) of energy that the 1, 3, 6 and 12 strongest partials hold, `[B, 4]`.

    Counted from 15 ms after the onset, for 743 ms, in a spectrum whose bins are 1.35 Hz wide. A partial is
    the strongest bin and what lies within 4 Hz of it; the next is sought in the rest. Silence, and a sound
    that is over after 15 ms, have 0.
    """
    return _partials(as_waves(waves), rate)[0]


def pitch(waves: ArrayLike, rate: int) -> Floats:
    """Find the frequency of the strongest partial in Hz, `[B]`; NaN where it holds less than 2 %."""
    return _partials(as_waves(waves), rate)[1]


def shares_and_pitch(waves: ArrayLike, rate: int) -> tuple[Floats, Floats]:
    """Compute `partial_shares` and `pitch` in one go."""
    return _partials(as_waves(waves), rate)


def flatness(waves: ArrayLike, rate: int, seconds: float) -> Floats:
    """Measure spectral flatness in dB for each of `OCTAVES_HZ`, `[B, 9]`.

    Hann windows of about so many seconds (a power of two of samples) overlap by half. The geometric mean of
    an octave's bins over their arithmetic mean: -2.5 dB for Gaussian noise, less for tones. The mean over the
    frames in which the octave is within 30 dB of its loudest. NaN for octaves with fewer than 4 bins, beyond
    half the rate, or 70 dB below the whole sound.
    """
    return octave_flatness(window_power(as_waves(waves), rate, seconds), rate)


def window_power(sounds: Floats, rate: int, seconds: float) -> Floats:
    """Compute power spectra `[B, T, F]` of windows that overlap by half, of a power of two of samples."""
    size = max(16, 2 ** round(math.log2(seconds * rate)))
    return frame_power(sounds, size, size // 2)


def octave_flatness(power: Floats, rate: int) -> Floats:
    """Compute `flatness` of power spectra."""
    total = power.sum(axis=(1, 2))
    rows = []
    for centre in OCTAVES_HZ:
        inside = _bins(2 * (power.shape[2] - 1), rate, centre)
        if inside is None:
            rows.append(np.full(len(power), np.nan))
        else:
            rows.append(_mean_flatness(power[..., inside], total))
    return np.stack(rows, axis=1)


def band_flatness(power: Floats, rate: int, low: float, high: float) -> Floats:
    """Compute the flatness of power spectra between two frequencies in Hz, in dB, `[B]`, as `flatness`."""
    size = 2 * (power.shape[2] - 1)
    first, last = int(np.ceil(low * size / rate)), int(high * size / rate)
    if last - first < _FEWEST_BINS or high > 0.5 * rate:
        return np.full(len(power), np.nan)
    return _mean_flatness(power[..., first : last + 1], power.sum(axis=(1, 2)))


def _bins(size: int, rate: int, centre: float) -> slice | None:
    low, high = centre * 2**-0.5, min(centre * 2**0.5, 0.5 * rate)
    first, last = int(np.ceil(low * size / rate)), int(high * size / rate)
    return slice(first, last + 1) if last - first + 1 >= _FEWEST_BINS and high > 1.2 * low else None


def _mean_flatness(power: Floats, total: Floats) -> Floats:
    """Mean over frames of the flatness of `[B, T, bins]`; NaN where nothing is heard."""
    energy = power.mean(axis=2)
    heard = energy >= energy.max(axis=1, keepdims=True) * 10 ** (_HEARD_DB / 10)
    logs = np.log(np.maximum(power, 1e-9 * energy[..., None] + 1e-30)).mean(axis=2)
    levels = (10 / np.log(10)) * (logs - np.log(energy + 1e-30))
    mean = (levels * heard).sum(axis=1) / heard.sum(axis=1)
    audible = (power.sum(axis=(1, 2)) > total * 10 ** (_OCTAVE_HEARD_DB / 10)) & (total > SILENCE)
    found: Floats = np.where(audible, mean, np.nan)
    return found


def octave_levels(waves: ArrayLike, rate: int) -> Floats:
    """Measure the level of each of `OCTAVES_HZ` in dB relative to the whole sound, `[B, 9]`, -70 at least.

    NaN beyond half the rate.
    """
    return levels_of(Bands(as_waves(waves), rate))


def levels_of(bands: Bands) -> Floats:
    """Compute `octave_levels` of bands that are there already."""
    power = squares(bands.spectrum).sum(axis=1, dtype=np.float64)
    hertz = np.linspace(0, bands.rate / 2, power.shape[1])
    total = power.sum(axis=1) + 1e-30
    rows = []
    for centre in OCTAVES_HZ:
        first, last = np.searchsorted(hertz, (centre * 2**-0.5, centre * 2**0.5))
        level = decibels(power[:, first:last].sum(axis=1) / total, -70.0)
        rows.append(level if centre * 2**-0.3 < bands.rate / 2 else np.full(len(total), np.nan))
    return np.stack(rows, axis=1)


def _partials(sounds: Floats, rate: int) -> tuple[Floats, Floats]:
    shares, pitches = np.zeros((len(sounds), len(PARTIALS))), np.full(len(sounds), np.nan)
    length = round(rate / RESOLUTION_HZ)
    width = max(1, round(_HALF_WIDTH_HZ / RESOLUTION_HZ))
    lowest = round(_LOWEST_HZ / RESOLUTION_HZ)
    for index, (sound, onset) in enumerate(zip(sounds, onsets(sounds), strict=True)):
        start = int(onset) + round(SKIPPED_SECONDS * rate)
        body = sound[:, start : start + length]
        if body.shape[1] < 2 or np.square(body).mean() < SILENCE:
            continue
        release = max(1, round(_RELEASE * length)) if body.shape[1] == length else 1
        body = body.copy()
        body[:, -release:] *= np.cos(np.linspace(0, np.pi / 2, release))
        power = squares(np.fft.rfft(body.astype(np.float32), length)).sum(axis=0, dtype=np.float64)
        power[:lowest] = 0.0
        total = power.sum()
        if total <= 0:
            continue
        held = 0.0
        for number in range(1, PARTIALS[-1] + 1):
            peak = int(power.argmax())
            low, high = max(0, peak - width), peak + width + 1
            share = power[low:high].sum() / total
            if number == 1 and share >= _PITCHED:
                pitches[index] = _interpolated(power, peak) * RESOLUTION_HZ * (rate / RESOLUTION_HZ / length)
            held += share
            power[low:high] = 0.0
            if number in PARTIALS:
                shares[index, PARTIALS.index(number)] = min(held, 1.0)
    return shares, pitches


def _interpolated(power: Floats, peak: int) -> float:
    """The place of a peak between bins: of the parabola through its logarithms."""
    if not 0 < peak < len(power) - 1:
        return float(peak)
    left, middle, right = np.log(power[peak - 1 : peak + 2] + 1e-30)
    bend = left - 2 * middle + right
    return peak + (0.5 * (left - right) / bend if bend < 0 else 0.0)
