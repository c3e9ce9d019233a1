"""Similarity of two sounds whatever their shift, gain and polarity, by which copies are found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wavesmith.data.length import crop_or_pad
from wavesmith.descriptors.log_mel import LogMel
from wavesmith.sound import Sound

_LOWEST_DB = -60.0
_LEAD_SECONDS = 0.05
_ONSET_ENERGY = 0.05


class Comparison(NamedTuple):
    """Similarity of two sounds.

    Attributes:
        decibels: root mean square difference of their log-mel spectrograms, each relative to its own peak and
            limited to -60 dB, at the better of two alignments: by onset, by waveform. Below 0.5 for copies,
            0.7 to 3 for takes of one drum.
        correlation: maximum cross-correlation of the waveforms, 0 to 1, whatever the polarity; 1 for a copy.
        shift_seconds: delay of the first sound at which it correlates best.
        gain_db: level of the first sound minus that of the second.
    """

    decibels: float
    correlation: float
    shift_seconds: float
    gain_db: float


class SoundComparer:
    """Prepares sounds of one rate and length for comparison, and compares them.

    `rate` in Hz; longer sounds are cut to `length` samples as in training, shorter ones padded. Waves are
    mono `[1, length]`, spectrograms `[B, D]` with the onset 50 ms from the start.
    """

    def __init__(self, rate: int, length: int) -> None:
        self.rate, self.length = rate, length
        self._mel = LogMel(rate, window=1024, hop=512)

    def wave(self, sound: Sound) -> Tensor:
        """Return a sound as a mono wave `[1, length]`."""
        return crop_or_pad(sound.mono().resample(self.rate).tensor(), self.length, self.rate)

    @torch.no_grad()
    def spectrograms(self, waves: Sequence[Tensor]) -> Tensor:
        """Return log-mel spectrograms `[B, D]` of waves `[1, length]`, aligned by onset."""
        aligned = [_shifted(wave, self._lead() - onset(wave)) for wave in waves]
        return self._spectrograms(torch.stack(aligned))

    def difference_db(self, spectrograms: Tensor, others: Tensor) -> Tensor:
        """Return root mean square differences in dB `[B, C]` of spectrograms `[B, D]` and `[C, D]`."""
        return torch.cdist(spectrograms, others) / math.sqrt(spectrograms.shape[1])

    @torch.no_grad()
    def compare(self, wave: Tensor, other: Tensor) -> Comparison:
        """Compare two waves `[1, length]`."""
        count = 2 ** math.ceil(math.log2(2 * self.length))
        spectra = torch.fft.rfft(wave[0], count), torch.fft.rfft(other[0], count)
        correlation = torch.fft.irfft(spectra[1] * spectra[0].conj(), count)
        peak = int(correlation.abs().argmax())
        shift = peak - count if peak > count // 2 else peak
        energy, energy_other = float(wave.square().sum()), float(other.square().sum())
        scale = math.sqrt(max(energy * energy_other, 1e-20))
        lead = self._lead()
        start = lead - onset(other)
        spectrograms = self._spectrograms(
            torch.stack(
                [_shifted(other, start), _shifted(wave, lead - onset(wave)), _shifted(wave, start + shift)]
            )
        )
        return Comparison(
            decibels=float(self.difference_db(spectrograms[:1], spectrograms[1:]).min()),
            correlation=min(1.0, float(correlation[peak].abs()) / scale),
            shift_seconds=shift / self.rate,
            gain_db=10 * math.log10(max(energy, 1e-10) / max(energy_other, 1e-10)),
        )

    def _lead(self) -> int:
        return round(_LEAD_SECONDS * self.rate)

    def _spectrograms(self, waves: Tensor) -> Tensor:
        levels: Tensor = self._mel(waves)
        return levels.clamp_min(_LOWEST_DB).flatten(1)


def onset(wave: Tensor) -> int:
    """Return the sample by which a twentieth of the energy of a wave `[1, N]` has passed.

    It moves with the sound, does not depend on its level, and hardly on noise below it.
    """
    energy = wave[0].double().square().cumsum(0)
    return int((energy < _ONSET_ENERGY * energy[-1]).sum())


def _shifted(wave: Tensor, frames: int) -> Tensor:
    """Return a wave `[1, N]` delayed by so many samples (advanced if negative), padded with zeros."""
    shifted = torch.zeros_like(wave)
    length = wave.shape[-1]
    if frames >= 0:
        shifted[..., frames:] = wave[..., : max(0, length - frames)]
    else:
        shifted[..., : length + frames] = wave[..., -frames:]
    return shifted
