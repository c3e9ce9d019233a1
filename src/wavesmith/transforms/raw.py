"""The raw transform: the network works on the samples themselves."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from wavesmith.transforms.base import Transform


class RawConfig(BaseModel):
    """The raw transform has nothing to choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["raw"] = "raw"

    def build(self, channels: int) -> Raw:
        """Make the transform for `channels` audio channels."""
        return Raw(channels)


class Raw(Transform):
    """The identity: features are the audio channels and one frame is one sample."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = self.features = channels
        self.hop = 1

    def encode(self, wave: Tensor) -> Tensor:
        """Wave `[B, C, N]`, unchanged."""
        return wave

    def decode(self, z: Tensor, length: int) -> Tensor:
        """Features `[B, C, T]`, cut to `length` samples."""
        return z[..., :length]
