"""Finishing of every sound: no DC, no click at either end, true silence after its end, a known peak."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wavesmith.errors import ModelError

SILENCE_DB = -60.0  # re the peak; samples after the last one above this count as silence
START_DB = -40.0  # re the peak; a first sample above this is a step out of silence
RISE_SECONDS = 0.0005  # length of the fade-in that removes such a step; attacks of real drums are no sharper
RELEASE_SECONDS = 0.03  # length of the fade into silence
REST_SECONDS = 0.05  # silence that every sound ends with, at most a tenth of it
LOWEST_HZ = 10.0  # cutoff of the high-pass; lower frequencies are inaudible
_NOTHING = 1e-9  # -180 dBFS; counts as silence, which is not normalised


def finish(wave: Tensor, rate: int, peak_db: float | None) -> Tensor:
    """Finish a wave `[C, N]`: remove DC, let it begin and end in silence, and set its peak.

    It fades out after its last audible sample, or shortly before its end if it still rings there.

    Args:
        wave: float32 samples.
        rate: samples per second.
        peak_db: peak in dBFS of the result; None leaves the level. Silence stays silence.

    Raises:
        ModelError: when the wave has samples that are not finite numbers.
    """
    check_finite(wave)
    if float(wave.abs().max()) < _NOTHING:
        return torch.zeros_like(wave)
    wave = without_dc(wave, rate)
    release = _release(wave.abs().amax(0), rate)
    if begins_with_step(wave):
        wave = faded_in(wave, rate)
    wave = wave * release
    peak = float(wave.abs().max())
    if peak_db is None or peak < _NOTHING:
        return wave
    return wave * (10 ** (peak_db / 20) / peak)


def check_finite(wave: Tensor) -> None:
    """Refuse a wave with samples that are not finite numbers; raises ModelError."""
    if not torch.isfinite(wave).all():
        raise ModelError(
            "The model's answer was not a sound (some samples are not finite numbers); "
            "try its default settings, and if they do not help get or train the model again."
        )


def without_dc(wave: Tensor, rate: int) -> Tensor:
    """High-pass a wave `[C, N]` at 10 Hz, causally: two real poles, `(s / (s + 1))^2` with s = if / 10 Hz."""
    memory = int(rate / LOWEST_HZ)
    padded = 2 ** math.ceil(math.log2(wave.shape[-1] + memory))
    s = 1j * torch.arange(padded // 2 + 1, device=wave.device) * (rate / padded / LOWEST_HZ)
    spectrum = torch.fft.rfft(wave, n=padded) * (s / (s + 1)).square()
    passed: Tensor = torch.fft.irfft(spectrum, n=padded)[..., : wave.shape[-1]]
    return passed


def begins_with_step(wave: Tensor) -> bool:
    """Return whether the first sample of a wave `[C, N]` is a step out of silence, which clicks."""
    return bool(wave[:, 0].abs().max() > wave.abs().max() * 10 ** (START_DB / 20))


def faded_in(wave: Tensor, rate: int) -> Tensor:
    """Fade a wave `[C, N]` in over its first half millisecond, along a raised cosine."""
    frames = min(math.ceil(RISE_SECONDS * rate), wave.shape[-1])
    gains = torch.ones(wave.shape[-1], dtype=wave.dtype, device=wave.device)
    gains[:frames] = 0.5 - 0.5 * torch.cos(math.pi * torch.arange(frames, device=wave.device) / frames)
    return wave * gains


def _release(envelope: Tensor, rate: int) -> Tensor:
    """Return gains `[N]`: 1 while the sound lasts, a raised cosine down, then 0."""
    frames = len(envelope)
    rest = int(min(REST_SECONDS, 0.1 * frames / rate) * rate)
    release = min(int(RELEASE_SECONDS * rate), frames - rest)
    audible = (envelope > float(envelope.max()) * 10 ** (SILENCE_DB / 20)).nonzero()
    stop = min(int(audible[-1]) + 1 + release, frames - rest)
    ramp = torch.arange(release, 0, -1, dtype=envelope.dtype, device=envelope.device) / (release + 1)
    gains = torch.zeros_like(envelope)
    gains[: stop - release] = 1
    gains[stop - release : stop] = 0.5 - 0.5 * torch.cos(math.pi * ramp)
    return gains
