"""Diffusion: pure maths on tensors, from a network's prediction to a sound.

A *parameterisation* turns a network into a *denoiser*, `(x, sigma, **cond) -> denoised` with `x = x0 + sigma
* eps`, and gives its training loss at the noise levels that a *distribution* draws. A *schedule* lays out the
noise levels from noise to sound, a *sampler* follows them, and *guidance* wraps the denoiser to steer it.
Nothing here knows of audio files or devices.
"""

from wavesmith.diffusion.coordinates import SIGMA_LIMIT
from wavesmith.diffusion.denoiser import Denoiser, broadcast
from wavesmith.diffusion.gated import Gated
from wavesmith.diffusion.guidance import GuidanceLoss, classifier_free, loss_guided
from wavesmith.diffusion.noise_levels import (
    NOISE_LEVELS,
    Crash,
    LogitNormal,
    LogNormal,
    NoiseLevels,
    UniformAngle,
    UniformFlow,
)
from wavesmith.diffusion.parameterisation import (
    EDM,
    PARAMETERISATIONS,
    X0,
    Epsilon,
    Parameterisation,
    RectifiedFlow,
    Scaling,
    V,
)
from wavesmith.diffusion.samplers import SAMPLERS, Callback, Noise, Sampler, sampler
from wavesmith.diffusion.schedules import SCHEDULES, schedule

__all__ = [
    "EDM",
    "NOISE_LEVELS",
    "PARAMETERISATIONS",
    "SAMPLERS",
    "SCHEDULES",
    "SIGMA_LIMIT",
    "X0",
    "Callback",
    "Crash",
    "Denoiser",
    "Epsilon",
    "Gated",
    "GuidanceLoss",
    "LogNormal",
    "LogitNormal",
    "Noise",
    "NoiseLevels",
    "Parameterisation",
    "RectifiedFlow",
    "Sampler",
    "Scaling",
    "UniformAngle",
    "UniformFlow",
    "V",
    "broadcast",
    "classifier_free",
    "loss_guided",
    "sampler",
    "schedule",
]
