"""Samplers that remember: one evaluation a step, and a polynomial through the last few of them.

`plms`, `iplms` and `lms` extrapolate the slope `dx / dsigma` (Adams-Bashforth); the DPM-Solver++ ones
extrapolate the denoised sound in `-log(sigma)`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser
from wavesmith.diffusion.samplers.onestep import heun_step
from wavesmith.diffusion.samplers.walk import Callback, Noise, check_eta, renoise, slope, toward, walk
from wavesmith.errors import RequestError

# Weights of the present and past slopes, newest first, for 1 to 4 of them at even distances.
_ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


def _extrapolate(trial: Tensor, slopes: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Correct Euler's `trial` to a step along `sum(weights * slopes)`, newest first, the weights in sigma.

    Only differences of slopes meet the weights, so nothing is lost to rounding at great sigma.
    """
    for past, weight in zip(list(slopes)[1:], weights[1:], strict=True):
        trial = trial + weight * (past - slopes[0])
    return trial


def _even_step(x: Tensor, denoised: Tensor, sigma: float, following: float, slopes: deque[Tensor]) -> Tensor:
    """Adams-Bashforth as if all steps were equally long; `slopes` has the present one first."""
    weights = [(following - sigma) * weight for weight in _ADAMS_BASHFORTH[len(slopes) - 1]]
    return _extrapolate(toward(x, denoised, sigma, following), slopes, weights)


def iplms(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Improved PLMS as Dance Diffusion uses it (v-diffusion): `plms` that starts with fewer slopes.

    The slope is the noise estimate, and the step `x + (following - sigma) * slope` is v-diffusion's in these
    coordinates, the last step to 0 included. Zhang & Chen 2022 (arXiv:2204.13902) describe it as iPNDM.
    """
    slopes: deque[Tensor] = deque(maxlen=4)

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        slopes.appendleft(slope(x, denoised, sigma))
        return _even_step(x, denoised, sigma, following, slopes)

    return walk(step, denoiser, x, sigmas, callback, steps_to_zero=True)


def plms(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    order: int = 4,
) -> Tensor:
    """Pseudo linear multistep (Liu et al. 2022, arXiv:2202.09778): `iplms` with Heun's method as first step.

    That step has a second evaluation and needs a sigma of some tens, not thousands. `order` is how many
    slopes are used, 1 to 4.
    """
    slopes: deque[Tensor] = deque(maxlen=order)

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        slopes.appendleft(slope(x, denoised, sigma))
        if len(slopes) == 1 and following > 0:
            return heun_step(denoiser, x, denoised, sigma, following)
        return _even_step(x, denoised, sigma, following, slopes)

    return walk(step, denoiser, x, sigmas, callback, steps_to_zero=True)


def plms2(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """`plms` of two slopes, as v-diffusion has it."""
    return plms(denoiser, x, sigmas, callback=callback, order=2)


def _lagrange_weights(nodes: Sequence[float], start: float, stop: float) -> list[float]:
    """Integrals from `start` to `stop` of the Lagrange polynomials on `nodes`, exact by Gauss-Legendre."""
    points, weights = np.polynomial.legendre.leggauss(len(nodes))
    sigma = start + (stop - start) * (points + 1) / 2
    integrals = []
    for node in nodes:
        basis = np.prod([(sigma - other) / (node - other) for other in nodes if other != node], axis=0)
        integrals.append(float((stop - start) / 2 * (weights * basis).sum()))
    return integrals


def lms(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    order: int = 4,
) -> Tensor:
    """Linear multistep: Adams-Bashforth of up to `order` slopes at the true distances between levels."""
    if order < 1:
        raise RequestError(f"LMS needs an order of at least 1, not {order}; choose 1 to 4.")
    slopes: deque[Tensor] = deque(maxlen=order)
    nodes: deque[float] = deque(maxlen=order)

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        slopes.appendleft(slope(x, denoised, sigma))
        nodes.appendleft(sigma)
        weights = _lagrange_weights(nodes, sigma, following)
        return _extrapolate(toward(x, denoised, sigma, following), slopes, weights)

    return walk(step, denoiser, x, sigmas, callback, steps_to_zero=True)


def _shrink(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """What a step of the SDE with noise `eta` keeps of x (a factor), and the noise that it adds."""
    check_eta(eta)
    ratio = following / sigma
    return ratio ** (1 + eta), following * math.sqrt(1 - ratio ** (2 * eta))


def dpmpp_2m_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """DPM-Solver++(2M) for the diffusion SDE (Lu et al. 2022, arXiv:2211.01095, SDE-DPM-Solver++)."""
    past: deque[tuple[Tensor, float]] = deque(maxlen=1)

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        keep, up = _shrink(sigma, following, eta)
        ahead = denoised
        if past:
            before, sigma_before = past[0]
            ratio = math.log(sigma / following) / math.log(sigma_before / sigma)
            ahead = denoised + ratio / 2 * (denoised - before)
        past.append((denoised, sigma))
        return renoise(torch.lerp(ahead, x, keep), up, noise)

    return walk(step, denoiser, x, sigmas, callback)


def dpmpp_2m(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, arXiv:2211.01095, algorithm 2), `dpmpp_2m_sde` with no noise."""
    return dpmpp_2m_sde(denoiser, x, sigmas, callback=callback, eta=0.0)


def dpmpp_3m_sde(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Tensor:
    """DPM-Solver++ of three levels for the diffusion SDE: the denoised is a parabola in `-log(sigma)`.

    With u in [0, 1] over the step, `denoised + d1 u + d2 u**2` runs through the last three levels, and the
    step integrates it exactly against the weight `h exp(-h (1 - u))`, `h = (1 + eta) log(sigma / following)`.
    """
    past: deque[tuple[Tensor, float]] = deque(maxlen=2)

    def step(x: Tensor, denoised: Tensor, sigma: float, following: float) -> Tensor:
        keep, up = _shrink(sigma, following, eta)
        length = math.log(sigma / following)
        h = (1 + eta) * length
        linear = 1 + math.expm1(-h) / h
        quadratic = 1 - 2 * linear / h
        result = torch.lerp(denoised, x, keep)
        # Newton's divided differences at 0, -a, -b, in units of this step.
        if past:
            before, sigma_before = past[0]
            a = math.log(sigma_before / sigma) / length
            first = (denoised - before) / a
            result = result + linear * first
        if len(past) == 2:
            earlier, sigma_earlier = past[1]
            b = math.log(sigma_earlier / sigma) / length
            second = (first - (before - earlier) / (b - a)) / b
            result = result + (linear * a + quadratic) * second
        past.appendleft((denoised, sigma))
        return renoise(result, up, noise)

    return walk(step, denoiser, x, sigmas, callback)


def dpmpp_3m(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """DPM-Solver++(3M) (Lu et al. 2022, arXiv:2211.01095), `dpmpp_3m_sde` with no noise."""
    return dpmpp_3m_sde(denoiser, x, sigmas, callback=callback, eta=0.0)
