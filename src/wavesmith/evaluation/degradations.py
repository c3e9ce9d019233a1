"""Controlled damage to sounds: distances that cannot tell it grow are no use.

All take waves `[..., N]` and return new ones of the same shape.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

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


def hiss(waves: Tensor, decibels: float, seed: int = 0) -> Tensor:
    """Add white noise with an rms so many dB (negative) re the peak of each wave, also where it is silent."""
    generator = torch.Generator().manual_seed(seed)
    peak = waves.abs().amax(dim=-1, keepdim=True)
    return waves + peak * 10 ** (decibels / 20) * torch.randn(waves.shape, generator=generator)


def randomise_phases(waves: Tensor, window: int, strength: float = 1.0, seed: int = 0) -> Tensor:
    """Turn each cell of a short-time Fourier transform by a random angle.

    It is at most `strength` times half a circle. Hann windows of so many samples that overlap by three
    quarters. Tones that outlast a window become noise; a mel spectrogram with windows of about that size
    hardly changes. Channels turn together.
    """
    spectrum = _transform(waves, window)
    generator = torch.Generator().manual_seed(seed)
    shape = (*spectrum.shape[:-3], 1, *spectrum.shape[-2:]) if waves.ndim > 1 else spectrum.shape
    angles = (2 * torch.rand(shape, generator=generator) - 1) * (strength * math.pi)
    return _inverse(spectrum * torch.polar(torch.ones_like(angles), angles), window, waves.shape[-1])


def tones_to_noise(waves: Tensor, share: float, window: int = 2048, seed: int = 0) -> Tensor:
    """Replace a share (of the energy) of all tones by noise that has their envelope and their spectrum.

    Tones are cells of a short-time Fourier transform more than 6 dB above the median of the 17 cells around
    them in frequency. The noise takes their energy, spread over 9 cells.
    """
    spectrum = _transform(waves, window)
    power = torch.view_as_real(spectrum).square().sum(-1)
    padded = functional.pad(power.transpose(-1, -2), (8, 8))
    neighbourhood = padded.unfold(-1, 17, 1).median(dim=-1).values.transpose(-1, -2)
    tonal = power > 4 * neighbourhood
    tones = _inverse(spectrum * tonal, window, waves.shape[-1])
    held = (power * tonal).transpose(-1, -2)
    spread = functional.avg_pool1d(held.flatten(0, -2)[:, None], 9, 1, 4).view_as(held).transpose(-1, -2)
    generator = torch.Generator().manual_seed(seed)
    angles = torch.rand(spectrum.shape, generator=generator) * (2 * math.pi)
    size = (spread * -torch.rand(spread.shape, generator=generator).clamp_min(1e-9).log()).sqrt()
    noise = _inverse(torch.polar(size, angles), window, waves.shape[-1])
    level = _root_mean_square(tones) / _root_mean_square(noise).clamp_min(1e-9)
    return waves - tones + math.sqrt(1 - share) * tones + math.sqrt(share) * level * noise


def cut_tail(waves: Tensor, rate: int, milliseconds: float) -> Tensor:
    """Silence what comes more than so many milliseconds after the onset, with a fade of 5 ms."""
    fade = max(1, round(0.005 * rate))
    place = _since_onset(waves) - round(rate * milliseconds / 1000)
    return waves * (1 - place / fade).clamp(0, 1)


def damp_tail(waves: Tensor, rate: int, milliseconds: float) -> Tensor:
    """Let a sound fall by another 60 dB in so many milliseconds after its onset."""
    place = _since_onset(waves).clamp_min(0)
    return waves * 10 ** (-3 * place / (rate * milliseconds / 1000))


def pre_echo(waves: Tensor, rate: int, decibels: float, milliseconds: float = 20.0) -> Tensor:
    """Delay a sound by so many milliseconds; before it comes its beginning, reversed, so many dB lower."""
    count = round(rate * milliseconds / 1000)
    places = (_onset(waves) + torch.arange(count)).clamp_max(waves.shape[-1] - 1)
    begun = torch.gather(waves, -1, places)
    later = functional.pad(waves, (count, 0))[..., : waves.shape[-1]]
    return later.scatter_add(-1, places, begun.flip(-1) * 10 ** (-decibels / 20))


def soften_attack(waves: Tensor, rate: int, milliseconds: float) -> Tensor:
    """Fade a sound in for so many milliseconds after its onset."""
    place = _since_onset(waves) / max(1.0, rate * milliseconds / 1000)
    return waves * torch.sin(place.clamp(0, 1) * (math.pi / 2)).square()


def gaps(waves: Tensor, rate: int, per_second: float, milliseconds: float = 12.0, seed: int = 0) -> Tensor:
    """Silence stretches of so many milliseconds, on average so many a second, with edges of 1 ms."""
    generator = torch.Generator().manual_seed(seed)
    begun = torch.rand((*waves.shape[:-2], 1, waves.shape[-1]), generator=generator) < per_second / rate
    length, edge = round(rate * milliseconds / 1000), max(1, round(rate / 1000))
    holes = functional.pad(begun.float().flatten(0, -2)[:, None], (length, 0))
    silent = functional.max_pool1d(holes, length, 1)[..., : waves.shape[-1]]
    smooth = functional.avg_pool1d(silent, 2 * edge + 1, 1, edge, count_include_pad=False)
    return waves * (1 - smooth).clamp(0, 1).view(begun.shape)


def narrow(waves: Tensor, share: float) -> Tensor:
    """Take a share of the side signal away from waves `[..., C, N]`; 1 leaves mono on all channels."""
    return waves + share * (waves.mean(dim=-2, keepdim=True) - waves)


def _transform(waves: Tensor, window: int) -> Tensor:
    """Short-time Fourier transform `[..., F, T]`."""
    spectrum = torch.stft(
        waves.reshape(-1, waves.shape[-1]),
        window,
        window // 4,
        window=torch.hann_window(window),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return spectrum.view(*waves.shape[:-1], *spectrum.shape[1:])


def _inverse(spectrum: Tensor, window: int, length: int) -> Tensor:
    flat = spectrum.reshape(-1, *spectrum.shape[-2:])
    waves = torch.istft(flat, window, window // 4, window=torch.hann_window(window), length=length)
    return waves.view(*spectrum.shape[:-2], length)


def _root_mean_square(waves: Tensor) -> Tensor:
    return waves.square().mean(dim=-1, keepdim=True).sqrt()


def _onset(waves: Tensor) -> Tensor:
    """Frame `[..., 1]` at which a wave first reaches 1 % of its peak."""
    size = waves.abs()
    return (size >= 0.01 * size.amax(dim=-1, keepdim=True)).byte().argmax(dim=-1, keepdim=True)


def _since_onset(waves: Tensor) -> Tensor:
    """Frames since the onset, `[..., N]`."""
    return torch.arange(waves.shape[-1]) - _onset(waves)
