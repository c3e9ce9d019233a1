"""Coordinates of noise: monotone maps between sigma and the axes that noise levels are spaced or drawn on.

With the variance-preserving form `alpha * x0 + s * eps`, `alpha**2 + s**2 = 1`, sigma is `s / alpha`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

# At angle t = 1 the sound is gone and sigma infinite. Sampling and training start a millionth short of it,
# where the rest of the sound is below the rounding of float32.
SIGMA_LIMIT = math.tan(math.pi / 2 * (1 - 1e-6))


class Coordinate(NamedTuple):
    """Monotone axis: `of` maps sigma to it, `sigma` maps back (never beyond `SIGMA_LIMIT`)."""

    of: Callable[[Tensor], Tensor]
    sigma: Callable[[Tensor], Tensor]


def _bounded(sigma: Tensor) -> Tensor:
    return sigma.clamp(max=SIGMA_LIMIT)


def _crash_of(sigma: Tensor) -> Tensor:
    root = (1 + sigma**2).sqrt()
    # 1 - s is written without the subtraction, which near s = 1 would lose every digit.
    s, rest = sigma / root, 1 / (root * (root + sigma))
    return 2 / math.pi * torch.atan2(s.sqrt(), rest.sqrt())


def _crash_sigma(u: Tensor) -> Tensor:
    s, rest = torch.sin(math.pi / 2 * u) ** 2, torch.cos(math.pi / 2 * u) ** 2
    return _bounded(s / (rest * (1 + s)).sqrt())


LOG = Coordinate(torch.log, lambda u: _bounded(torch.exp(u)))

# t in [0, 1] with alpha = cos(pi t / 2), s = sin(pi t / 2): the cosine schedule of v-prediction
# (Salimans & Ho 2022, arXiv:2202.00512) and the time in which Dance Diffusion networks are conditioned.
ANGLE = Coordinate(
    lambda sigma: 2 / math.pi * torch.atan(sigma),
    lambda t: _bounded(torch.tan(math.pi / 2 * t)),
)

# u in [0, 1] with s = sin(pi u / 2)**2, Dance Diffusion's "crash" schedule: dwells at both ends.
CRASH = Coordinate(_crash_of, _crash_sigma)

# t in [0, 1] with x_t = (1 - t) x0 + t eps: rectified flow (Liu et al. 2022, arXiv:2209.03003).
FLOW = Coordinate(lambda sigma: sigma / (1 + sigma), lambda t: _bounded(t / (1 - t)))


def _ddpm_of(sigma: Tensor) -> Tensor:
    return ((torch.log1p(sigma**2) - 1e-4).clamp(min=0) / 10).sqrt()


def _ddpm_sigma(tau: Tensor) -> Tensor:
    return torch.expm1(1e-4 + 10 * tau**2).sqrt()


# DDPM's linear beta schedule in continuous time, log(1 + sigma**2) = 1e-4 + 10 tau**2.
DDPM = Coordinate(_ddpm_of, lambda tau: _bounded(_ddpm_sigma(tau)))

# It meets the angle where both have this value and the same slope; below it the angle leads, above it tau
# (v-diffusion's splice).
_SPLICE_ANGLE, _SPLICE_TAU = 0.80074257, 0.48536712
_SHIFT = _SPLICE_ANGLE - _SPLICE_TAU


def _spliced_of(sigma: Tensor) -> Tensor:
    angle = ANGLE.of(sigma)
    return torch.where(angle < _SPLICE_ANGLE, angle, _ddpm_of(sigma) + _SHIFT)


def _spliced_sigma(u: Tensor) -> Tensor:
    return _bounded(torch.where(u < _SPLICE_ANGLE, ANGLE.sigma(u.clamp(max=1)), _ddpm_sigma(u - _SHIFT)))


SPLICED = Coordinate(_spliced_of, _spliced_sigma)


def power(rho: float) -> Coordinate:
    """Return the coordinate `sigma**(1 / rho)`, on which Karras et al. 2022 (eq. 5) space their levels."""
    return Coordinate(lambda sigma: sigma ** (1 / rho), lambda u: _bounded(u**rho))


def variance_preserving(beta_d: float, beta_min: float) -> Coordinate:
    """Return the time of the VP SDE (Song et al. 2021, arXiv:2011.13456).

    There `log(1 + sigma**2) = beta_d t**2 / 2 + beta_min t`.
    """

    def of(sigma: Tensor) -> Tensor:
        return ((beta_min**2 + 2 * beta_d * torch.log1p(sigma**2)).sqrt() - beta_min) / beta_d

    def sigma(t: Tensor) -> Tensor:
        return _bounded(torch.expm1(beta_d * t**2 / 2 + beta_min * t).sqrt())

    return Coordinate(of, sigma)
