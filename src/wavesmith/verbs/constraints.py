"""What a walk must hold on to: parts of a sound, or bands of it, that are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from wavesmith.diffusion import Denoiser
from wavesmith.families import DiffusionModel

Constraint = Callable[[Tensor], Tensor]
"""Wave `[B, C, N]` to a wave in which what is given is as it is given."""


def constrained(denoiser: Denoiser, family: DiffusionModel, length: int, constraint: Constraint) -> Denoiser:
    """A denoiser whose estimates, as sounds of `length` samples, obey a constraint.

    The estimate is decoded, constrained and encoded again at every step (replacement, Song et al. 2021,
    arXiv:2011.13456, appendix I.2, on the estimate instead of the noisy sound), so that a walk of any sampler
    leads to what was given, in any transform.
    """
    transform = family.transform

    def denoise(x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        wave = transform.decode(denoiser(x, sigma, **cond), length)
        return transform.encode(constraint(wave))

    return denoise


def held(known: Tensor, share: Tensor) -> Constraint:
    """Hold on to `known` `[C, N]` where `share` `[N]` is 1, to nothing where it is 0; between, to a mix."""
    return lambda wave: wave + share * (known - wave)
