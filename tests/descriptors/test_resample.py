from __future__ import annotations

import math

import pytest
import soxr
import torch
from torch import Tensor

from wavesmith.descriptors import resample


def sound(rate: int, seconds: float = 0.5) -> Tensor:
    """Some tones `[2, N]` that begin and end in silence, all below 3 kHz."""
    time = torch.arange(round(seconds * rate)) / rate
    hull = torch.sin(math.pi * time / seconds).square()
    return torch.stack([hull * torch.sin(2 * math.pi * hertz * time) for hertz in (440.0, 2500.0)])


@pytest.mark.parametrize(
    ("rate", "other"), [(44100, 16000), (16000, 44100), (44100, 22050), (8000, 11025), (48000, 44100)]
)
def test_it_is_the_sound_at_another_rate(rate: int, other: int) -> None:
    converted = resample(sound(rate), rate, other)
    assert converted.shape == (2, round(0.5 * other))
    torch.testing.assert_close(converted, sound(other), atol=2e-3, rtol=0)


def test_soxr_says_the_same() -> None:
    wave = sound(44100)
    theirs = torch.from_numpy(soxr.resample(wave.T.numpy(), 44100, 16000)).T
    torch.testing.assert_close(resample(wave, 44100, 16000), theirs, atol=2e-3, rtol=0)


def test_the_same_rate_is_the_same_sound() -> None:
    wave = sound(8000)
    assert resample(wave, 8000, 8000) is wave


def test_what_is_too_high_is_gone() -> None:
    high = torch.sin(2 * math.pi * 7000 * torch.arange(8000) / 16000)[None]
    assert resample(high, 16000, 8000)[..., 400:-400].abs().max() < 0.02


def test_an_end_does_not_come_round_to_the_beginning() -> None:
    wave = torch.zeros(1, 8000)
    wave[0, 7000:] = 1.0
    assert resample(wave, 8000, 11025)[..., :5000].abs().max() < 0.01


@pytest.mark.parametrize("frames", [1, 7, 100])
def test_very_short_sounds_have_a_length(frames: int) -> None:
    assert resample(torch.ones(1, 1, frames), 44100, 16000).shape[-1] == max(1, round(frames * 16000 / 44100))


def test_gradients_pass() -> None:
    wave = sound(8000, 0.1).requires_grad_()
    resample(wave, 8000, 11025).square().sum().backward()
    assert wave.grad is not None
    torch.testing.assert_close(wave.grad, 2 * wave.detach() * 11025 / 8000, atol=0.05, rtol=0)
