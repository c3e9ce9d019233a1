from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from wavesmith.evaluation.copies import Ear, nearest, onset

from wavesmith.sound import Sound

RATE, LENGTH = 8000, 4000


def bursts(count: int, seed: int, frames: int = 3000) -> Tensor:
    """Noise in bursts of random rhythm `[count, 1, frames]` that dies away: no two alike."""
    generator = torch.Generator().manual_seed(seed)
    rhythm = torch.rand(count, 1, 15, generator=generator).square().repeat_interleave(frames // 15, dim=2)
    fall = torch.exp(-torch.arange(frames) / 600)
    return 0.3 * rhythm * fall * torch.randn(count, 1, frames, generator=generator)


def waves(ear: Ear, sounds: Tensor) -> list[Tensor]:
    return [ear.wave(Sound.from_tensor(sound, RATE)) for sound in sounds]


@pytest.fixture(scope="module")
def ear() -> Ear:
    return Ear(RATE, LENGTH)


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
    ids=["the same", "quieter", "upside down", "later", "padded", "cut", "noisy"],
)
def test_a_disguised_copy_is_near(ear, disguise, decibels, correlation):
    original = bursts(1, 0)
    found = ear.compare(*waves(ear, disguise(original)), *waves(ear, original))
    assert found.decibels < decibels
    assert found.correlation > correlation


def test_another_sound_is_not(ear):
    one, other = waves(ear, bursts(2, 0))
    found = ear.compare(one, other)
    assert found.decibels > 3
    assert found.correlation < 0.6


def test_shift_and_gain_are_told(ear):
    original = bursts(1, 0)
    found = ear.compare(*waves(ear, 0.1 * F.pad(original, (400, 0))), *waves(ear, original))
    assert found.shift_seconds == pytest.approx(-400 / RATE, abs=1 / RATE)
    assert found.gain_db == pytest.approx(-20, abs=0.1)


def test_pictures_of_a_sound_that_comes_later_are_the_same(ear):
    original = bursts(1, 0)
    one, other = waves(ear, torch.cat([original, original])[:1]) + waves(ear, F.pad(original, (517, 0)))
    assert onset(other) - onset(one) == 517
    assert float(ear.apart(ear.pictures([one]), ear.pictures([other]))) < 0.05


def test_silence_is_compared_without_complaint(ear):
    silent = torch.zeros(1, LENGTH)
    found = ear.compare(silent, *waves(ear, bursts(1, 0)))
    assert all(map(math.isfinite, found))


def test_the_nearest_rows_are_found_across_blocks():
    rows = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    queries = rows[[3, 40]] + 0.01
    distances, places = nearest(queries, rows.split(16), [None, None], 3)
    expected = torch.cdist(queries, rows).topk(3, largest=False)
    assert places.tolist() == expected.indices.tolist()
    assert torch.allclose(distances, expected.values, atol=1e-4)
    _, others = nearest(queries, rows.split(16), [3, 40], 1)
    assert others[:, 0].tolist() == expected.indices[:, 1].tolist()
