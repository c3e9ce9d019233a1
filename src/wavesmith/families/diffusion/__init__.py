"""The diffusion family: a transform, a network and a parameterisation tied into one denoiser of sounds.

`config` holds the model's configuration, `settings` those of each operation, `model` the family itself;
`sampling`, `editing`, `inversion` and `denoising` are its operations.
"""

from wavesmith.families.diffusion.config import (
    DiffusionConfig,
    DiffusionObjective,
    ParameterisationConfig,
    SamplingDefaults,
    check_space,
)
from wavesmith.families.diffusion.model import DiffusionModel
from wavesmith.families.diffusion.settings import (
    DenoisingSampling,
    DiffusionSampling,
    EditSampling,
    InversionSampling,
    MorphSampling,
)

__all__ = [
    "DenoisingSampling",
    "DiffusionConfig",
    "DiffusionModel",
    "DiffusionObjective",
    "DiffusionSampling",
    "EditSampling",
    "InversionSampling",
    "MorphSampling",
    "ParameterisationConfig",
    "SamplingDefaults",
    "check_space",
]
