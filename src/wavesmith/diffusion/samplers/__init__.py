"""Samplers: walks from noise to sound, one short pure function each.

All have one signature, `(denoiser, x, sigmas, *, noise=None, callback=None, **own_options) -> x0`: `x` `[B,
...]` in float32 or float64, noisy at `sigmas[0]`; `sigmas` `[steps + 1]` descending, usually to 0 (they may
end above 0, and what comes back is then still that noisy). `noise` gives fresh standard normal noise like its
argument and is ignored by deterministic samplers. Item k of a batch never depends on the other items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from wavesmith.diffusion.elsewhere import SAMPLER_NAMES, ours
from wavesmith.diffusion.samplers.adaptive import dpm_adaptive, dpm_fast
from wavesmith.diffusion.samplers.multistep import (
    dpmpp_2m,
    dpmpp_2m_sde,
    dpmpp_3m,
    dpmpp_3m_sde,
    iplms,
    lms,
    plms,
    plms2,
)
from wavesmith.diffusion.samplers.onestep import (
    ddim,
    ddpm,
    dpm2,
    dpm2_ancestral,
    dpmpp_2s,
    dpmpp_2s_ancestral,
    dpmpp_sde,
    euler,
    euler_ancestral,
    heun,
    ping_pong,
    prk,
)
from wavesmith.diffusion.samplers.walk import Callback, Noise
from wavesmith.errors import RequestError, unknown

__all__ = ["SAMPLERS", "Callback", "Noise", "Sampler", "sampler"]


class Sampler(NamedTuple):
    """A sampler and what a caller wants to know beforehand.

    Attributes:
        run: `(denoiser, x, sigmas, *, noise, callback, **own_options) -> x0`.
        evaluations: of the denoiser in each step.
        stochastic: whether, with its default options, it draws noise on the way.
    """

    run: Callable[..., Tensor]
    evaluations: int
    stochastic: bool


SAMPLERS: dict[str, Sampler] = {
    "ddpm": Sampler(ddpm, 1, True),
    "ddim": Sampler(ddim, 1, False),
    "plms": Sampler(plms, 1, False),  # and one more in the first step
    "plms2": Sampler(plms2, 1, False),  # likewise
    "iplms": Sampler(iplms, 1, False),
    "euler": Sampler(euler, 1, False),
    "euler_ancestral": Sampler(euler_ancestral, 1, True),
    "heun": Sampler(heun, 2, False),
    "prk": Sampler(prk, 4, False),
    "dpm2": Sampler(dpm2, 2, False),
    "dpm2_ancestral": Sampler(dpm2_ancestral, 2, True),
    "lms": Sampler(lms, 1, False),
    "dpmpp_2s": Sampler(dpmpp_2s, 2, False),
    "dpmpp_2s_ancestral": Sampler(dpmpp_2s_ancestral, 2, True),
    "dpmpp_2m": Sampler(dpmpp_2m, 1, False),
    "dpmpp_sde": Sampler(dpmpp_sde, 2, True),
    "dpmpp_2m_sde": Sampler(dpmpp_2m_sde, 1, True),
    "dpmpp_3m": Sampler(dpmpp_3m, 1, False),
    "dpmpp_3m_sde": Sampler(dpmpp_3m_sde, 1, True),
    "dpm_fast": Sampler(dpm_fast, 1, False),
    "dpm_adaptive": Sampler(dpm_adaptive, 3, False),  # in each trial step, whose number it chooses
    "ping_pong": Sampler(ping_pong, 1, True),
}


def sampler(name: str) -> Sampler:
    """The sampler called `name`, here or in the field's other tools (`elsewhere.py`).

    Raises:
        RequestError: with the nearest known name, if there is none.
    """
    known = ours(name, SAMPLERS, SAMPLER_NAMES)
    if known is None:
        raise RequestError(unknown("sampler", name, SAMPLERS))
    return SAMPLERS[known]
