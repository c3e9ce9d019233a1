"""Multistep samplers: one evaluation a step, and a polynomial through the last few of them.

`plms`, `iplms` and `lms` extrapolate the derivative `d = dx / dsigma` (Adams-Bashforth); the DPM-Solver++
ones extrapolate the denoised sound in `-log(sigma)`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser
from wavesmith.diffusion.samplers.steps import (
    Callback,
    Noise,
    add_noise,
    check_eta,
    denoise,
    euler_step,
    heun_step,
    report,
    sampler,
    steps,
    to_d,
)
from wavesmith.errors import RequestError

# Weights of the present and past derivatives, newest first, for 1 to 4 of them at even distances.
_ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


def _adams_bashforth_step(
    x: Tensor,
    denoised: Tensor,
    sigma: float,
    sigma_next: float,
    ds: Sequence[Tensor],
    weights: Sequence[float],
) -> Tensor:
    """Return `x + sum(weights * ds)`, newest first; the weights sum to `sigma_next - sigma`.

    Only differences of derivatives are multiplied by weights, so nothing is lost to rounding at great sigma.
    """
    x = euler_step(x, denoised, sigma, sigma_next)
    for d, weight in zip(list(ds)[1:], weights[1:], strict=True):
        x = x + weight * (d - ds[0])
    return x


def _even_weights(sigma: float, sigma_next: float, order: int) -> list[float]:
    """Return weights for `_adams_bashforth_step` that take all steps for equally long."""
    return [(sigma_next - sigma) * weight for weight in _ADAMS_BASHFORTH[order - 1]]


@sampler("plms", evaluations=1, stochastic=False)  # and one more in the first step
def plms(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    order: int = 4,
) -> Tensor:
    """Sample by pseudo linear multistep (Liu et al. 2022, arXiv:2202.09778).

    The first step is Heun's: it has a second evaluation and needs a sigma of some tens, not thousands.
    `order` is how many derivatives are used, 1 to 4.
    """
    ds: deque[Tensor] = deque(maxlen=order)
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        ds.appendleft(to_d(x, sigma, denoised))
        if len(ds) == 1 and sigma_next > 0:
            x = heun_step(denoiser, x, denoised, sigma, sigma_next)
        else:
            weights = _even_weights(sigma, sigma_next, len(ds))
            x = _adams_bashforth_step(x, denoised, sigma, sigma_next, ds, weights)
    return x


@sampler("plms2", evaluations=1, stochastic=False)  # and one more in the first step
def plms2(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by `plms` with two derivatives, as v-diffusion has it."""
    return plms(denoiser, x, sigmas, callback=callback, order=2)


@sampler("iplms", evaluations=1, stochastic=False)
def iplms(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by improved PLMS, Dance Diffusion's default: `plms` that starts with fewer derivatives.

    The derivative is the noise estimate, and the step is v-diffusion's in these coordinates, the last step to
    0 included. Zhang & Chen 2022 (arXiv:2204.13902) describe it as iPNDM.
    """
    ds: deque[Tensor] = deque(maxlen=4)
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        ds.appendleft(to_d(x, sigma, denoised))
        weights = _even_weights(sigma, sigma_next, len(ds))
        x = _adams_bashforth_step(x, denoised, sigma, sigma_next, ds, weights)
    return x


def _lagrange_weights(nodes: Sequence[float], start: float, stop: float) -> list[float]:
    """Return integrals from `start` to `stop` of the Lagrange polynomials on `nodes`, by Gauss-Legendre."""
    points, weights = np.polynomial.legendre.leggauss(len(nodes))
    sigma = start + (stop - start) * (points + 1) / 2
    integrals = []
    for node in nodes:
        basis = np.prod([(sigma - other) / (node - other) for other in nodes if other != node], axis=0)
        integrals.append(float((stop - start) / 2 * (weights * basis).sum()))
    return integrals


@sampler("lms", evaluations=1, stochastic=False)
def lms(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    order: int = 4,
) -> Tensor:
    """Sample by linear multistep: Adams-Bashforth of up to `order` derivatives at their true distances."""
    if order < 1:
        raise RequestError(f"LMS needs an order of at least 1, not {order}; choose 1 to 4.")
    ds: deque[Tensor] = deque(maxlen=order)
    nodes: deque[float] = deque(maxlen=order)
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        ds.appendleft(to_d(x, sigma, denoised))
        nodes.appendleft(sigma)
        weights = _lagrange_weights(nodes, sigma, sigma_next)
        x = _adams_bashforth_step(x, denoised, sigma, sigma_next, ds, weights)
    return x


def _sde_step(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """Return `(c_skip, sigma_up)` of a step of the SDE: `c_skip x + (1 - c_skip) denoised + sigma_up eps`."""
    check_eta(eta)
    ratio = sigma_next / sigma
    return ratio ** (1 + eta), sigma_next * math.sqrt(1 - ratio ** (2 * eta))


@sampler("dpmpp_2m", evaluations=1, stochastic=False)
def dpmpp_2m(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by DPM-Solver++(2M) (Lu et al. 2022, arXiv:2211.01095, algorithm 2).

    The same as `dpmpp_2m_sde` without fresh noise. Order 2.
    """
    return dpmpp_2m_sde(denoiser, x, sigmas, callback=callback, eta=0.0)


@sampler("dpmpp_2m_sde", evaluations=1, stochastic=True)
def dpmpp_2m_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """Sample by DPM-Solver++(2M) for the diffusion SDE (Lu et al. 2022, arXiv:2211.01095, appendix B)."""
    denoised_old, h_last = None, math.nan
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        if sigma_next == 0:
            return denoised
        h = math.log(sigma / sigma_next)
        denoised_d = denoised
        if denoised_old is not None:
            inverse_r = h / h_last
            denoised_d = denoised + inverse_r / 2 * (denoised - denoised_old)
        c_skip, sigma_up = _sde_step(sigma, sigma_next, eta)
        x = torch.lerp(denoised_d, x, c_skip)
        x = add_noise(x, sigma_up, noise)
        denoised_old, h_last = denoised, h
    return x


@sampler("dpmpp_3m", evaluations=1, stochastic=False)
def dpmpp_3m(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by DPM-Solver++(3M) (Lu et al. 2022, arXiv:2211.01095): `dpmpp_3m_sde` without fresh noise."""
    return dpmpp_3m_sde(denoiser, x, sigmas, callback=callback, eta=0.0)


@sampler("dpmpp_3m_sde", evaluations=1, stochastic=True)
def dpmpp_3m_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """Sample by DPM-Solver++ of three levels for the diffusion SDE.

    With u from 0 to 1 over the step, the parabola `denoised + d1 u + d2 u**2` runs through the last three
    denoised sounds, evenly in `-log(sigma)`. The step integrates it exactly against the weight
    `h_eta exp(-h_eta (1 - u))`, where `h = log(sigma / sigma_next)` and `h_eta = (1 + eta) h`.
    """
    past: deque[tuple[Tensor, float]] = deque(maxlen=2)  # (denoised, sigma), newest first
    for step, sigma, sigma_next in steps(sigmas):
        denoised = denoise(denoiser, x, sigma)
        report(callback, step, x, sigma, denoised)
        if sigma_next == 0:
            return denoised
        c_skip, sigma_up = _sde_step(sigma, sigma_next, eta)
        h = math.log(sigma / sigma_next)
        h_eta = (1 + eta) * h
        integral_u = 1 + math.expm1(-h_eta) / h_eta
        integral_u2 = 1 - 2 * integral_u / h_eta
        x = torch.lerp(denoised, x, c_skip)
        # Newton's divided differences at u = 0, -r0 and -r1
        if past:
            denoised_1, sigma_1 = past[0]
            r0 = math.log(sigma_1 / sigma) / h
            d1 = (denoised - denoised_1) / r0
            x = x + integral_u * d1
        if len(past) == 2:
            denoised_2, sigma_2 = past[1]
            r1 = math.log(sigma_2 / sigma) / h
            d2 = (d1 - (denoised_1 - denoised_2) / (r1 - r0)) / r1
            x = x + (integral_u * r0 + integral_u2) * d2
        x = add_noise(x, sigma_up, noise)
        past.appendleft((denoised, sigma))
    return x
