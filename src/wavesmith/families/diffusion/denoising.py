"""Denoising recordings: the recording's own noise level is where sampling starts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wavesmith.diffusion import Denoiser, schedule
from wavesmith.families.condition import Condition
from wavesmith.families.diffusion.inversion import FLOOR, own_level
from wavesmith.families.diffusion.sampling import guided, lowered_interval
from wavesmith.families.diffusion.settings import DenoisingSampling
from wavesmith.noise import ItemNoise
from wavesmith.transforms import band_levels

if TYPE_CHECKING:
    from wavesmith.families.diffusion.model import DiffusionModel


def noise_profile(family: DiffusionModel, waves: Iterable[Tensor]) -> Tensor:
    """Measure the level of the noise `[F, 1]` in every band of the family's features."""
    return band_levels(family.transform, waves, family.config.rate)


def denoise(
    family: DiffusionModel,
    wave: Tensor,
    profile: Tensor,
    condition: Condition,
    settings: DenoisingSampling,
    noise: ItemNoise,
) -> Tensor:
    """Take noise whose level `profile` `[F, 1]` differs from band to band off a wave `[C, N]`."""
    length = wave.shape[-1]
    z = family.transform.encode(wave[None])
    eps = noise.normal(family.feature_shape(length))
    top = min(float(profile.max()), settings.sigma_max)
    if top > 0:
        interval = lowered_interval(family, settings, top)
        denoiser = guided(family, condition, settings, 1, length, interval)
        z = _denoised(denoiser, z, profile, eps, top, settings.steps)
    return family.transform.decode(z, length)[0].float()


def _denoised(denoiser: Denoiser, z: Tensor, profile: Tensor, eps: Tensor, top: float, steps: int) -> Tensor:
    """Return features without noise.

    While sigma is above a band's own noise level, the band is the recording and as much noise as is missing;
    from there on it follows the denoiser (Kawar et al. 2022, arXiv:2201.11793, without their fresh noise).
    """
    low = max(FLOOR * own_level(z), 1e-3 * top)
    x = z
    for sigma, sigma_next in pairwise(schedule("karras", steps, min(low, 0.5 * top), top).tolist()):
        missing = (sigma**2 - profile.square()).clamp(min=0).sqrt()
        x = torch.where(profile < sigma, z + missing * eps, x)
        denoised = denoiser(x, x.new_full((len(x),), sigma))
        x = torch.lerp(denoised, x, sigma_next / sigma)
    return x
