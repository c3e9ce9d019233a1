from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wavesmith.descriptors import LogMel
from wavesmith.sound import Sound

RATE = 8000


class Bands:
    """A little embedding: mean and highest level of 8 mel bands."""

    name = "bands"
    rate = RATE
    dimensions = 16

    def __init__(self) -> None:
        self.mel = LogMel(RATE, bands=8, window=256, hop=128)
        self.calls = 0

    def __call__(self, waves: Tensor) -> Tensor:
        self.calls += len(waves)
        levels = self.mel(waves) / 20
        return torch.cat([levels.mean(dim=2), levels.amax(dim=2)], dim=1)


@pytest.fixture
def bands() -> Bands:
    return Bands()


def hit(kind: str, seed: int, rate: int = RATE, channels: int = 1) -> Sound:
    """A thump or a hiss, each different."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(0.25 * rate)) / rate
    if kind == "kick":
        wave = np.cos(2 * np.pi * generator.uniform(50, 300) * time)
    else:
        wave = generator.standard_normal(time.size) / 4
    wave = wave * np.exp(-generator.uniform(10, 30) * time)
    return Sound(np.tile(0.8 * wave / np.abs(wave).max(), (channels, 1)), rate)


@pytest.fixture(scope="session")
def sounds() -> Callable[..., Sound]:
    """Make a thump (`kick`) or a hiss (`snare`) of a seed."""
    return hit


@pytest.fixture
def kit(tmp_path: Path) -> Callable[..., Path]:
    """Write a labelled folder: sounds of `kick` and `snare` from four sources each."""

    def write(name: str, count: int, seed: int = 0, rate: int = RATE, channels: int = 1) -> Path:
        for label in ("kick", "snare"):
            for k in range(count):
                sound = hit(label, 1000 * seed + 2 * k + (label == "snare"), rate, channels)
                sound.write(tmp_path / name / label / f"kit{k % 4}" / f"{k:03d}.wav")
        return tmp_path / name

    return write
