"""Another rate, differentiably: for judges that listen at a rate of their own."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def resample(waves: Tensor, rate: int, other: int) -> Tensor:
    """Waves `[..., N]` at `rate` as waves `[..., round(N * other / rate)]` at `other`, both in Hz.

    The spectrum is cut, or continued with zeros. Silence before and after keeps what rings at one end from
    coming round to the other.
    """
    if rate == other:
        return waves
    length, grain = waves.shape[-1], rate // math.gcd(rate, other)  # so many frames become a whole number
    lead = -(-length // (10 * grain)) * grain
    count = -(-(length + 2 * lead) // grain) * grain
    target = count * other // rate
    spectrum = torch.fft.rfft(F.pad(waves, (lead, count - length - lead)))[..., : target // 2 + 1]
    converted: Tensor = torch.fft.irfft(spectrum * (target / count), target)
    start = lead * other // rate
    return converted[..., start : start + max(1, round(length * other / rate))]
