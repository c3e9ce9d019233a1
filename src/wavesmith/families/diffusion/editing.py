"""Editing: sampling that starts from a given sound under noise (SDEdit, Meng et al. 2022, 2108.01073)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from wavesmith.families.capabilities import Constraint
from wavesmith.families.condition import Condition
from wavesmith.families.diffusion.inversion import own_level
from wavesmith.families.diffusion.sampling import (
    constrained,
    descend,
    guided,
    lowered_interval,
    noise_levels,
)
from wavesmith.families.diffusion.settings import EditSampling
from wavesmith.noise import ItemNoise

if TYPE_CHECKING:
    from wavesmith.families.diffusion.model import DiffusionModel

LEAST, MOST = 0.03, 25.0
"""Noise, relative to a sound's own level, that changes it hardly at all, and nearly completely."""


def edit(
    family: DiffusionModel,
    wave: Tensor,
    amount: float,
    condition: Condition,
    settings: EditSampling,
    noise: ItemNoise,
    keep: Constraint | None = None,
) -> Tensor:
    """Sample waves `[B, C, N]` from a wave `[C, N]` under noise; for the amount 1 nothing of it is left."""
    length = wave.shape[-1]
    draw = noise.shaped(family.feature_shape(length))
    eps = draw()
    z = family.transform.encode(wave[None])
    sigmas = noise_levels(settings, starting_level(amount, z, settings.sigma_max) if amount < 1 else None)
    start = float(sigmas[0])
    x = z + start * eps if amount < 1 else start * eps
    interval = lowered_interval(family, settings, start)
    denoiser = guided(family, condition, settings, len(noise), length, interval)
    features = descend(constrained(denoiser, family, length, keep), settings, x, sigmas, draw)
    return family.transform.decode(features, length).float()


def starting_level(amount: float, z: Tensor, sigma_max: float) -> float:
    """Return the noise level to start from, even in log(sigma) over amounts from 0 to 1.

    `z` are features `[..., F, T]` of the sound, relative to whose level noise is measured.
    """
    own = own_level(z)
    high = min(sigma_max, MOST * own)
    low = min(LEAST * own, 0.5 * high)
    return float(low * (high / low) ** amount)
