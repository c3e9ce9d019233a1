from __future__ import annotations

import math

import pytest
import torch

from wavesmith.descriptors import LogMel
from wavesmith.mel import mel_filters

RATE = 16000


def tone(hertz: float, frames: int = 8000) -> torch.Tensor:
    return torch.sin(2 * math.pi * hertz * torch.arange(frames) / RATE)[None, None]


def test_shape_and_range() -> None:
    picture = LogMel(RATE, bands=40, window=512, hop=128)(torch.randn(3, 2, 1000))
    assert picture.shape == (3, 40, 1000 // 128 + 1)
    assert picture.max() == pytest.approx(0, abs=1e-4)
    assert picture.min() >= -80.001


def test_a_higher_tone_lights_a_higher_band() -> None:
    mel = LogMel(RATE)
    bands = [int(mel(tone(hertz)).mean(dim=2).argmax()) for hertz in (100, 300, 1000, 3000, 7000)]
    assert bands == sorted(set(bands))


def test_gain_changes_nothing_and_level_within_a_sound_does() -> None:
    mel = LogMel(RATE)
    noise = torch.randn(1, 1, 8000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mel(0.01 * noise), mel(noise), atol=1e-2, rtol=0)
    fading = torch.cat([noise, 0.1 * noise], dim=2)
    first, second = mel(fading)[0].mean(dim=0)[[10, 42]]
    assert first - second == pytest.approx(20, abs=1.5)


def test_silence_is_the_floor_and_not_nan() -> None:
    assert torch.equal(LogMel(RATE)(torch.zeros(1, 2, 4000)), torch.full((1, 64, 16), -80.0))


def test_gradients_are_finite_even_where_there_is_silence() -> None:
    wave = torch.cat([tone(440), torch.zeros(1, 1, 8000)], dim=2).requires_grad_()
    LogMel(RATE)(wave).sum().backward()
    assert wave.grad is not None
    assert torch.isfinite(wave.grad).all()
    assert wave.grad.abs().max() > 0


@pytest.mark.parametrize(("rate", "bands", "window"), [(44100, 64, 1024), (44100, 128, 512), (8000, 64, 256)])
def test_every_band_hears_something(rate: int, bands: int, window: int) -> None:
    assert (mel_filters(rate, bands, window).max(axis=1) > 0).all()
