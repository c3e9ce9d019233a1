"""Log-mel spectrograms, differentiable: the input of classifiers, embeddings and comparisons."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavesmith.mel import mel_filters

FLOOR_DB = -80.0
_SILENCE = 1e-10


class LogMel(nn.Module):
    """Log-mel power `[B, bands, N // hop + 1]` of waves `[B, C, N]`, in dB relative to each item's peak.

    Values are between -80 and 0 and do not depend on gain, except that an item below -100 dBFS throughout
    counts as silence. Channels are averaged. The filters are those of `mel.mel_filters`, from 20 Hz to half
    the rate. Differentiable everywhere.
    """

    def __init__(self, rate: int, bands: int = 64, window: int = 1024, hop: int = 256) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        self.taper: Tensor
        self.filters: Tensor
        taper = torch.hann_window(window)
        self.register_buffer("taper", taper * (2 / taper.sum()), persistent=False)
        filters = torch.tensor(mel_filters(rate, bands, window), dtype=torch.float32)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """Return the log-mel power of `[B, C, N]`; silence is -80 dB throughout."""
        spectrum = torch.stft(
            waves.mean(dim=1),
            self.window,
            self.hop,
            window=self.taper,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        power = self.filters @ torch.view_as_real(spectrum).square().sum(dim=-1)
        peak = power.amax(dim=(1, 2), keepdim=True).clamp_min(_SILENCE)
        floor = 10 ** (FLOOR_DB / 10)
        return 10 * torch.log10(power / peak * (1 - floor) + floor)
