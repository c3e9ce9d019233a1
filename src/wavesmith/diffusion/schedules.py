"""Schedules: the noise levels that samplers step on, from noise to sound.

Every schedule spaces its levels evenly on one coordinate, from exactly `sigma_max` to exactly `sigma_min`,
and then ends at 0. Where the coordinate reaches sigma = 0, `sigma_min` may be 0: then the even steps
themselves end there, as Dance Diffusion's do. All return float64 `[steps + 1]`, strictly descending. A
`sigma_max` beyond `SIGMA_LIMIT` (angle t = 1 - 1e-6), infinity too, is replaced by `SIGMA_LIMIT`: t = 1 is
written as infinity.

All raise `RequestError` for fewer than one step or a range that is no range.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from wavesmith.diffusion.aliases import SCHEDULE_ALIASES
from wavesmith.diffusion.coordinates import (
    ANGLE,
    CRASH,
    DDPM,
    LOG,
    SIGMA_LIMIT,
    SPLICED,
    Coordinate,
    power,
    variance_preserving,
)
from wavesmith.errors import RequestError
from wavesmith.registry import Registry

SCHEDULES: Registry[Callable[..., Tensor]] = Registry(
    "schedule", aliases=SCHEDULE_ALIASES, entry_points="wavesmith.schedules"
)
"""Schedules `(steps, sigma_min, sigma_max, **options) -> sigmas` by name."""


def _ends(coordinate: Coordinate, steps: int, sigma_min: float, sigma_max: float) -> tuple[float, float]:
    """Return the first and the last position on the coordinate; RequestError for an impossible request."""
    if steps < 1:
        raise RequestError(f"A walk needs at least 1 step, not {steps}; ask for more steps.")
    if not 0 <= sigma_min < min(sigma_max, SIGMA_LIMIT):
        raise RequestError(
            f"The noise range {sigma_min:g} to {sigma_max:g} is no range; choose 0 <= sigma_min < sigma_max."
        )
    ends = coordinate.of(torch.tensor([min(sigma_max, SIGMA_LIMIT), sigma_min], dtype=torch.float64))
    if not torch.isfinite(ends).all():
        raise RequestError("This schedule cannot reach sigma_min = 0; choose a sigma_min above 0.")
    start, stop = ends.tolist()
    return start, stop


def _even(coordinate: Coordinate, steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    start, stop = _ends(coordinate, steps, sigma_min, sigma_max)
    levels = coordinate.sigma(torch.linspace(start, stop, steps + (sigma_min == 0), dtype=torch.float64))
    levels[-1] = sigma_min  # exactly the requested range, free of the coordinate's rounding
    levels[0] = min(sigma_max, SIGMA_LIMIT)
    return levels if sigma_min == 0 else torch.cat([levels, levels.new_zeros(1)])


def _check_positive(name: str, value: float) -> None:
    if not (0 < value < math.inf):
        raise RequestError(f"{name} must be above 0, not {value:g}; choose a positive number.")


@SCHEDULES.register("linear")
def linear(steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Space levels evenly in the angle `2 atan(sigma) / pi`, which v-diffusion calls linear."""
    return _even(ANGLE, steps, sigma_min, sigma_max)


@SCHEDULES.register("cosine")
def cosine(steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Space levels evenly in the angle at low noise, in DDPM's time at high noise.

    This is v-diffusion's spliced DDPM-cosine, which starts at sigma = 148.4.
    """
    return _even(SPLICED, steps, sigma_min, sigma_max)


@SCHEDULES.register("ddpm_linear")
def ddpm_linear(steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Space levels evenly in DDPM's time, with its betas on a line (Ho et al. 2020), as v-diffusion does.

    v-diffusion starts it at sigma = 148.4. Below 0.01, where that time ends, there is only the last level.
    """
    return _even(DDPM, steps, sigma_min, sigma_max)


@SCHEDULES.register("crash")
def crash(steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Space levels evenly in Dance Diffusion's crash coordinate u, `sin(pi t / 2) = sin(pi u / 2)**2`."""
    return _even(CRASH, steps, sigma_min, sigma_max)


@SCHEDULES.register("log")  # v-diffusion's name for it
@SCHEDULES.register("exponential")
def exponential(steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Space levels evenly in `log(sigma)`, the log signal-to-noise ratio; `sigma_min` must be above 0."""
    return _even(LOG, steps, sigma_min, sigma_max)


@SCHEDULES.register("polyexponential")
def polyexponential(steps: int, sigma_min: float, sigma_max: float, rho: float = 1.0) -> Tensor:
    """Let `log(sigma)` fall as the power `rho` of an even ramp; 1 is `exponential`, more crowds low noise."""
    _check_positive("rho", rho)
    high, low = _ends(LOG, steps, sigma_min, sigma_max)
    ramp = Coordinate(
        lambda sigma: ((sigma.log() - low) / (high - low)) ** (1 / rho),
        lambda u: torch.exp(low + (high - low) * u**rho),
    )
    return _even(ramp, steps, sigma_min, sigma_max)


@SCHEDULES.register("karras")
def karras(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Space levels evenly in `sigma**(1 / rho)` (Karras et al. 2022, arXiv:2206.00364, eq. 5)."""
    _check_positive("rho", rho)
    return _even(power(rho), steps, sigma_min, sigma_max)


@SCHEDULES.register("vp")
def vp(steps: int, sigma_min: float, sigma_max: float, beta_d: float = 19.9, beta_min: float = 0.1) -> Tensor:
    """Space levels evenly in the time of the variance-preserving SDE (Song et al. 2021, arXiv:2011.13456)."""
    _check_positive("beta_d", beta_d)
    _check_positive("beta_min", beta_min)
    return _even(variance_preserving(beta_d, beta_min), steps, sigma_min, sigma_max)


def schedule(name: str, steps: int, sigma_min: float, sigma_max: float, **options: float) -> Tensor:
    """Return noise levels `[steps + 1]`, float64, from `sigma_max` down to 0, by the schedule of that name.

    The name may be that of another tool (`aliases.py`).

    Raises:
        RequestError: for an unknown name, fewer than one step, or a range that is no range.
    """
    return SCHEDULES[name](steps, sigma_min, sigma_max, **options)
