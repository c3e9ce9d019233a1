"""The registry of samplers, and the operations that their steps are made of.

Names are those of k-diffusion and the papers: a step goes from `sigma` to `sigma_next`; a stochastic one goes
down to `sigma_down` and adds fresh noise of deviation `sigma_up`; `denoised` is the denoiser's estimate, `d`
the derivative `dx / dsigma`, and `_2` marks values at the middle or end of a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import update_wrapper
from inspect import signature
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from wavesmith.diffusion.aliases import SAMPLER_ALIASES
from wavesmith.diffusion.denoiser import Denoiser
from wavesmith.errors import RequestError
from wavesmith.registry import Registry

Noise = Callable[[Tensor], Tensor]
"""Source of fresh standard normal noise in the shape of its argument, such as `torch.randn_like`."""


class Callback(Protocol):
    """Function that a sampler calls once per step."""

    def __call__(self, step: int, steps: int, x: Tensor, sigma: Tensor, denoised: Tensor) -> None:
        """Receive step number `step` of `steps`, from 0; `x` and `denoised` `[B, ...]` at `sigma` `[B]`."""


class Sampler:
    """A sampler function together with its cost; called like the function.

    Attributes:
        run: the function `(denoiser, x, sigmas, *, noise, callback, **options) -> x0`.
        evaluations: evaluations of the denoiser per step.
        stochastic: whether it draws fresh noise when its options are left at their defaults.
        options: names of the options that only this sampler has, such as `eta`.
    """

    def __init__(self, run: Callable[..., Tensor], evaluations: int, stochastic: bool) -> None:
        update_wrapper(self, run)
        self.run = run
        self.evaluations = evaluations
        self.stochastic = stochastic
        shared = {"denoiser", "x", "sigmas", "noise", "callback"}
        self.options = frozenset(signature(run).parameters) - shared

    def __call__(
        self,
        denoiser: Denoiser,
        x: Tensor,
        sigmas: Tensor,
        *,
        noise: Noise | None = None,
        callback: Callback | None = None,
        **options: Any,
    ) -> Tensor:
        """Return samples `[B, ...]` at the noise level `sigmas[-1]`.

        Args:
            denoiser: estimates the clean sounds.
            x: noisy sounds `[B, ...]` at the noise level `sigmas[0]`, float32 or float64.
            sigmas: noise levels `[steps + 1]`, descending.
            noise: source of fresh noise, which deterministic samplers ignore.
            callback: is called once per step.
            **options: the sampler's own options.

        Raises:
            RequestError: when noise is needed and there is no source, or an option is out of range.
        """
        return self.run(denoiser, x, sigmas, noise=noise, callback=callback, **options)


SAMPLERS: Registry[Sampler] = Registry("sampler", aliases=SAMPLER_ALIASES, entry_points="wavesmith.samplers")
"""Samplers by name."""


def sampler(name: str, *, evaluations: int, stochastic: bool) -> Callable[[Callable[..., Tensor]], Sampler]:
    """Register the decorated function as the sampler of that name.

    Args:
        name: name in `SAMPLERS`.
        evaluations: evaluations of the denoiser per step.
        stochastic: whether it draws fresh noise when its options are left at their defaults.
    """

    def register(run: Callable[..., Tensor]) -> Sampler:
        return SAMPLERS.register(name)(Sampler(run, evaluations, stochastic))

    return register


class Step(NamedTuple):
    """Number of a step, from 0, among a total of steps."""

    number: int
    total: int


def steps(sigmas: Tensor) -> Iterator[tuple[Step, float, float]]:
    """Yield each step with the noise levels `sigma` and `sigma_next` at its ends."""
    for number, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        yield Step(number, len(sigmas) - 1), sigma, sigma_next


def denoise(denoiser: Denoiser, x: Tensor, sigma: float) -> Tensor:
    """Evaluate the denoiser with all items of `x` `[B, ...]` at one noise level."""
    return denoiser(x, x.new_full((len(x),), sigma))


def report(callback: Callback | None, step: Step, x: Tensor, sigma: float, denoised: Tensor) -> None:
    """Call the callback, if there is one."""
    if callback is not None:
        callback(step.number, step.total, x, x.new_full((len(x),), sigma), denoised)


def to_d(x: Tensor, sigma: float, denoised: Tensor) -> Tensor:
    """Return the derivative `dx / dsigma` of the probability flow (Karras et al. 2022, eq. 1)."""
    return (x - denoised) / sigma


def euler_step(x: Tensor, denoised: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Return `x + (sigma_next - sigma) * d`, written so that it is exact at any sigma.

    This is also DDIM's step, and the first-order exponential integrator of DPM-Solver++: it follows the
    probability flow with `denoised` held fixed.
    """
    return torch.lerp(denoised, x, sigma_next / sigma)


def heun_step(denoiser: Denoiser, x: Tensor, denoised: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Return the step along the mean of the derivatives at both ends; `sigma_next` must be above 0."""
    x_2 = euler_step(x, denoised, sigma, sigma_next)
    d, d_2 = to_d(x, sigma, denoised), to_d(x_2, sigma_next, denoise(denoiser, x_2, sigma_next))
    return x_2 + (sigma_next - sigma) / 2 * (d_2 - d)


def ancestral_step(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """Return `(sigma_down, sigma_up)`: fresh noise of `sigma_up` on top of `sigma_down` is `sigma_next`.

    With `eta` = 1 this is the posterior of Ho et al. 2020 (arXiv:2006.11239), with 0 there is no fresh noise.
    """
    check_eta(eta)
    kept = min(1.0, (sigma_next / sigma) ** 2)
    sigma_down = sigma_next * math.sqrt(1 - eta**2 + eta**2 * kept)
    sigma_up = eta * sigma_next * math.sqrt(1 - kept)
    return sigma_down, sigma_up


def check_eta(eta: float) -> None:
    """Raise RequestError when `eta` is not in [0, 1]."""
    if not 0 <= eta <= 1:
        raise RequestError(f"eta is the share of fresh noise, not {eta:g}; choose it from 0 to 1.")


def draw(noise: Noise | None, like: Tensor) -> Tensor:
    """Draw fresh noise in the shape of `like`; RequestError when there is no source."""
    if noise is None:
        raise RequestError(
            "This sampler adds fresh noise as it goes; give it a `noise` source, such as ItemNoise."
        )
    return noise(like)


def add_noise(x: Tensor, sigma_up: float, noise: Noise | None) -> Tensor:
    """Add fresh noise of deviation `sigma_up`; nothing is drawn when it is 0."""
    return x + sigma_up * draw(noise, x) if sigma_up else x
