"""Non-leaking augmentation of training sounds.

The network is conditioned on each change by a feature that is zero for an untouched sound; with zeros, the
network makes untouched sounds, so the changes do not leak into what it generates (Karras et al. 2022,
"Elucidating the design space of diffusion-based generative models", section 5 and appendix F.2).

The changes are functions on waves `[B, C, N]`, float32, with one parameter per item `[B]`; they return new
waves of the same shape, and the silence at the end of a sound stays exact zeros.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor
from torch.nn import functional

from wavesmith.data.length import crop_or_pad, sounding_end

_LOWEST = {"speed": -1.0, "tilt": -1.0, "tail": 0.0, "shift": 0.0, "swap": 1.0, "polarity": 1.0, "gain": 0.0}
"""Smallest amount of each change, relative to its range; the largest is 1."""

AUGMENT_FEATURES = tuple(_LOWEST)
TILT_PIVOT_HZ = 1000.0
TILT_LOW_HZ, TILT_HIGH_HZ = 60.0, 12_000.0


class Augmentation(BaseModel):
    """How often and how far sounds are changed; a range of 0 or False leaves that change out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    probability: float = Field(default=0.2, ge=0, le=1, description="Probability of each change by itself.")
    speed: float = Field(
        default=2.0,
        ge=0,
        le=12,
        description="Largest change of speed, pitch and time together, in semitones.",
    )
    tilt: float = Field(
        default=3.0, ge=0, le=6, description="Largest tilt of the spectrum around 1 kHz, in dB per octave."
    )
    tail: float = Field(
        default=60.0, ge=0, le=120, description="Largest extra decay at the end of the sound, in dB."
    )
    shift: float = Field(default=5.0, ge=0, description="Largest delay in milliseconds.")
    swap: bool = Field(default=True, description="Exchange left and right.")
    polarity: bool = Field(default=True, description="Invert the polarity.")
    gain: float = Field(default=6.0, ge=0, description="Largest attenuation in dB.")
    conditioned: bool = Field(
        default=True,
        description="Condition the network on the changes; if not, it learns to make changed sounds too.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_version_0_1(cls, values: Any) -> Any:
        """Read `conditioned` by its name in version 0.1."""
        if isinstance(values, Mapping) and "told" in values:
            return {"conditioned" if name == "told" else name: value for name, value in values.items()}
        return values


def augment(
    waves: Tensor, rate: int, config: Augmentation, generators: Sequence[np.random.Generator]
) -> tuple[Tensor, Tensor]:
    """Change each wave at random.

    Args:
        waves: float32 `[B, C, N]`; not modified.
        rate: Hz.
        config: frequency and ranges of the changes.
        generators: one per item, the only source of its changes: `np.random.default_rng((seed, position))`
            gives a resumed training the same changes as an uninterrupted one.

    Returns:
        The waves, `[B, C, N]`, and the amounts of their changes, `[B, len(AUGMENT_FEATURES)]`, relative to
        each range: in [-1, 1] for speed and tilt and in [0, 1] for the others, 0 for no change.
    """
    labels = torch.tensor(
        np.stack([_draw(config, generator) for generator in generators]),
        dtype=torch.float32,
        device=waves.device,
    )
    changes: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "speed": lambda some, amount: speed(some, config.speed * amount, rate),
        "tilt": lambda some, amount: tilt(some, config.tilt * amount, rate),
        "tail": lambda some, amount: tail(some, config.tail * amount),
        "shift": lambda some, amount: shift(some, config.shift * amount, rate),
        "swap": lambda some, _: some.flip(1),
        "polarity": lambda some, _: -some,
        "gain": lambda some, amount: gain(some, -config.gain * amount),
    }
    if waves.shape[1] != 2:
        labels[:, AUGMENT_FEATURES.index("swap")] = 0
    changed = waves.clone()
    for feature, amounts in zip(AUGMENT_FEATURES, labels.T, strict=True):
        chosen = amounts.nonzero().flatten()
        if len(chosen):
            changed[chosen] = changes[feature](changed[chosen], amounts[chosen])
    return changed, labels


def _draw(config: Augmentation, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw the amounts of one item's changes; the count of random numbers does not depend on the settings."""
    lowest = np.array(list(_LOWEST.values()))
    applied = generator.random(len(lowest)) < config.probability
    amounts = lowest + (1 - lowest) * generator.random(len(lowest))
    allowed = [getattr(config, feature) > 0 for feature in AUGMENT_FEATURES]
    return np.where(applied & allowed, amounts, 0.0)


def gain(waves: Tensor, decibels: Tensor) -> Tensor:
    """Change the level, `[B]` in dB."""
    return waves * torch.pow(10.0, decibels / 20)[:, None, None]


def shift(waves: Tensor, milliseconds: Tensor, rate: int) -> Tensor:
    """Delay by whole frames; a sound that no longer fits fades out over its last 20 ms."""
    length = waves.shape[-1]
    frames = (milliseconds * rate / 1000).round().int().tolist()
    later = [functional.pad(wave, (n, 0)) for wave, n in zip(waves, frames, strict=True)]
    return torch.stack([crop_or_pad(wave, length, rate) for wave in later])


def tail(waves: Tensor, decibels: Tensor) -> Tensor:
    """Apply an exponential decay, from 0 dB at the first frame to -`decibels` at the last nonzero one."""
    ends = sounding_end(waves).clamp(min=1)
    slope = decibels / ends * (-math.log(10) / 20)
    return waves * torch.exp(slope[:, None] * torch.arange(waves.shape[-1], device=waves.device))[:, None]


def speed(waves: Tensor, semitones: Tensor, rate: int) -> Tensor:
    """Change pitch and duration together (above 0: higher and shorter); the first frame stays the first.

    Band-limited resampling: the spectrum of P frames is cut or padded with zeros to that of Q, with P/Q the
    speed to a few hundredths of a semitone. A slowed sound that no longer fits fades out over its last 20 ms.
    """
    length = waves.shape[-1]
    # The padding keeps ringing before the first frame from wrapping around to the end of the sound.
    candidates = _fast_lengths(1.1 * length)
    resampled = []
    for wave, end, factor in zip(waves, sounding_end(waves), torch.pow(2.0, semitones / 12), strict=True):
        pairs = [(padded, _fast_lengths(padded / float(factor))[0]) for padded in candidates]
        padded, frames = min(pairs, key=lambda pair: pair[1] / pair[0])
        ratio = frames / padded
        spectrum = torch.fft.rfft(wave, n=padded)[:, : min(padded, frames) // 2]
        faster = torch.fft.irfft(spectrum * ratio, n=frames)[:, : math.ceil(int(end) * ratio)]
        resampled.append(crop_or_pad(faster, length, rate))
    return torch.stack(resampled)


def tilt(waves: Tensor, decibels_per_octave: Tensor, rate: int) -> Tensor:
    """Tilt the spectrum around 1 kHz (above 0: brighter), keeping each item's peak.

    The filter is a first-order shelf ((s + low) / (s + high)), from 60 Hz to 12 kHz, to the power that gives
    the slope: a fractional power of a minimum-phase filter is minimum-phase too, so there is no pre-ringing.
    """
    length = waves.shape[-1]
    # The filter's time constant is 1 / (2 pi 60 Hz) = 2.7 ms; after 40 ms 3e-7 of a response is left.
    padded = _fast_lengths(length + 0.04 * rate)[0]
    power = decibels_per_octave / (20 * math.log10(2))
    response = torch.exp(power[:, None] * _log_shelf(padded, rate).to(waves.device))
    tilted: Tensor = torch.fft.irfft(torch.fft.rfft(waves, n=padded) * response[:, None], n=padded)[
        ..., :length
    ]
    tilted *= torch.arange(length, device=waves.device) < sounding_end(waves)[:, None, None]
    return tilted.mul_(_peak(waves) / _peak(tilted).clamp(min=1e-9))


@lru_cache(maxsize=4)
def _log_shelf(length: int, rate: int) -> Tensor:
    """Return the logarithm of the shelf's response, complex64 `[length // 2 + 1]`, with gain 1 at 1 kHz."""

    def shelf(hertz: Tensor) -> Tensor:
        # Frequencies of the bilinear transform: without them the response jumps at half the rate and rings.
        s = 1j * rate / math.pi * torch.tan(math.pi * hertz / rate)
        return torch.log((s + TILT_LOW_HZ) / (s + TILT_HIGH_HZ))

    hertz = torch.arange(length // 2 + 1, dtype=torch.float64) * rate / length
    pivot = shelf(torch.tensor(TILT_PIVOT_HZ, dtype=torch.float64)).real
    return (shelf(hertz) - pivot).to(torch.complex64)


def _peak(waves: Tensor) -> Tensor:
    return waves.abs().amax(dim=(1, 2), keepdim=True)


def _fast_lengths(least: float) -> list[int]:
    """Return the 16 shortest even lengths from `least` on without prime factors above 11, fast for FFTs."""
    lengths = _smooth_numbers(2 ** math.ceil(math.log2(max(least, 64)) + 1))
    first = bisect_left(lengths, least)
    return lengths[first : first + 16]


@lru_cache(maxsize=8)
def _smooth_numbers(limit: int) -> list[int]:
    """Return the even numbers up to `limit` whose prime factors are at most 11, sorted."""
    numbers = [2]
    for prime in (2, 3, 5, 7, 11):
        for number in numbers:
            if number * prime <= limit:
                numbers.append(number * prime)
    return sorted(numbers)
