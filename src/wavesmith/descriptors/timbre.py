"""Timbre in a producer's words: eleven measurements of a sound, all differentiable in its samples.

Brightness, boominess, depth, hardness, roughness, warmth and sharpness are the attributes of the AudioCommons
timbral models (Pearce, Brookes & Mason 2017, deliverable D5.2), here each reduced to the one measurement that
carries it; attack, duration, loudness and pitch complete them. None of them depends on gain.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

_EPS = 1e-10
_ATTACK_SECONDS = 0.03
_ATTACK_END = 0.8  # end of the attack, relative to the peak of the envelope
_END_DB = -40.0  # end of a sound, relative to the peak of the envelope
_LOWEST, _HIGHEST = 20.0, 20_000.0


class Timbre(nn.Module):
    """Measurements `[B]` by name, of waves `[B, C, N]` at a rate.

    brightness: octaves (log2 Hz), the centroid of the magnitude spectrum.
    boominess: share of loudness that lies below 280 Hz.
    depth: dB, energy below 100 Hz relative to all.
    hardness: octaves, the centroid of the first 30 ms, plus 1 / 12 of their share of the energy in dB.
    roughness: share of the band envelopes that fluctuates at 30 Hz or faster.
    warmth: dB per octave, downward slope of the spectrum from 100 Hz to 10 kHz.
    sharpness: acum, after DIN 45692 with loudness as the power 0.23 of the excitation.
    attack: log10 of the milliseconds until the envelope reaches 80 % of its peak.
    duration: log10 of the milliseconds with the envelope within 40 dB of its peak.
    loudness: dB, A-weighted energy relative to one second of a full-scale square wave at the sound's peak.
    pitch: octaves (log2 Hz), mean position of the strongest partials from 30 to 2000 Hz after the attack.
    """

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.rate = rate
        self.long, self.short = _power_of_two(0.046 * rate), _power_of_two(0.0058 * rate)
        self.fine = _power_of_two(0.19 * rate)
        hertz = torch.linspace(0, rate / 2, self.long // 2 + 1, dtype=torch.float64)
        self.hertz: Tensor
        self.barks: Tensor
        self.weighting: Tensor
        self.bands: Tensor
        self.octaves: Tensor
        inside = (hertz >= _LOWEST) & (hertz <= _HIGHEST)
        self.register_buffer("hertz", (hertz.clamp(min=1.0)).float(), persistent=False)
        self.register_buffer("weighting", (_a_weighting(hertz) * inside).float(), persistent=False)
        self.register_buffer("barks", _bark_bands(hertz).float(), persistent=False)
        self.register_buffer("octaves", _third_octaves(hertz, rate).float(), persistent=False)
        short = torch.linspace(0, rate / 2, self.short // 2 + 1, dtype=torch.float64)
        self.register_buffer("bands", _octave_groups(short).float(), persistent=False)

    def forward(self, waves: Tensor) -> dict[str, Tensor]:
        """Return all measurements of `[B, C, N]`."""
        waves = waves / waves.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)
        spectra = self._power(waves, self.long)
        total = spectra.sum(-1) + _EPS
        weighted = spectra.transpose(1, 2) * self.weighting
        loud = (weighted @ self.barks.T + 1e-6).pow(0.23) - 1e-6**0.23  # [B, T, 24]
        moments = self._power(waves, self.short)
        envelope = (moments.sum(1) + _EPS).sqrt()
        loudness = loud.sum((1, 2)) + _EPS
        sharp = (loud * _sharpness_weights(loud)).sum((1, 2)) / loudness
        return {
            "brightness": self._centroid(total.sqrt(), self.hertz).log2(),
            "boominess": loud[..., :3].sum((1, 2)) / loudness,
            "depth": _decibels((total * (self.hertz < 100)).sum(1) / total.sum(1)),
            "hardness": self._hardness(waves),
            "roughness": self._roughness(moments),
            "warmth": self._slope(total),
            "sharpness": 0.11 * sharp,
            "attack": self._attack(envelope).log10(),
            "duration": self._duration(envelope).log10(),
            "loudness": _decibels(weighted.sum((1, 2)) * self._energy_per_second(self.long)),
            "pitch": self._pitch(waves),
        }

    def _power(self, waves: Tensor, window: int) -> Tensor:
        """Return the power `[B, F, T]`, mean over channels, of frames that overlap by three quarters."""
        shape = waves.shape
        spectrum = torch.stft(
            waves.flatten(0, 1),
            window,
            window // 4,
            window=torch.hann_window(window, device=waves.device),
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        power = torch.view_as_real(spectrum).square().sum(-1)
        return power.reshape(*shape[:2], *power.shape[1:]).mean(1)

    def _energy_per_second(self, window: int) -> float:
        # Hann frames that overlap by three quarters count every sample 1.5 times; a square wave has power 1.
        return 2 / (1.5 * window) / self.rate

    @staticmethod
    def _centroid(weights: Tensor, hertz: Tensor) -> Tensor:
        weights = weights * (hertz >= _LOWEST)
        return (weights * hertz).sum(-1) / weights.sum(-1).clamp(min=_EPS)

    def _hardness(self, waves: Tensor) -> Tensor:
        first = waves[..., : round(_ATTACK_SECONDS * self.rate)]
        spectrum = self._power(first, self.long).sum(-1) + _EPS
        held = first.square().sum((1, 2)) / waves.square().sum((1, 2)).clamp(min=_EPS)
        return self._centroid(spectrum.sqrt(), self.hertz).log2() + _decibels(held) / 12

    def _roughness(self, moments: Tensor) -> Tensor:
        envelopes = (self.bands @ moments + _EPS).sqrt()  # [B, bands, T]
        width = max(3, round(self.rate / (self.short // 4) / 30) // 2 * 2 + 1)
        smooth = nn.functional.avg_pool1d(envelopes, width, 1, width // 2, count_include_pad=False)
        return (envelopes - smooth).square().sum((1, 2)) / envelopes.square().sum((1, 2))

    def _slope(self, total: Tensor) -> Tensor:
        """Return the downward slope of third-octave levels; those below -60 dB of the loudest are clipped."""
        power = total @ self.octaves.T + _EPS
        level = 10 * (power / power.amax(1, keepdim=True) + 1e-6).log10()
        octave = torch.arange(level.shape[1], device=level.device) / 3
        centred = octave - octave.mean()
        return -(level * centred).sum(1) / centred.square().sum()

    def _attack(self, envelope: Tensor) -> Tensor:
        """Return the milliseconds below the threshold before the peak, counted by a sigmoid."""
        highest = envelope.cummax(1).values
        below = (_ATTACK_END - highest / highest[:, -1:]) / 0.05
        at_peak = math.exp((_ATTACK_END - 1) / 0.05)  # value of the sigmoid at the peak
        return self._milliseconds((torch.sigmoid(below) - at_peak).clamp(min=0)) + 0.5

    def _duration(self, envelope: Tensor) -> Tensor:
        level = 20 * (envelope / envelope.amax(1, keepdim=True)).log10()
        return self._milliseconds(torch.sigmoid((level - _END_DB) / 2)) + 1.0

    def _milliseconds(self, frames: Tensor) -> Tensor:
        return frames.sum(1) * (1000 * (self.short // 4) / self.rate)

    def _pitch(self, waves: Tensor) -> Tensor:
        skip = min(round(0.01 * self.rate), waves.shape[-1] // 2)
        body = waves[..., skip : skip + self.fine]
        spectrum = torch.fft.rfft(body, self.fine).abs().square().mean(1)
        hertz = torch.linspace(0, self.rate / 2, spectrum.shape[1], device=waves.device)
        inside = (hertz >= 30) & (hertz <= 2000)
        peaks = (spectrum / spectrum.amax(1, keepdim=True).clamp(min=_EPS)).square() * inside + 1e-12 * inside
        pitch: Tensor = (peaks * hertz.clamp(min=1).log2()).sum(1) / peaks.sum(1)
        return pitch


TIMBRES = (
    "brightness",
    "boominess",
    "depth",
    "hardness",
    "roughness",
    "warmth",
    "sharpness",
    "attack",
    "duration",
    "loudness",
    "pitch",
)
"""Names of the measurements of `Timbre`."""


def _power_of_two(samples: float) -> int:
    return int(max(16, 2 ** round(math.log2(samples))))


def _decibels(ratio: Tensor) -> Tensor:
    return 10 * (ratio + 1e-7).log10()


def _a_weighting(hertz: Tensor) -> Tensor:
    """Return power gains of the A curve (IEC 61672-1), 1 at 1 kHz."""

    def curve(f: Tensor) -> Tensor:
        s = f.square()
        top = 12194.0**2 * s.square()
        return top / ((s + 20.6**2) * ((s + 107.7**2) * (s + 737.9**2)).sqrt() * (s + 12194.0**2))

    return (curve(hertz) / curve(torch.tensor(1000.0, dtype=torch.float64))).square()


def _bark(hertz: Tensor) -> Tensor:
    """Return the critical-band rate (Traunmueller 1990, https://doi.org/10.1121/1.399849)."""
    return 26.81 * hertz / (1960 + hertz) - 0.53


def _bark_bands(hertz: Tensor) -> Tensor:
    """Return triangular bands `[24, F]`, one Bark apart."""
    centres = torch.arange(0.5, 24.5, dtype=torch.float64)[:, None]
    return (1 - (_bark(hertz) - centres).abs()).clamp(min=0)


def _sharpness_weights(loud: Tensor) -> Tensor:
    """Return z * g(z) of DIN 45692 at the centres of 24 critical bands."""
    z = torch.arange(0.5, 24.5, device=loud.device, dtype=loud.dtype)
    steep = 0.15 * torch.exp(0.42 * (z - 15.8)) + 0.85
    return z * torch.where(z > 15.8, steep, torch.ones_like(z))


def _bands_between(hertz: Tensor, edges: list[float]) -> Tensor:
    rows = [(hertz >= low) & (hertz < high) for low, high in pairwise(edges)]
    return torch.stack([row for row in rows if row.any()]).double()


def _third_octaves(hertz: Tensor, rate: int) -> Tensor:
    """Return third-octave bands `[K, F]` from 100 Hz to 10 kHz or 0.45 times the rate."""
    count = int(3 * math.log2(min(10_000.0, 0.45 * rate) / 100))
    return _bands_between(hertz, [100 * 2 ** (k / 3) for k in range(count + 1)])


def _octave_groups(hertz: Tensor) -> Tensor:
    """Return octave bands `[K, F]` from the lowest bin up."""
    step = float(hertz[1])
    count = math.ceil(math.log2(float(hertz[-1]) / step))
    return _bands_between(hertz, [0.0, *(1.5 * step * 2**k for k in range(count + 1))])
