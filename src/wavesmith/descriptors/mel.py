"""Log-mel spectrograms: what sounds look like to the measures."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FLOOR_DB = -80.0
_SILENCE = 1e-10


class LogMel(nn.Module):
    """Waves `[B, C, N]` to log-mel power `[B, bands, T]` with T = N // hop + 1, in dB below each item's peak.

    Values lie between -80 and 0; relative to the loudest cell, they do not depend on gain. What is below
    -100 dBFS throughout counts as silence. Channels are averaged. The scale is O'Shaughnessy's,
    mel(f) = 2595 log10(1 + f / 700); the filters are triangles from 20 Hz to half the rate. Differentiable
    everywhere.
    """

    def __init__(self, rate: int, bands: int = 64, window: int = 1024, hop: int = 256) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        self.taper: Tensor
        self.filters: Tensor
        taper = torch.hann_window(window)
        self.register_buffer("taper", taper * (2 / taper.sum()), persistent=False)
        self.register_buffer("filters", mel_filters(rate, bands, window), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """Log-mel power of `[B, C, N]`; silence is -80 dB throughout."""
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


def mel_filters(rate: int, bands: int, window: int, lowest: float = 20.0) -> Tensor:
    """Triangular filters `[bands, window // 2 + 1]` with peaks of 1, evenly spaced in mel."""
    edges = torch.linspace(_mel(lowest), _mel(rate / 2), bands + 2, dtype=torch.float64)
    edges = 700 * (10 ** (edges / 2595) - 1)
    bins = torch.linspace(0, rate / 2, window // 2 + 1, dtype=torch.float64)
    # No slope is steeper than one bin, so that even the narrowest band at the bottom hears something.
    slopes = edges.diff().clamp_min(rate / window)
    centres = edges[1:-1, None]
    rise = 1 - (centres - bins) / slopes[:-1, None]
    fall = 1 - (bins - centres) / slopes[1:, None]
    return torch.minimum(rise, fall).clamp_min(0).float()


def _mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)
