"""What all measures start from: waves as an array, where a sound begins, its bands, its short frames."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

SILENCE = 1e-12
"""Power below which a sound counts as silent (-120 dBFS)."""

_BEGUN = 0.01  # of the peak
_SILENCE_SECONDS = 0.15


def as_waves(waves: ArrayLike) -> Floats:
    """Convert to float64 `[B, C, N]`; `[N]` and `[C, N]` are one sound; NaN and infinity become 0.

    Raises:
        ValueError: when there are more than three dimensions.
    """
    array = np.asarray(waves, dtype=np.float64)
    if array.ndim > 3:
        raise ValueError(f"waves must be [B, C, N], not {array.ndim} dimensions")
    array = array[(None,) * (3 - array.ndim)]
    finite = np.isfinite(array)
    return array if finite.all() else np.where(finite, array, 0.0)


def onsets(waves: Floats) -> NDArray[np.intp]:
    """Find the first frame `[B]` that reaches 1 % of the peak in any channel; 0 for silence."""
    size = np.abs(waves).max(axis=1, initial=0.0)
    if not size.shape[1]:
        return np.zeros(len(waves), np.intp)
    reached: NDArray[np.intp] = (size >= _BEGUN * size.max(axis=1, keepdims=True)).argmax(axis=1)
    return reached


class Bands:
    """The bands of waves `[B, C, N]`, out of one spectrum.

    150 ms of silence follow the sound, so that what rings in a filter at one end does not come round to the
    other.
    """

    def __init__(self, waves: Floats, rate: int) -> None:
        self.frames, self.rate = waves.shape[-1], rate
        self.energy: Floats = np.square(waves).sum(axis=(1, 2)) / rate
        self._count = _quick_size(self.frames + round(_SILENCE_SECONDS * rate))
        self.spectrum = np.fft.rfft(waves.astype(np.float32), self._count)

    def power(self, low: float, high: float) -> tuple[Floats, float]:
        """Compute the power envelope `[B, T]` of a band, summed over channels, and its rate in Hz.

        Of the band's analytic signal, at the lowest rate that holds it (at least 1 kHz). The edges of the
        band are raised cosines half an octave wide, so that it rings little. A sinusoid of amplitude a has
        power a^2 / 2.
        """
        count, step = self._count, self.rate / self._count
        first = max(1, int(low * 2**-0.25 / step))
        last = min(self.spectrum.shape[-1] - 1, int(high * 2**0.25 / step) + 1)
        if self.frames < 2 or last < first:
            return np.zeros((len(self.spectrum), 1)), 1000.0
        octaves = np.log2(np.arange(first, last + 1) * step)
        gains = (_slope(octaves - np.log2(low)) * _slope(np.log2(high) - octaves)).astype(np.float32)
        size = _quick_size(max(last - first + 1, int(np.ceil(1000 / step))))
        analytic = np.fft.ifft(self.spectrum[..., first : last + 1] * gains, size) * (size / count)
        power: Floats = 2 * squares(analytic).sum(axis=1, dtype=np.float64)
        return power[:, : max(1, round(self.frames * size / count))], size * step


def _quick_size(least: int) -> int:
    """The next size of which the Fourier transform is quick: a power of two, or 9, 10, 12, 15 / 8 of one."""
    power = 1 << max(3, (least - 1).bit_length() - 1)
    sizes: tuple[int, ...] = (
        power,
        power * 9 // 8,
        power * 5 // 4,
        power * 3 // 2,
        power * 15 // 8,
        2 * power,
    )
    return next(size for size in sizes if size >= least)


def _slope(octaves: Floats) -> Floats:
    """Amplitude of an edge, from 0 a quarter of an octave outside to 1 a quarter inside."""
    place = np.clip(octaves / 0.5 + 0.5, 0.0, 1.0)
    edge: Floats = np.sin(0.5 * np.pi * place)
    return edge


def squares(spectra: NDArray[np.complexfloating]) -> Floats:
    """Compute the squared size of complex numbers."""
    found: Floats = np.square(spectra.real) + np.square(spectra.imag)
    return found


def frames(waves: Floats, size: int, hop: int) -> Floats:
    """Cut `[..., N]` into frames `[..., T, size]`; the last one is filled up with silence."""
    count = max(1, -(-(waves.shape[-1] - size) // hop) + 1)
    missing = (count - 1) * hop + size - waves.shape[-1]
    padded = np.pad(waves, [(0, 0)] * (waves.ndim - 1) + [(0, max(0, missing))])
    view = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)
    cut: Floats = view[..., ::hop, :][..., :count, :]
    return cut


def frame_power(waves: Floats, size: int, hop: int) -> Floats:
    """Compute power spectra `[B, T, size // 2 + 1]` of Hann frames, summed over channels."""
    taper = np.hanning(size + 1)[:-1].astype(np.float32)
    spectra = np.fft.rfft(frames(waves.astype(np.float32), size, hop) * taper)
    power: Floats = squares(spectra).sum(axis=1, dtype=np.float64)
    return power


def decibels(power: Floats | float, floor: float = -120.0) -> Floats:
    """Convert power to dB, no less than `floor`."""
    level: Floats = 10 * np.log10(np.maximum(power, 10 ** (floor / 10)))
    return level
