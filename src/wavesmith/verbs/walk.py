"""How a model walks under given settings: down from noise to sound, and up again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from wavesmith.diffusion import SAMPLERS, Denoiser, Noise, classifier_free, loss_guided, schedule
from wavesmith.models import Model
from wavesmith.noise import Draw, Index, ItemNoise
from wavesmith.verbs.guides import loss_terms
from wavesmith.verbs.settings import Settings


def denoiser_of(model: Model, settings: Settings, batch: int, length: int) -> Denoiser:
    """The model's denoiser for a batch of sounds of `length` samples, with all that guides it settled."""
    family = model.family

    def weights(label: str | dict[str, float] | None) -> Tensor:
        return family.label_weights(label).to(model.device).expand(batch, -1)

    denoiser: Denoiser = family.denoiser
    if settings.guidance != 1 and (settings.label is not None or settings.avoid is not None):
        denoiser = classifier_free(
            denoiser,
            settings.guidance,
            unconditional={"label": weights(settings.avoid)},
            interval=settings.guidance_interval,
        )
    denoiser = partial(denoiser, label=weights(settings.label))
    if not settings.guide:
        return denoiser
    shares = dict(zip(model.labels, family.label_weights(settings.label).tolist(), strict=True))
    terms = loss_terms(settings.guide, model, shares)
    return loss_guided(denoiser, lambda z: family.transform.decode(z, length), terms)


def noise_of(model: Model, seed: int, indices: Sequence[Index], length: int) -> Draw:
    """Fresh noise in the model's feature space for sounds of `length` samples."""
    return ItemNoise(seed, indices, model.device).shaped(model.family.feature_shape(length))


def levels(settings: Settings, start: float | None = None) -> Tensor:
    """Noise levels of the walk down, or of the part that is left of it from the level `start`.

    That part keeps the whole walk's own levels, so that it never takes more steps than the whole.
    """
    whole = schedule(settings.schedule, settings.steps, settings.sigma_min, settings.sigma_max)
    if start is None:
        return whole
    kept = whole[whole < 0.95 * start]  # a first step of next to nothing would be wasted
    return torch.cat([whole.new_tensor([start]), kept if len(kept) else whole.new_zeros(1)])


def descend(
    denoiser: Denoiser, settings: Settings, x: Tensor, sigmas: Tensor, noise: Noise | None = None
) -> Tensor:
    """Walk from `x`, noisy at `sigmas[0]`, down to features without noise."""
    options: dict[str, Any] = {} if settings.eta is None else {"eta": settings.eta}
    return SAMPLERS[settings.sampler](denoiser, x, sigmas, noise=noise, **options)
