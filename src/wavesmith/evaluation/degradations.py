"""Controlled damage to sounds: distances that cannot tell it grow are no use.

All take waves `[..., N]` and return new ones of the same shape.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_ORDER = 8
_ECHO, _RATIOS = 0.7, (1.0, 0.63, 0.41)


def noise(waves: Tensor, decibels: float, seed: int = 0) -> Tensor:
    """Add white noise, so many dB below the power of each wave from its start to its last sounding frame."""
    generator = torch.Generator().manual_seed(seed)
    sounding = waves.ne(0).flip(-1).cummax(dim=-1).values.flip(-1)
    power = waves.square().sum(dim=-1, keepdim=True) / sounding.sum(dim=-1, keepdim=True).clamp_min(1)
    return waves + power.sqrt() * 10 ** (-decibels / 20) * torch.randn(waves.shape, generator=generator)


def low_pass(waves: Tensor, rate: int, hertz: float) -> Tensor:
    """Take away what lies above a frequency: a Butterworth slope of 48 dB per octave, without delay."""
    length = waves.shape[-1]
    spectrum = torch.fft.rfft(waves, 2 * length)
    frequencies = torch.linspace(0, rate / 2, spectrum.shape[-1])
    passed: Tensor = torch.fft.irfft(
        spectrum / (1 + (frequencies / hertz) ** (2 * _ORDER)).sqrt(), 2 * length
    )
    return passed[..., :length]


def clip(waves: Tensor, decibels: float) -> Tensor:
    """Cut off what comes within so many dB of the peak of each wave."""
    limit = waves.abs().amax(dim=-1, keepdim=True) * 10 ** (-decibels / 20)
    return waves.clamp(-limit, limit)


def smear(waves: Tensor, rate: int, milliseconds: float) -> Tensor:
    """Blur in time: echoes that fall by 60 dB in so many milliseconds and favour no frequency.

    Three all-pass filters, one after the other (Schroeder 1962, "Natural sounding artificial reverberation").
    """
    length, tail = waves.shape[-1], round(rate * milliseconds / 1000)
    size = length + 2 * tail
    angle = torch.arange(size // 2 + 1, dtype=torch.float64) * (2 * math.pi / size)
    spectrum = torch.fft.rfft(waves.double(), size)
    for ratio in _RATIOS:
        delayed = torch.exp(-1j * angle * max(1, round(ratio * tail * -math.log10(_ECHO) / 3)))
        spectrum = spectrum * (delayed - _ECHO) / (1 - _ECHO * delayed)
    blurred: Tensor = torch.fft.irfft(spectrum, size)
    return blurred[..., :length].to(waves.dtype)
