"""One thread for all tests, and peers: other people's packages that ours is compared with where installed."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor

from wavesmith.families.diffusion import (
    DiffusionConfig,
    DiffusionModel,
    ParameterisationConfig,
    SamplingDefaults,
)
from wavesmith.models import Model, load
from wavesmith.networks import FrameUNetConfig
from wavesmith.sound import Sound
from wavesmith.transforms import RawConfig


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Nothing here is large enough for two, and bits must not depend on the machine or on earlier tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def installed(name: str, *needs: str) -> Any:
    """Import a peer; skip the test without it.

    What it `needs` only for other things than those compared here is replaced by mocks if not installed.
    """
    missing = [need for need in needs if importlib.util.find_spec(need.partition(".")[0]) is None]
    for module in missing:
        sys.modules[module] = mock.MagicMock()
    try:
        return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)
    finally:
        for module in missing:
            del sys.modules[module]


@pytest.fixture(scope="session")
def audio_diffusion_pytorch() -> Any:
    """Tiny Audio Diffusion's library; torchaudio is there for its mel spectrograms alone."""
    return installed("audio_diffusion_pytorch", "torchaudio")


@pytest.fixture(scope="session")
def k_diffusion() -> Any:
    """k-diffusion's samplers; its package would load image models, and they bring all they need for those."""
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None:
        pytest.skip("k_diffusion is not installed")
    package = types.ModuleType("k_diffusion")
    package.__path__ = list(spec.submodule_search_locations or ())
    utils = types.SimpleNamespace(append_dims=lambda x, ndim: x[(..., *(None,) * (ndim - x.ndim))])
    package.utils = utils  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {"k_diffusion": package, "k_diffusion.utils": utils}):
        return installed("k_diffusion.sampling", "torchdiffeq", "torchsde")


@pytest.fixture(scope="session")
def diffusers() -> Any:
    """Hugging Face's library, which has Dance Diffusion."""
    return installed("diffusers")


# An analytic model: textures whose denoiser is known exactly, so that what is wrong is the verb's doing.

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
        sampling=SamplingDefaults(steps=12, sigma_min=0.002, sigma_max=20.0),
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
