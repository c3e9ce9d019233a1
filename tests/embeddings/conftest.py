"""Sounds for embeddings."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

RATE = 44_100


def kicks(count: int, frames: int = 11_025, seed: int = 0) -> Tensor:
    """Low decaying tones, `[count, 1, frames]`."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(frames) / RATE
    hertz = 50 + 40 * torch.rand(count, 1, generator=generator)
    return (torch.sin(2 * math.pi * hertz * time) * torch.exp(-30 * time))[:, None] * 0.8


def hats(count: int, frames: int = 11_025, seed: int = 0) -> Tensor:
    """Decaying bright noise, `[count, 1, frames]`."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(frames) / RATE
    noise = torch.randn(count, frames, generator=generator).diff(dim=1, prepend=torch.zeros(count, 1))
    fall = 40 + 40 * torch.rand(count, 1, generator=generator)
    return (0.2 * noise * torch.exp(-fall * time))[:, None]


@pytest.fixture(scope="session")
def drums() -> Tensor:
    """Three kicks, then three hats."""
    return torch.cat([kicks(3), hats(3)])
