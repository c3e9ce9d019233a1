"""Raw transform: the network works on the samples themselves."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from wavesmith.transforms.base import Transform, TransformConfigBase


class RawConfig(TransformConfigBase):
    """Configuration of `Raw`, which has no options."""

    kind: Literal["raw"] = "raw"

    def build(self, channels: int) -> Raw:
        """Build the transform for `channels` audio channels."""
        return Raw(channels)


class Raw(Transform):
    """Identity: features are the audio channels and one frame is one sample."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = self.features = channels
        self.hop = 1

    def encode(self, wave: Tensor) -> Tensor:
        """Return waves `[B, C, N]` unchanged."""
        return wave

    def decode(self, z: Tensor, length: int) -> Tensor:
        """Return features `[B, C, T]`, cut to `length` samples."""
        return z[..., :length]
