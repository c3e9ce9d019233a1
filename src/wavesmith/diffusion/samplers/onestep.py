"""Samplers that forget: each step looks at the present noise level only.

In `x = x0 + sigma * eps` several well-known samplers are one. DDIM (Song et al. 2021, arXiv:2010.02502)
without fresh noise is Euler's method; with `eta` = 1 it is DDPM's ancestral sampling (Ho et al. 2020,
arXiv:2006.11239, the smaller of their two variances), which is Euler's with fresh noise.

Heun's and the midpoint method step in sigma itself and need a first step that is not enormous: start them at
sigma of some tens. The others start anywhere.
"""

from __future__ import annotations

import math

from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser
from wavesmith.diffusion.samplers.walk import (
    Callback,
    Noise,
    draw,
    evaluate,
    renoise,
    slope,
    split,
    toward,
    walk,
)


def ddim(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 0.0,
) -> Tensor:
    """DDIM (Song et al. 2021, eq. 12); `eta` from 0, deterministic, to 1, as much fresh noise as DDPM."""

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        down, up = split(sigma, following, eta)
        return renoise(toward(x, denoised, sigma, down), up, noise)

    return walk(step, denoiser, x, sigmas, callback)


def euler(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Euler's method on the probability flow; the same as `ddim` without fresh noise. Order 1."""
    return ddim(denoiser, x, sigmas, callback=callback)


def euler_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """Euler's method with fresh noise at every step; the same as `ddim` with that `eta`."""
    return ddim(denoiser, x, sigmas, noise=noise, callback=callback, eta=eta)


def ddpm(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Ancestral sampling (Ho et al. 2020, algorithm 2); the same as `ddim` with `eta` = 1."""
    return ddim(denoiser, x, sigmas, noise=noise, callback=callback, eta=1.0)


def heun_step(denoiser: Denoiser, x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
    """One step of Heun's method: the mean of the slopes at both ends."""
    trial = toward(x, denoised, sigma, following)
    correction = slope(trial, evaluate(denoiser, trial, following), following) - slope(x, denoised, sigma)
    return trial + (following - sigma) / 2 * correction


def heun(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Heun's method (Karras et al. 2022, arXiv:2206.00364, algorithm 1). Order 2, two evaluations a step."""

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        return heun_step(denoiser, x, denoised, sigma, following)

    return walk(step, denoiser, x, sigmas, callback)


def prk(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Pseudo Runge-Kutta (Liu et al. 2022, arXiv:2202.09778) as in v-diffusion. Four evaluations a step.

    The classical method of order 4 in sigma, but for its middle, which halves the angle `2 atan(sigma) / pi`.
    """

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        middle = math.tan((math.atan(sigma) + math.atan(following)) / 2)
        first = slope(x, denoised, sigma)

        def along(other: Tensor, level: float) -> Tensor:
            return toward(x, denoised, sigma, level) + (level - sigma) * (other - first)

        def slope_at(x: Tensor, level: float) -> Tensor:
            return slope(x, evaluate(denoiser, x, level), level)

        second = slope_at(along(first, middle), middle)
        third = slope_at(along(second, middle), middle)
        fourth = slope_at(along(third, following), following)
        return along((first + 2 * second + 2 * third + fourth) / 6, following)

    return walk(step, denoiser, x, sigmas, callback)


def dpm2_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """The midpoint method with the middle at the geometric mean, as in DPM-Solver-2, and fresh noise.

    Lu et al. 2022, arXiv:2206.00927; the step itself is linear in sigma (Karras et al. 2022). Two
    evaluations.
    """

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        down, up = split(sigma, following, eta)
        middle = math.sqrt(sigma * down)
        halfway = toward(x, denoised, sigma, middle)
        x = x + (down - sigma) * slope(halfway, evaluate(denoiser, halfway, middle), middle)
        return renoise(x, up, noise)

    return walk(step, denoiser, x, sigmas, callback)


def dpm2(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """`dpm2_ancestral` without fresh noise. Order 2, two evaluations a step."""
    return dpm2_ancestral(denoiser, x, sigmas, callback=callback, eta=0.0)


def dpmpp_2s_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """DPM-Solver++(2S) (Lu et al. 2022, arXiv:2211.01095, algorithm 1) with fresh noise. Two evaluations."""

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        down, up = split(sigma, following, eta)
        middle = math.sqrt(sigma * down)
        halfway = toward(x, denoised, sigma, middle)
        return renoise(toward(x, evaluate(denoiser, halfway, middle), sigma, down), up, noise)

    return walk(step, denoiser, x, sigmas, callback)


def dpmpp_2s(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """DPM-Solver++(2S), `dpmpp_2s_ancestral` without fresh noise. Order 2, two evaluations a step."""
    return dpmpp_2s_ancestral(denoiser, x, sigmas, callback=callback, eta=0.0)


def dpmpp_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """DPM-Solver++ for the diffusion SDE, singlestep (Lu et al. 2022, arXiv:2211.01095). Two evaluations.

    The middle has fresh noise too. What is added there and over the whole step belongs to one Brownian
    motion, which in the clock `1 / sigma**2` gives them the correlation `sqrt(following / (sigma +
    following))`; drawn apart, they would spoil the second order.
    """

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        middle = math.sqrt(sigma * following)
        first, second = draw(noise, x), draw(noise, x)
        down, up = split(sigma, middle, eta)
        halfway = toward(x, denoised, sigma, down) + up * first
        down, up = split(sigma, following, eta)
        shared = following / (sigma + following)
        whole = math.sqrt(shared) * first + math.sqrt(1 - shared) * second
        return toward(x, evaluate(denoiser, halfway, middle), sigma, down) + up * whole

    return walk(step, denoiser, x, sigmas, callback)


def ping_pong(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Denoise fully, noise afresh, repeat (Song et al. 2023, arXiv:2303.01469, algorithm 1).

    For few-step models, distilled or adversarially trained, whose denoised sounds are samples and no
    averages.
    """

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        return renoise(denoised, following, noise)

    return walk(step, denoiser, x, sigmas, callback)
