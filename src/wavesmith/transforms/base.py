"""The interface of transforms, invertible maps between waveform and feature space, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, ParamSpec

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from wavesmith.kinds import ByKind
from wavesmith.registry import Registry

P = ParamSpec("P")


class Transform(nn.Module, ABC):
    """Invertible map from waves `[B, C, N]` to features `[B, features, T]`.

    `encode` pads with zeros to the next whole frame, and `decode` cuts to a given length. Transforms without
    learned parts are orthonormal up to a fixed scale where their docstring says so: white noise stays white.

    Attributes:
        channels: audio channels C that this transform was built for.
        features: number of feature channels.
        hop: samples per frame.
    """

    channels: int
    features: int
    hop: int

    @abstractmethod
    def encode(self, wave: Tensor) -> Tensor:
        """Return the features `[B, features, frames(N)]` of waves `[B, C, N]`."""

    @abstractmethod
    def decode(self, z: Tensor, length: int) -> Tensor:
        """Return the waves `[B, C, length]` of features `[B, features, T]`."""

    def frames(self, length: int) -> int:
        """Return the number of frames of a wave of `length` samples."""
        return -(-length // self.hop)

    def fit(self, waves: Tensor) -> None:
        """Measure the statistics that the transform needs on training waves `[B, C, N]`."""


class TransformConfigBase(BaseModel, ABC):
    """Configuration of a transform; subclasses give `kind` a literal type and a default, and add fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Any

    @abstractmethod
    def build(self, channels: int) -> Transform:
        """Build the transform for a number of audio channels."""


TRANSFORMS: Registry[type[TransformConfigBase]] = Registry(
    "transform",
    {
        "raw": "wavesmith.transforms.raw:RawConfig",
        "patch": "wavesmith.transforms.patch:PatchConfig",
        "learned": "wavesmith.transforms.learned:LearnedConfig",
        "spectral": "wavesmith.transforms.spectral:SpectralConfig",
        "latent": "wavesmith.transforms.latent:LatentConfig",
    },
    entry_points="wavesmith.transforms",
)
"""Configurations of transforms by kind."""

TransformConfig = Annotated[TransformConfigBase, ByKind(TRANSFORMS)]
"""Field for the configuration of any registered transform."""


def constant(table: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Compute a table on the CPU, then move it to the default device.

    Models are checked on the meta device before they are loaded, and the first arithmetic there would make
    torch import its compiler: more than a second's work.
    """

    @wraps(table)
    def computed(*args: P.args, **options: P.kwargs) -> Tensor:
        device = torch.get_default_device()
        with torch.device("cpu"):
            return table(*args, **options).to(device)

    return computed
