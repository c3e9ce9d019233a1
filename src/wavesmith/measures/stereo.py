"""How wide a sound is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wavesmith.measures.arrays import Floats, as_waves, decibels

FLOOR_DB = -60.0


def width(waves: ArrayLike, rate: int, lowest: float = 0.0) -> Floats:
    """Measure the share of side energy in dB above a frequency in Hz, `[B]`: side over mid and side.

    -60, the least, for mono and silence; -3 where left and right have nothing in common. Of more than two
    channels the first two count.
    """
    sounds = as_waves(waves)
    if sounds.shape[1] < 2 or not sounds.shape[2]:
        return np.full(len(sounds), FLOOR_DB)
    spectra = np.fft.rfft(sounds[:, :2])
    spectra[..., np.linspace(0, rate / 2, spectra.shape[-1]) < lowest] = 0.0
    side = np.square(np.abs(spectra[:, 0] - spectra[:, 1])).sum(axis=1)
    mid = np.square(np.abs(spectra[:, 0] + spectra[:, 1])).sum(axis=1)
    share = side / np.maximum(mid + side, 1e-30)
    return decibels(share, FLOOR_DB)
