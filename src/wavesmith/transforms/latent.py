"""Latents of another model as a space: an autoencoder, frozen, named and identified in the configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor

from wavesmith.errors import ModelError
from wavesmith.transforms.base import Transform, TransformConfigBase


class Codec(Protocol):
    """A trained autoencoder.

    Attributes:
        features: channels F of its codes.
        hop: samples that one frame of a code stands for.
    """

    features: int
    hop: int

    def encode(self, waves: Tensor) -> Tensor:
        """Return codes `[B, F, T]` of waves `[B, C, N]`."""

    def decode(self, codes: Tensor, length: int) -> Tensor:
        """Return waves `[B, C, length]` of codes `[B, F, T]`."""


CodecLoader = Callable[[str], tuple[Codec, str]]
"""Name of a model -> the codec and the model's hash; ModelError if there is none, or it has no codes."""

_loaders: list[CodecLoader] = []


def provide_codecs(loader: CodecLoader) -> None:
    """Set where codecs come from; `wavesmith.models`, a floor above, does so when it is imported."""
    _loaders[:] = [loader]


def _load(name: str, expected: str) -> tuple[Codec, str]:
    if not _loaders:
        raise ModelError(
            f"The codec '{name}' cannot be loaded before wavesmith.models is imported; import it."
        )
    codec, found = _loaders[0](name)
    if expected not in ("", found):
        raise ModelError(
            f"The codec '{name}' is not the one that this model was trained on ({found} instead of "
            f"{expected}); put that one back."
        )
    return codec, found


class LatentConfig(TransformConfigBase):
    """Latents of the model `model`, an autoencoder.

    A training configuration gives the name alone; `hash` (of the model), `features` and `hop` are filled in
    when the model is built, and saved with it.
    """

    kind: Literal["latent"] = "latent"
    model: str
    hash: str = ""
    features: int = Field(default=0, ge=0, le=65_536)
    hop: int = Field(default=0, ge=0, le=2**20)

    def resolved(self) -> LatentConfig:
        """Return the configuration with hash and shape of the codec, which is loaded if they are missing."""
        if self.hash and self.features and self.hop:
            return self
        codec, found = _load(self.model, self.hash)
        return self.model_copy(update={"hash": found, "features": codec.features, "hop": codec.hop})

    def build(self, channels: int) -> Latent:
        """Return the transform; its codec is loaded when it is first needed."""
        return Latent(self.resolved(), channels)


class Latent(Transform):
    """Codes of a frozen autoencoder, each channel with mean 0 and standard deviation 1 over the data.

    The codec's weights are no part of this module: they are not trained, averaged or saved with it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: LatentConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        self.channels, self.features, self.hop = channels, config.features, config.hop
        self._codec: list[Codec] = []  # in a list, so that it is no sub-module
        self.register_buffer("mean", torch.zeros(config.features, 1))
        self.register_buffer("std", torch.ones(config.features, 1))

    @property
    def codec(self) -> Codec:
        """The autoencoder, on the device of this module."""
        if not self._codec:
            codec, _ = _load(self.config.model, self.config.hash)
            if isinstance(codec, torch.nn.Module):
                codec.requires_grad_(False).eval().to(self.mean.device)
            self._codec.append(codec)
        return self._codec[0]

    def encode(self, wave: Tensor) -> Tensor:
        """Return standardised codes `[B, F, T]` of waves `[B, C, N]`."""
        return (self.codec.encode(wave) - self.mean) / self.std

    def decode(self, z: Tensor, length: int) -> Tensor:
        """Return waves `[B, C, length]` of standardised codes `[B, F, T]`."""
        return self.codec.decode(z * self.std + self.mean, length)

    def fit(self, waves: Tensor) -> None:
        """Measure mean and standard deviation of every channel on training waves `[B, C, N]`."""
        with torch.no_grad():
            codes = self.codec.encode(waves).transpose(0, 1).flatten(1)
        self.mean.copy_(codes.mean(1, keepdim=True))
        self.std.copy_(codes.std(1, keepdim=True).clamp(min=1e-6))
