"""Loudness in LUFS.

Written out because pyloudnorm has gated integrated loudness of 400 ms or more only; drum sounds are shorter.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wavesmith.sound import Sound

_WINDOW_SECONDS = 0.4
_LONGEST_SECONDS = 30
_PADDING = 4096  # samples of silence in which the filters decay
_RATE = 48_000  # at which the standard gives the coefficients of its two filters
_SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)
_HIGHPASS = (1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)


def loudness(sound: Sound) -> float:
    """Return the maximum momentary loudness in LUFS (ITU-R BS.1770-4: K-weighted, 400 ms, not gated).

    A mono sound counts as played by two speakers. Shorter sounds are followed by silence; of longer ones the
    first 30 s count. Silence is -inf.
    """
    samples = sound.samples[:, : _LONGEST_SECONDS * sound.rate]
    window = round(_WINDOW_SECONDS * sound.rate)
    length = math.ceil((samples.shape[1] + _PADDING) / _PADDING) * _PADDING
    weighted = np.fft.irfft(np.fft.rfft(samples, length) * _k_weighting(sound.rate, length), length)
    energy = np.concatenate([[0.0], np.square(weighted[:, : samples.shape[1]]).sum(axis=0).cumsum()])
    within = energy[window:] - energy[:-window] if len(energy) > window else energy[-1:]
    power = 2 * within.max(initial=0) / (window * sound.channels)
    return -0.691 + 10 * math.log10(power) if power > 0 else -math.inf


@lru_cache(maxsize=64)
def _k_weighting(rate: int, length: int) -> NDArray[np.complex128]:
    """Return the response of the two filters at the bins of a transform; above 24 kHz as at 24 kHz."""
    hertz = np.minimum(np.fft.rfftfreq(length, 1 / rate), _RATE / 2)
    delay = np.exp(-2j * np.pi * hertz / _RATE)
    response = np.ones(len(hertz), dtype=np.complex128)
    for numerator, denominator in (_SHELF, _HIGHPASS):
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return response
