"""`statistics`: fixed measurements of a sound's log-mel spectrogram, without weights."""

from __future__ import annotations

import torch
from torch import Tensor

from wavesmith.descriptors.log_mel import LogMel
from wavesmith.embeddings.pooling import in_windows

_RATE, _HOP, _BANDS = 44_100, 256, 32
_GROUPS = 8  # groups of four bands, whose envelopes are measured
_OCTAVES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # Hz, lower edges of the modulation bands; the last is open
_DECIBELS = 20.0  # unit of levels
_FLOOR_DB = -70.0  # re the loudest cell; lower levels are raised to it


class Statistics:
    """Embedding without training: level, spread and modulation of every band.

    Measured on each second, which counts by its energy:

    - the mean over time of each of 32 mel bands, and its standard deviation, both in units of 20 dB;
    - the mean level of each of 8 groups of bands in the first 12 ms, 23 ms, 46 ms and so on up to a second;
    - how much each group's envelope is modulated at 2 to 4 Hz, 4 to 8 Hz and so on up to 64 Hz and more:
      the amplitude there, relative to the mean of the envelope.

    The last is the second order of a scattering transform (Anden and Mallat 2014, "Deep scattering spectrum")
    with Fourier bands of an octave in place of wavelets. Vectors depend neither on gain or polarity nor on
    silence after a sound.
    """

    name = "statistics"
    rate = _RATE

    def __init__(self) -> None:
        self.mel = LogMel(_RATE, _BANDS, 1024, _HOP)
        frames = _RATE // _HOP + 1
        self.sections = [round(frames * 2.0**-k) for k in range(6, -1, -1)]
        hertz = torch.arange(frames // 2 + 1) * (_RATE / _HOP / frames)
        edges = torch.tensor([*_OCTAVES, torch.inf])
        self.octaves = ((hertz >= edges[:-1, None]) & (hertz < edges[1:, None])).float()
        self.dimensions = 2 * _BANDS + _GROUPS * (len(self.sections) + len(_OCTAVES))

    def __call__(self, waves: Tensor) -> Tensor:
        """Return vectors `[B, D]` of waves `[B, C, N]`."""
        return in_windows(self._embed, waves, _RATE)

    @torch.no_grad()
    def _embed(self, windows: Tensor) -> Tensor:
        levels = self.mel(windows[:, None]).clamp_min(_FLOOR_DB)  # [M, bands, T]
        grouped = levels.unflatten(1, (_GROUPS, -1))
        early = [grouped[..., :end].mean(dim=(2, 3)) for end in self.sections]
        return torch.cat(
            [
                levels.mean(dim=2) / _DECIBELS,
                levels.std(dim=2) / _DECIBELS,
                torch.cat(early, dim=1) / _DECIBELS,
                self._modulations(10 ** (grouped / 20)),
            ],
            dim=1,
        )

    def _modulations(self, envelopes: Tensor) -> Tensor:
        """Return modulation amplitudes `[M, groups * octaves]` of envelopes, relative to their means."""
        envelope = envelopes.mean(dim=2)
        power = torch.fft.rfft(envelope).abs().square() / envelope.sum(dim=2, keepdim=True).square()
        amplitudes: Tensor = (power @ self.octaves.T).sqrt()
        return amplitudes.flatten(1)
