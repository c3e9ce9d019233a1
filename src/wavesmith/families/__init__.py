"""A family ties transform, network and objective together into something that can be trained and sampled."""

from wavesmith.families.diffusion import (
    DiffusionConfig,
    DiffusionModel,
    ParameterisationConfig,
    Sampling,
    weightless,
)

__all__ = ["DiffusionConfig", "DiffusionModel", "ParameterisationConfig", "Sampling", "weightless"]
