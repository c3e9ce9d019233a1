"""The mel scale and its filters, for every log-mel spectrogram.

The scale is O'Shaughnessy's, mel(f) = 2595 log10(1 + f / 700) ("Speech Communication", 1987).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def to_mel(hertz: float) -> float:
    """Convert hertz to mel."""
    return 2595 * math.log10(1 + hertz / 700)


def mel_filters(
    rate: int, bands: int, window: int, lowest: float = 20.0, highest: float | None = None
) -> NDArray[np.float64]:
    """Return triangular filters `[bands, window // 2 + 1]` with peaks of 1, evenly spaced in mel.

    They cover the bins of a spectrum of `window` samples at `rate`, from `lowest` to `highest` Hz (half the
    rate if None). No slope is steeper than one bin, so that even the narrowest band contains one.
    """
    edges = np.linspace(to_mel(lowest), to_mel(highest or rate / 2), bands + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    bins = np.linspace(0, rate / 2, window // 2 + 1)
    slopes = np.maximum(np.diff(edges), rate / window)
    centres = edges[1:-1, None]
    rise = 1 - (centres - bins) / slopes[:-1, None]
    fall = 1 - (bins - centres) / slopes[1:, None]
    filters: NDArray[np.float64] = np.maximum(np.minimum(rise, fall), 0)
    return filters
