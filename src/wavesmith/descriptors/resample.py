"""Differentiable resampling, for classifiers with a rate of their own."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def resample(waves: Tensor, rate: int, other: int) -> Tensor:
    """Resample waves `[..., N]` from `rate` to `other` (Hz): `[..., round(N * other / rate)]`.

    The spectrum is truncated, or padded with zeros. Silence before and after keeps the ringing at one end
    from wrapping around to the other.
    """
    if rate == other:
        return waves
    length, grain = (
        waves.shape[-1],
        rate // math.gcd(rate, other),
    )  # frames that become a whole number of frames
    lead = -(-length // (10 * grain)) * grain
    count = -(-(length + 2 * lead) // grain) * grain
    target = count * other // rate
    spectrum = torch.fft.rfft(F.pad(waves, (lead, count - length - lead)))[..., : target // 2 + 1]
    converted: Tensor = torch.fft.irfft(spectrum * (target / count), target)
    start = lead * other // rate
    return converted[..., start : start + max(1, round(length * other / rate))]
