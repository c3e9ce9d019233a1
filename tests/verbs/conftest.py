"""An analytic model: textures whose denoiser is known exactly, so that what is wrong is the verb's doing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from wavesmith.families import DiffusionConfig, DiffusionModel, ParameterisationConfig, Sampling
from wavesmith.models import Model, load
from wavesmith.networks import FrameUNetConfig
from wavesmith.sound import Sound
from wavesmith.transforms import RawConfig

RATE, LENGTH = 4000, 512
LEVEL = 0.25
WIDTHS = {"rough": 1.0, "soft": 4.0}  # samples over which neighbours are alike
PITCH = 2 * np.pi * 0.1  # radians per sample; away from what is removed as DC


@cache
def _eigen(length: int, shares: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Eigenvalues and -vectors of the covariance of textures: Gaussian, stationary, around one pitch."""
    apart = torch.arange(length, dtype=torch.float64)[:, None] - torch.arange(length, dtype=torch.float64)
    total = sum(shares) or 1.0
    mix = [share / total if sum(shares) else 0.5 for share in shares]
    alike = sum(m * torch.exp(-((apart / (2 * w)) ** 2)) for m, w in zip(mix, WIDTHS.values(), strict=True))
    values, vectors = torch.linalg.eigh(LEVEL**2 * alike * torch.cos(PITCH * apart))
    return values.clamp(min=0).float(), vectors.float()


class Denoiser:
    """E[x0 | x] for features `[B, C, N]`; counts its passes."""

    def __init__(self) -> None:
        self.passes = 0

    def __call__(self, x: Tensor, sigma: Tensor, label: Tensor | None = None) -> Tensor:
        self.passes += 1
        rows = [
            self._one(one, float(s), () if label is None else tuple(shares.tolist()))
            for one, s, shares in zip(x, sigma, label if label is not None else x, strict=True)
        ]
        return torch.stack(rows)

    def _one(self, x: Tensor, sigma: float, shares: tuple[float, ...]) -> Tensor:
        values, vectors = _eigen(x.shape[-1], shares or (0.0, 0.0))
        return (x @ vectors * (values / (values + sigma**2))) @ vectors.T


@pytest.fixture
def textures() -> Model:
    """Stereo textures of 0.128 s at 4 kHz, for ever stationary."""
    config = DiffusionConfig(
        rate=RATE,
        channels=2,
        length=LENGTH,
        labels=tuple(WIDTHS),
        transform=RawConfig(),
        network=FrameUNetConfig(fold=4, widths=(16, 64), blocks=1, condition=16, dropout=0.0),
        parameterisation=ParameterisationConfig(kind="edm"),
        sampling=Sampling(steps=12, sigma_min=0.002, sigma_max=20.0),
    )
    family = DiffusionModel(config).eval()
    family.denoiser = Denoiser()
    return Model("textures", "0" * 16, family)


@pytest.fixture(scope="session")
def debug() -> Model:
    return load("debug")


@pytest.fixture(scope="session")
def texture() -> Callable[..., Sound]:
    """A sound that the model might have made, of any length."""

    def make(frames: int, seed: int = 0, *, channels: int = 2, width: float = 4.0, rate: int = RATE) -> Sound:
        noise = np.random.default_rng(seed).standard_normal((channels, frames + 64))
        places = np.arange(-32, 33)
        kernel = np.exp(-((places / (np.sqrt(2) * width)) ** 2)) * np.cos(PITCH * places)
        kernel *= LEVEL / np.sqrt(np.square(kernel).sum())
        return Sound(np.stack([np.convolve(row, kernel, mode="valid") for row in noise]), rate)

    return make


@pytest.fixture(scope="session")
def hit() -> Callable[..., Sound]:
    """A decaying tone that ends in silence."""

    def make(hertz: float = 200.0, seconds: float = 0.25, rate: int = 8000, channels: int = 2) -> Sound:
        time = np.arange(round(seconds * rate)) / rate
        wave = 0.6 * np.sin(2 * np.pi * hertz * time) * np.exp(-40 * time)
        return Sound(np.stack([wave * (1 - 0.2 * k) for k in range(channels)]), rate)

    return make


@pytest.fixture(scope="session")
def likeness() -> Callable[[Sound, Sound], float]:
    """Correlation of two sounds of one shape, -1 to 1."""
    return lambda one, other: float(np.corrcoef(one.samples.ravel(), other.samples.ravel())[0, 1])
