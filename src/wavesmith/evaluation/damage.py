"""Controlled damage to sounds: distances that cannot tell it grow are no use.

All take waves `[..., N]` and return new ones of the same shape.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_ORDER = 8


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


def smear(waves: Tensor, rate: int, milliseconds: float, seed: int = 0) -> Tensor:
    """Blur in time: convolve with noise that falls by 60 dB in so many milliseconds."""
    length, frames = waves.shape[-1], max(1, round(rate * milliseconds / 1000))
    generator = torch.Generator().manual_seed(seed)
    tail = torch.randn(frames, generator=generator) * torch.exp(
        torch.arange(frames) * (-math.log(1000) / frames)
    )
    size = length + frames
    blurred: Tensor = torch.fft.irfft(
        torch.fft.rfft(waves, size) * torch.fft.rfft(tail / tail.square().sum().sqrt(), size), size
    )
    return blurred[..., :length]
