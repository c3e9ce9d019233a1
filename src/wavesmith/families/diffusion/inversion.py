"""Inversion: the noise that generates a given sound, and sampling from between such noises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wavesmith.diffusion import SAMPLERS, Denoiser, schedule
from wavesmith.families.capabilities import Constraint
from wavesmith.families.condition import Condition
from wavesmith.families.diffusion.sampling import constrained, guided, lowered_interval, unguided
from wavesmith.families.diffusion.settings import InversionSampling, MorphSampling
from wavesmith.noise import ItemNoise

if TYPE_CHECKING:
    from wavesmith.families.diffusion.model import DiffusionModel

STEPS = 24
"""Default steps each way; with half as many the sound that comes back is audibly another."""

TOP = 200.0
"""Noise level that hides everything, for models whose schedule starts at endless noise."""

FLOOR = 0.02
"""Noise level, relative to a sound's own level, that inversion starts with.

Where a sound is silent its features are exactly 0, and would stay so all the way up: no noise that any sound
starts from.
"""

MEETING = 1.5
"""Noise level, relative to the sources' level, at which morphed sources meet.

From above it the model would generate sounds of its own in the middle; from below it both sources would be
heard at once.
"""


def resample(
    family: DiffusionModel,
    wave: Tensor,
    amount: float,
    condition: Condition,
    settings: InversionSampling,
    noise: ItemNoise,
    keep: Constraint | None = None,
) -> Tensor:
    """Sample waves `[B, C, N]` from a wave's latent, mixed with noise by an amount from 0 to 1."""
    length = wave.shape[-1]
    draw = noise.shaped(family.feature_shape(length))
    eps = draw()
    z = family.transform.encode(wave[None])
    sigmas = noise_levels(family, settings, z)
    interval = lowered_interval(family, settings, float(sigmas[0]))
    denoiser = guided(family, condition, settings, len(noise), length, interval)
    latent = ascend(unguided(family, len(noise)), z.expand_as(eps), sigmas, eps)
    mixed = slerp(latent, draw(), amount**2)
    features = descend(constrained(denoiser, family, length, keep), mixed, sigmas)
    return family.transform.decode(features, length).float()


class InvertedSources:
    """Sources inverted up to a noise level at which their outlines still show, for the waves between them.

    What inversion and sampling lose of a source is added again in the share of that source, so that the ends
    are the sources.

    Attributes:
        residuals: what is lost of each source, `[C, N]`.
    """

    def __init__(
        self, family: DiffusionModel, waves: Tensor, settings: MorphSampling, noise: ItemNoise
    ) -> None:
        """Invert sources `[S, C, N]`.

        Each has noise of its own: slerp changes the level if parts of two latents agree and others do not.
        """
        self._family, self._length = family, waves.shape[-1]
        self._denoiser = unguided(family, 1)
        z = family.transform.encode(waves)
        eps = noise.normal(family.feature_shape(self._length))
        self._sigmas = noise_levels(family, settings, z, MEETING * own_level(z))
        pairs = zip(z, eps, strict=True)
        self._latents = [ascend(self._denoiser, a[None], self._sigmas, b[None]) for a, b in pairs]
        self.residuals = [
            wave - self._wave(latent) for wave, latent in zip(waves, self._latents, strict=True)
        ]

    def __call__(self, weights: Sequence[float]) -> Tensor:
        """Return the wave `[C, N]` with these shares of two sources, or of four as corners of a square."""
        wave = self._wave(interpolate(self._latents, weights))
        for share, residual in zip(weights, self.residuals, strict=True):
            wave = wave + share * residual
        return wave

    def _wave(self, latent: Tensor) -> Tensor:
        features = descend(self._denoiser, latent, self._sigmas)
        return self._family.transform.decode(features, self._length)[0].float()


def noise_levels(
    family: DiffusionModel, settings: InversionSampling | MorphSampling, z: Tensor, top: float = TOP
) -> Tensor:
    """Return noise levels for inverting features `z` and coming back: from `top` to `FLOOR`, then 0.

    `settings.sigma_max` is not exceeded. Schedules made for a lowest level of 0 cannot end above it.
    """
    low = FLOOR * own_level(z)
    name = "karras" if family.config.sampling.sigma_min == 0 else settings.schedule
    return schedule(name, settings.steps, low, max(min(settings.sigma_max, top), 2 * low))


def own_level(z: Tensor) -> float:
    """Return the root mean square of features over where they sound (within 60 dB of the loudest)."""
    sounding = z.abs() > 1e-3 * z.abs().max()
    return float((z.square().sum() / sounding.sum().clamp(min=1)).sqrt())


def ascend(denoiser: Denoiser, z: Tensor, sigmas: Tensor, eps: Tensor) -> Tensor:
    """Return the unit noise `[B, F, T]` from which sampling down `sigmas` leads to the features `z`.

    Follows the probability flow (Song et al. 2021, arXiv:2011.13456) upwards from `z` under a trace of the
    noise `eps`.
    """
    upwards = sigmas[:-1].flip(0)
    return _run(denoiser, z + float(upwards[0]) * eps, upwards) / float(upwards[-1])


def descend(denoiser: Denoiser, latent: Tensor, sigmas: Tensor) -> Tensor:
    """Return the features that a unit noise leads to."""
    return _run(denoiser, float(sigmas[0]) * latent, sigmas)


def _run(denoiser: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    """Follow the flow up or down by one rule of second order, so that the way back is near the way up."""
    return SAMPLERS["dpmpp_2m"](denoiser, x, sigmas)


def interpolate(latents: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return the noise between two, or among four as corners of a square, with shares that sum to 1."""
    if len(latents) == 2:
        return slerp(latents[0], latents[1], weights[1])
    top, bottom = weights[0] + weights[1], weights[2] + weights[3]
    along = (weights[1] / top) if top else weights[3] / bottom
    return slerp(slerp(latents[0], latents[1], along), slerp(latents[2], latents[3], along), bottom)


def slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Move from noise `a` to noise `b` `[B, ...]` along the sphere, item by item (Shoemake 1985).

    A straight line between two noises passes through less of it, which a model takes for a duller sound.
    """
    dims = tuple(range(1, a.ndim))
    norms = a.square().sum(dims, keepdim=True).sqrt() * b.square().sum(dims, keepdim=True).sqrt()
    cosine = (a * b).sum(dims, keepdim=True) / norms.clamp(min=1e-12)
    angle = torch.acos(cosine.clamp(-1 + 1e-7, 1 - 1e-7))  # the sine of which is never 0
    return (((1 - share) * angle).sin() * a + (share * angle).sin() * b) / angle.sin()
