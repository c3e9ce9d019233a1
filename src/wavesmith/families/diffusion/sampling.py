"""Sampling: from a condition and settings to a denoiser, and from noise down to features."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from wavesmith.diffusion import SAMPLERS, Denoiser, classifier_free, loss_guided, schedule
from wavesmith.families.capabilities import Constraint
from wavesmith.families.condition import Condition
from wavesmith.families.diffusion.settings import DiffusionSampling
from wavesmith.noise import Draw, ItemNoise

if TYPE_CHECKING:
    from wavesmith.families.diffusion.model import DiffusionModel


def generate(
    family: DiffusionModel, condition: Condition, length: int, settings: DiffusionSampling, noise: ItemNoise
) -> Tensor:
    """Sample waves `[B, C, length]` from noise."""
    draw = noise.shaped(family.feature_shape(length))
    sigmas = noise_levels(settings)
    denoiser = guided(family, condition, settings, len(noise), length, settings.guidance_interval)
    features = descend(denoiser, settings, draw() * float(sigmas[0]), sigmas, draw)
    return family.transform.decode(features, length).float()


def guided(
    family: DiffusionModel,
    condition: Condition,
    settings: Any,
    batch: int,
    length: int,
    interval: tuple[float, float],
) -> Denoiser:
    """Return the denoiser for a batch of sounds of `length` samples, with all guidance applied.

    `settings` have `guidance` and `avoid`; classifier-free guidance is active at noise levels within
    `interval`.
    """
    label = condition.label.to(family.device).expand(batch, -1)
    denoiser: Denoiser = family.denoiser
    if settings.guidance != 1 and (bool(condition.label.any()) or settings.avoid is not None):
        avoid = family.label_weights(settings.avoid).to(family.device).expand(batch, -1)
        denoiser = classifier_free(
            denoiser, settings.guidance, unconditional={"label": avoid}, interval=interval
        )
    denoiser = partial(denoiser, label=label)
    if not condition.guides:
        return denoiser
    return loss_guided(denoiser, lambda z: family.transform.decode(z, length), condition.guides)


def unguided(family: DiffusionModel, batch: int) -> Denoiser:
    """Return the denoiser for sounds of any label."""
    label = torch.zeros(batch, len(family.config.labels), device=family.device)
    return partial(family.denoiser, label=label)


def lowered_interval(family: DiffusionModel, settings: Any, start: float) -> tuple[float, float]:
    """Return the guidance interval of an operation that starts at noise level `start`.

    The model's own interval is lowered by as much as `start` lies below the model's `sigma_max`: otherwise
    guidance that acts at high noise only would never be reached.
    """
    if settings.guidance_interval is not None:
        interval: tuple[float, float] = settings.guidance_interval
        return interval
    own = family.config.sampling
    factor = min(1.0, start / own.sigma_max)
    low, high = own.guidance_interval
    return low * factor, max(high * factor, start)


def constrained(denoiser: Denoiser, family: DiffusionModel, length: int, keep: Constraint | None) -> Denoiser:
    """Return a denoiser whose estimates, as waves of `length` samples, obey a constraint.

    The estimate is decoded, constrained and encoded again at every step (replacement, Song et al. 2021,
    arXiv:2011.13456, appendix I.2, on the estimate instead of the noisy sound), so that any sampler in any
    transform arrives at what was given.
    """
    if keep is None:
        return denoiser
    transform = family.transform

    def denoise(x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        wave = transform.decode(denoiser(x, sigma, **cond), length)
        return transform.encode(keep(wave))

    return denoise


def noise_levels(settings: DiffusionSampling, start: float | None = None) -> Tensor:
    """Return the schedule's noise levels, or the part that is left of them below the level `start`.

    That part keeps the schedule's own levels, so that it never has more steps than the whole.
    """
    whole = schedule(settings.schedule, settings.steps, settings.sigma_min, settings.sigma_max)
    if start is None:
        return whole
    kept = whole[whole < 0.95 * start]  # a tiny first step would be wasted
    return torch.cat([whole.new_tensor([start]), kept if len(kept) else whole.new_zeros(1)])


def descend(denoiser: Denoiser, settings: DiffusionSampling, x: Tensor, sigmas: Tensor, draw: Draw) -> Tensor:
    """Sample from `x`, noisy at `sigmas[0]`, down to features without noise."""
    options: Mapping[str, Any] = {} if settings.eta is None else {"eta": settings.eta}
    return SAMPLERS[settings.sampler](denoiser, x, sigmas, noise=draw, **options)
