"""Diffusion: pure maths on tensors, from a network's prediction to a sound.

A *parameterisation* turns a network into a *denoiser*, `(x, sigma, **cond) -> denoised` with `x = x0 + sigma
* eps`, and gives its training loss at the noise levels that a *distribution* draws. A *schedule* lays out the
levels of a walk, a *sampler* takes it, *guidance* wraps the denoiser to steer it, and *item noise* makes the
same seed the same sound in any batch. Nothing here knows of audio, files or devices.
"""

from wavesmith.diffusion.coordinates import SIGMA_LIMIT
from wavesmith.diffusion.denoiser import Denoiser, broadcast
from wavesmith.diffusion.gated import Gated
from wavesmith.diffusion.guidance import SoundLoss, Steer, classifier_free, steered
from wavesmith.diffusion.noise import ItemNoise
from wavesmith.diffusion.noise_levels import (
    Crash,
    LogitNormal,
    LogNormal,
    NoiseLevels,
    UniformAngle,
    UniformFlow,
)
from wavesmith.diffusion.parameterisation import EDM, X0, Epsilon, Parameterisation, RectifiedFlow, Scaling, V
from wavesmith.diffusion.samplers import SAMPLERS, Callback, Noise, Sampler, sampler
from wavesmith.diffusion.schedules import SCHEDULES, schedule

__all__ = [
    "EDM",
    "SAMPLERS",
    "SCHEDULES",
    "SIGMA_LIMIT",
    "X0",
    "Callback",
    "Crash",
    "Denoiser",
    "Epsilon",
    "Gated",
    "ItemNoise",
    "LogNormal",
    "LogitNormal",
    "Noise",
    "NoiseLevels",
    "Parameterisation",
    "RectifiedFlow",
    "Sampler",
    "Scaling",
    "SoundLoss",
    "Steer",
    "UniformAngle",
    "UniformFlow",
    "V",
    "broadcast",
    "classifier_free",
    "sampler",
    "schedule",
    "steered",
]
