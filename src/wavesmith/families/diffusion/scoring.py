"""Scoring: how well the model denoises a given sound, for the membership test of the memorisation report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wavesmith.noise import ItemNoise

if TYPE_CHECKING:
    from wavesmith.families.diffusion.model import DiffusionModel

LEVELS = 6
_LOWEST, _HIGHEST = 0.1, 5.0  # of the features' rms: below all is easy, above nothing is left


@torch.no_grad()
def error_levels(family: DiffusionModel, waves: Iterable[Tensor]) -> Tensor:
    """Return noise levels `[LEVELS]` around the root mean square of the features of waves `[C, N]`."""
    rms = torch.stack([_encoded(family, wave).square().mean() for wave in waves]).mean().sqrt()
    shares = torch.linspace(0, 1, LEVELS, dtype=torch.float64)
    levels: Tensor = float(rms) * _LOWEST * (_HIGHEST / _LOWEST) ** shares
    return levels.float()


@torch.no_grad()
def errors(
    family: DiffusionModel, wave: Tensor, label: Tensor, levels: Tensor, seed: int, index: int
) -> Tensor:
    """Return errors `[K]` in dB relative to those of an oracle that knows the wave's spectrum."""
    features = _encoded(family, wave)
    weights = label[None].to(features.device)
    power = features.square()
    found = []
    for k, sigma in enumerate(levels.to(features.device)):
        eps = ItemNoise(seed, [(index, k)], features.device).normal(features.shape[1:])
        denoised = family.denoiser(features + sigma * eps, sigma[None], label=weights)
        oracle = (power * sigma**2 / (power + sigma**2)).sum()
        found.append(10 * ((denoised - features).square().sum() / oracle.clamp(min=1e-12)).log10())
    return torch.stack(found).cpu()


def _encoded(family: DiffusionModel, wave: Tensor) -> Tensor:
    features: Tensor = family.transform.encode(wave[None].to(family.device))
    return features
