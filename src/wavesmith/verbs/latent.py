"""The noise that would make a sound: deterministic inversion, and moving between such noises."""

from __future__ import annotations

import torch
from torch import Tensor

from wavesmith.diffusion import SAMPLERS, Denoiser, schedule
from wavesmith.verbs.settings import Settings

STEPS = 24
"""Steps each way, at least: with half as many the sound that comes back is audibly another."""

TOP = 200.0
"""Noise that nothing is heard through, for models whose walk starts at endless noise."""

FLOOR = 0.02
"""Noise, relative to a sound's own level, that the way up starts with.

Where a sound is silent its features are exactly 0, and would stay so all the way up: no noise that any sound
starts from.
"""

_WALK = SAMPLERS["dpmpp_2m"]  # up and down by one rule, and of second order, so that the way back is near


def both_ways(settings: Settings, z: Tensor, top: float = TOP) -> Tensor:
    """Noise levels for inverting the features `z`, and for coming back: from `top` to `FLOOR`, then 0.

    The walk of `settings` is not exceeded: its own top is the highest.
    """
    low = FLOOR * own_level(z)
    name = "karras" if settings.sigma_min == 0 else settings.schedule
    return schedule(name, max(STEPS, settings.steps), low, max(min(settings.sigma_max, top), 2 * low))


def own_level(z: Tensor) -> float:
    """Root mean square of features over where they sound (within 60 dB of the loudest)."""
    heard = z.abs() > 1e-3 * z.abs().max()
    return float((z.square().sum() / heard.sum().clamp(min=1)).sqrt())


def ascend(denoiser: Denoiser, z: Tensor, sigmas: Tensor, eps: Tensor) -> Tensor:
    """The unit noise `[B, F, T]` from which the walk down `sigmas` leads to the features `z`.

    The probability flow (Song et al. 2021, arXiv:2011.13456) is followed upwards from `z` under a trace of
    the noise `eps`.
    """
    upwards = sigmas[:-1].flip(0)
    return _WALK(denoiser, z + float(upwards[0]) * eps, upwards) / float(upwards[-1])


def come_back(denoiser: Denoiser, latent: Tensor, sigmas: Tensor) -> Tensor:
    """The features that a unit noise leads to."""
    return _WALK(denoiser, float(sigmas[0]) * latent, sigmas)


def slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Move from noise `a` to noise `b` `[B, ...]` along the sphere, item by item (Shoemake 1985).

    A straight line between two noises passes through less of it, which models hear as a duller sound.
    """
    dims = tuple(range(1, a.ndim))
    norms = a.square().sum(dims, keepdim=True).sqrt() * b.square().sum(dims, keepdim=True).sqrt()
    cosine = (a * b).sum(dims, keepdim=True) / norms.clamp(min=1e-12)
    angle = torch.acos(cosine.clamp(-1 + 1e-7, 1 - 1e-7))  # the sine of which is never 0
    return (((1 - share) * angle).sin() * a + (share * angle).sin() * b) / angle.sin()
