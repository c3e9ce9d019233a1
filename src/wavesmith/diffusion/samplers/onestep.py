"""Single-step samplers: each step looks at the present noise level only.

In `x = x0 + sigma * eps` several well-known samplers are one. DDIM (Song et al. 2021, arXiv:2010.02502)
without fresh noise is Euler's method; with `eta` = 1 it is DDPM's ancestral sampling (Ho et al. 2020,
arXiv:2006.11239, the smaller of their two variances), which is Euler's method with fresh noise.

Heun's and the midpoint method step in sigma itself and need a first step that is not enormous: start them at
sigma of some tens. The others start anywhere.
"""

from __future__ import annotations

import math

from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser
from wavesmith.diffusion.samplers.steps import (
    Callback,
    Noise,
    add_noise,
    ancestral_step,
    denoise,
    draw,
    euler_step,
    heun_step,
    report,
    sampler,
    steps,
    to_d,
)


@sampler("ddpm", evaluations=1, stochastic=True)
def ddpm(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by DDPM's ancestral steps (Ho et al. 2020, algorithm 2): `ddim` with `eta` = 1."""
    return ddim(denoiser, x, sigmas, noise=noise, callback=callback, eta=1.0)


@sampler("ddim", evaluations=1, stochastic=False)
def ddim(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 0.0,
) -> Tensor:
    """Sample by DDIM (Song et al. 2021, eq. 12); `eta` from 0 (deterministic) to 1 (DDPM's fresh noise)."""
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        sigma_down, sigma_up = ancestral_step(sigma, sigma_next, eta)
        x = euler_step(x, denoised, sigma, sigma_down)
        x = add_noise(x, sigma_up, noise)
    return x


@sampler("euler", evaluations=1, stochastic=False)
def euler(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by Euler's method on the probability flow. Order 1; the same as `ddim` without fresh noise."""
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        x = euler_step(x, denoised, sigma, sigma_next)
    return x


@sampler("euler_ancestral", evaluations=1, stochastic=True)
def euler_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """Sample by Euler's method with fresh noise at every step: `ddim` with that `eta`."""
    return ddim(denoiser, x, sigmas, noise=noise, callback=callback, eta=eta)


@sampler("heun", evaluations=2, stochastic=False)
def heun(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by Heun's method (Karras et al. 2022, arXiv:2206.00364, algorithm 1). Order 2."""
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        if sigma_next == 0:
            return denoised
        x = heun_step(denoiser, x, denoised, sigma, sigma_next)
    return x


@sampler("prk", evaluations=4, stochastic=False)
def prk(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by pseudo Runge-Kutta (Liu et al. 2022, arXiv:2202.09778) as in v-diffusion. Order 3.

    This is the classical method of order 4 in sigma, except that the middle of a step halves the angle
    `2 atan(sigma) / pi`.
    """
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        if sigma_next == 0:
            return denoised
        sigma_mid = math.tan((math.atan(sigma) + math.atan(sigma_next)) / 2)
        # x + (s - sigma) * d_k, by way of Euler's step, which loses no digits at great sigma
        x_mid = euler_step(x, denoised, sigma, sigma_mid)
        x_end = euler_step(x, denoised, sigma, sigma_next)
        d_1 = to_d(x, sigma, denoised)
        d_2 = to_d(x_mid, sigma_mid, denoise(denoiser, x_mid, sigma_mid))
        x_3 = x_mid + (sigma_mid - sigma) * (d_2 - d_1)
        d_3 = to_d(x_3, sigma_mid, denoise(denoiser, x_3, sigma_mid))
        x_4 = x_end + (sigma_next - sigma) * (d_3 - d_1)
        d_4 = to_d(x_4, sigma_next, denoise(denoiser, x_4, sigma_next))
        x = x_end + (sigma_next - sigma) * ((d_1 + 2 * d_2 + 2 * d_3 + d_4) / 6 - d_1)
    return x


@sampler("dpm2", evaluations=2, stochastic=False)
def dpm2(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by `dpm2_ancestral` without fresh noise. Order 2."""
    return dpm2_ancestral(denoiser, x, sigmas, callback=callback, eta=0.0)


@sampler("dpm2_ancestral", evaluations=2, stochastic=True)
def dpm2_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """Sample by the midpoint method with fresh noise, the middle at the geometric mean as in DPM-Solver-2.

    Lu et al. 2022, arXiv:2206.00927; the step itself is linear in sigma (Karras et al. 2022).
    """
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        if sigma_next == 0:
            return denoised
        sigma_down, sigma_up = ancestral_step(sigma, sigma_next, eta)
        sigma_mid = math.sqrt(sigma * sigma_down)
        x_2 = euler_step(x, denoised, sigma, sigma_mid)
        d_2 = to_d(x_2, sigma_mid, denoise(denoiser, x_2, sigma_mid))
        x = x + (sigma_down - sigma) * d_2
        x = add_noise(x, sigma_up, noise)
    return x


@sampler("dpmpp_2s", evaluations=2, stochastic=False)
def dpmpp_2s(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by DPM-Solver++(2S): `dpmpp_2s_ancestral` without fresh noise. Order 2."""
    return dpmpp_2s_ancestral(denoiser, x, sigmas, callback=callback, eta=0.0)


@sampler("dpmpp_2s_ancestral", evaluations=2, stochastic=True)
def dpmpp_2s_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """Sample by DPM-Solver++(2S) (Lu et al. 2022, arXiv:2211.01095, algorithm 1) with fresh noise."""
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        if sigma_next == 0:
            return denoised
        sigma_down, sigma_up = ancestral_step(sigma, sigma_next, eta)
        sigma_mid = math.sqrt(sigma * sigma_down)
        x_2 = euler_step(x, denoised, sigma, sigma_mid)
        denoised_2 = denoise(denoiser, x_2, sigma_mid)
        x = euler_step(x, denoised_2, sigma, sigma_down)
        x = add_noise(x, sigma_up, noise)
    return x


@sampler("dpmpp_sde", evaluations=2, stochastic=True)
def dpmpp_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """Sample by single-step DPM-Solver++ for the diffusion SDE (Lu et al. 2022, arXiv:2211.01095). Order 2.

    The middle of a step has fresh noise too. It and the noise of the whole step belong to one Brownian
    motion, which in the clock `1 / sigma**2` gives them the correlation `sqrt(sigma_next / (sigma +
    sigma_next))`; drawn independently, they would spoil the second order.
    """
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        if sigma_next == 0:
            return denoised
        sigma_mid = math.sqrt(sigma * sigma_next)
        noise_mid, noise_rest = draw(noise, x), draw(noise, x)
        sigma_down, sigma_up = ancestral_step(sigma, sigma_mid, eta)
        x_2 = euler_step(x, denoised, sigma, sigma_down) + sigma_up * noise_mid
        denoised_2 = denoise(denoiser, x_2, sigma_mid)
        shared = sigma_next / (sigma + sigma_next)
        noise_next = math.sqrt(shared) * noise_mid + math.sqrt(1 - shared) * noise_rest
        sigma_down, sigma_up = ancestral_step(sigma, sigma_next, eta)
        x = euler_step(x, denoised_2, sigma, sigma_down) + sigma_up * noise_next
    return x


@sampler("ping_pong", evaluations=1, stochastic=True)
def ping_pong(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Denoise fully, add fresh noise, repeat (Song et al. 2023, arXiv:2303.01469, algorithm 1).

    For few-step models, distilled or adversarially trained, whose denoised sounds are samples rather than
    averages.
    """
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        x = add_noise(denoised, sigma_next, noise)
    return x
