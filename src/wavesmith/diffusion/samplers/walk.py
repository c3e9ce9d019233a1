"""What all samplers share: the walk down the noise levels, and the pieces that steps are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser
from wavesmith.errors import RequestError

Noise = Callable[[Tensor], Tensor]  # fresh standard normal noise, shaped like what it is given
Step = Callable[[Tensor, Tensor, float, float], Tensor]  # (x, denoised, sigma, following sigma) -> x


class Callback(Protocol):
    """Told once per step what the sampler sees."""

    def __call__(self, step: int, steps: int, x: Tensor, sigma: Tensor, denoised: Tensor) -> None:
        """Step number `step` from 0 of `steps`; `x` and `denoised` `[B, ...]` at `sigma` `[B]`."""


def walk(
    step: Step,
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    callback: Callback | None,
    *,
    steps_to_zero: bool = False,
) -> Tensor:
    """Take `step` from each noise level to the next, each with one evaluation of `denoiser` before it.

    The last step, to sigma = 0, returns the denoised, unless the sampler says that it `steps_to_zero` itself.
    """
    levels = sigmas.tolist()
    for index, (sigma, following) in enumerate(pairwise(levels)):
        denoised = evaluate(denoiser, x, sigma)
        if callback is not None:
            callback(index, len(levels) - 1, x, x.new_full((len(x),), sigma), denoised)
        x = step(x, denoised, sigma, following) if following > 0 or steps_to_zero else denoised
    return x


def evaluate(denoiser: Denoiser, x: Tensor, sigma: float) -> Tensor:
    """Denoise with all items at one noise level."""
    return denoiser(x, x.new_full((len(x),), sigma))


def slope(x: Tensor, denoised: Tensor, sigma: float) -> Tensor:
    """`dx / dsigma` of the probability flow (Karras et al. 2022, eq. 1): noise that `denoised` implies."""
    return (x - denoised) / sigma


def toward(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
    """Follow the probability flow with `denoised` held fixed; exact where it is, and safe at any sigma."""
    return torch.lerp(denoised, x, following / sigma)


def split(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """Levels (down, up): going to `down` and adding `up` of fresh noise makes `following`.

    With `eta` = 1 it is the posterior of Ho et al. 2020 (arXiv:2006.11239), with 0 there is no fresh noise.
    """
    check_eta(eta)
    kept = min(1.0, (following / sigma) ** 2)
    return following * math.sqrt(1 - eta**2 + eta**2 * kept), eta * following * math.sqrt(1 - kept)


def check_eta(eta: float) -> None:
    """`RequestError` when `eta` is not in [0, 1]."""
    if not 0 <= eta <= 1:
        raise RequestError(f"eta is the share of fresh noise, not {eta:g}; choose it from 0 to 1.")


def draw(noise: Noise | None, like: Tensor) -> Tensor:
    """Fresh noise; `RequestError` when the sampler was given no source."""
    if noise is None:
        raise RequestError(
            "This sampler adds fresh noise as it goes; give it a `noise` source, such as ItemNoise."
        )
    return noise(like)


def renoise(x: Tensor, up: float, noise: Noise | None) -> Tensor:
    """Add `up` of fresh noise; none is drawn when it is 0."""
    return x + up * draw(noise, x) if up else x
