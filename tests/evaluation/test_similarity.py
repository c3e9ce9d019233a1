from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from wavesmith.evaluation.similarity import SoundComparer, onset
from wavesmith.sound import Sound

RATE, LENGTH = 8000, 4000


def bursts(count: int, seed: int, frames: int = 3000) -> Tensor:
    """Noise in bursts of random rhythm `[count, 1, frames]` that dies away: no two alike."""
    generator = torch.Generator().manual_seed(seed)
    rhythm = torch.rand(count, 1, 15, generator=generator).square().repeat_interleave(frames // 15, dim=2)
    fall = torch.exp(-torch.arange(frames) / 600)
    return 0.3 * rhythm * fall * torch.randn(count, 1, frames, generator=generator)


def waves(comparer: SoundComparer, sounds: Tensor) -> list[Tensor]:
    return [comparer.wave(Sound.from_tensor(sound, RATE)) for sound in sounds]


@pytest.fixture(scope="module")
def comparer() -> SoundComparer:
    return SoundComparer(RATE, LENGTH)


@pytest.mark.parametrize(
    ("disguise", "decibels", "correlation"),
    [
        (lambda wave: wave, 0.05, 0.999),
        (lambda wave: 0.05 * wave, 0.05, 0.999),
        (lambda wave: -wave, 0.05, 0.999),
        (lambda wave: F.pad(wave, (333, 0)), 0.1, 0.999),
        (lambda wave: F.pad(wave, (0, 900)), 0.1, 0.999),
        (lambda wave: wave[..., :2000], 2, 0.98),
        (lambda wave: wave + 0.003 * torch.randn(wave.shape, generator=torch.manual_seed(1)), math.inf, 0.98),
    ],
    ids=["the same", "quieter", "inverted", "later", "padded", "cut", "noisy"],
)
def test_a_disguised_copy_is_near(comparer, disguise, decibels, correlation):
    original = bursts(1, 0)
    found = comparer.compare(*waves(comparer, disguise(original)), *waves(comparer, original))
    assert found.decibels < decibels
    assert found.correlation > correlation


def test_another_sound_is_not_near(comparer):
    one, other = waves(comparer, bursts(2, 0))
    found = comparer.compare(one, other)
    assert found.decibels > 3
    assert found.correlation < 0.6


def test_shift_and_gain_are_measured(comparer):
    original = bursts(1, 0)
    found = comparer.compare(*waves(comparer, 0.1 * F.pad(original, (400, 0))), *waves(comparer, original))
    assert found.shift_seconds == pytest.approx(-400 / RATE, abs=1 / RATE)
    assert found.gain_db == pytest.approx(-20, abs=0.1)


def test_spectrograms_do_not_depend_on_the_start(comparer):
    original = bursts(1, 0)
    one, other = waves(comparer, torch.cat([original, original])[:1]) + waves(
        comparer, F.pad(original, (517, 0))
    )
    assert onset(other) - onset(one) == 517
    assert float(comparer.difference_db(comparer.spectrograms([one]), comparer.spectrograms([other]))) < 0.05


def test_silence_gives_finite_values(comparer):
    silent = torch.zeros(1, LENGTH)
    found = comparer.compare(silent, *waves(comparer, bursts(1, 0)))
    assert all(map(math.isfinite, found))
