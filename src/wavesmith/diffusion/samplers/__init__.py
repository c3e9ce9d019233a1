"""Samplers: functions that follow noise levels down from noise to sound.

All have one signature, `(denoiser, x, sigmas, *, noise=None, callback=None, **own_options) -> x0`: `x` `[B,
...]` in float32 or float64, noisy at `sigmas[0]`; `sigmas` `[steps + 1]` descending, usually to 0 (they may
end above 0, and the result then has that noise level). `noise` gives fresh standard normal noise in the shape
of its argument and is ignored by deterministic samplers. Item k of a batch never depends on the other items.
"""

from wavesmith.diffusion.samplers import adaptive, multistep, onestep
from wavesmith.diffusion.samplers.steps import SAMPLERS, Callback, Noise, Sampler, sampler

__all__ = ["SAMPLERS", "Callback", "Noise", "Sampler", "adaptive", "multistep", "onestep", "sampler"]
