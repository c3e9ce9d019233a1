"""Invertible maps between a waveform and the space a network works in.

`raw` (the samples), `patch` (samples stacked a few at a time), `learned` (a trained filter bank),
`spectral` (a whitened, companded lapped transform) and `latent` (codes of an autoencoder, only nearly
invertible) share the interface of `Transform`.
"""

from wavesmith.transforms.bands import band_levels, linear_spectral
from wavesmith.transforms.base import TRANSFORMS, Transform, TransformConfig, TransformConfigBase
from wavesmith.transforms.latent import Codec, Latent, LatentConfig, provide_codecs
from wavesmith.transforms.learned import Learned, LearnedConfig
from wavesmith.transforms.patch import Patch, PatchConfig
from wavesmith.transforms.raw import Raw, RawConfig
from wavesmith.transforms.spectral import Spectral, SpectralConfig

__all__ = [
    "TRANSFORMS",
    "Codec",
    "Latent",
    "LatentConfig",
    "Learned",
    "LearnedConfig",
    "Patch",
    "PatchConfig",
    "Raw",
    "RawConfig",
    "Spectral",
    "SpectralConfig",
    "Transform",
    "TransformConfig",
    "TransformConfigBase",
    "band_levels",
    "linear_spectral",
    "provide_codecs",
]
