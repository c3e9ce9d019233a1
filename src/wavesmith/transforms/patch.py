"""Patch transform: neighbouring samples are stacked into frames, for networks of fewer, wider frames."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from wavesmith.transforms.base import Transform, TransformConfigBase


class PatchConfig(TransformConfigBase):
    """Configuration of `Patch`.

    Attributes:
        size: samples per frame.
    """

    kind: Literal["patch"] = "patch"
    size: int = Field(default=16, ge=1)

    def build(self, channels: int) -> Patch:
        """Build the transform for `channels` audio channels."""
        return Patch(channels, self.size)


class Patch(Transform):
    """Reordering of samples into `[B, C * size, ceil(N / size)]`, channel-major: an orthonormal transform.

    Feature `c * size + k` of frame t is sample `t * size + k` of channel c.
    """

    def __init__(self, channels: int, size: int = 16) -> None:
        super().__init__()
        self.channels, self.hop = channels, size
        self.features = channels * size

    def encode(self, wave: Tensor) -> Tensor:
        """Return the patches `[B, C * size, ceil(N / size)]` of waves `[B, C, N]`, padded with zeros."""
        wave = F.pad(wave, (0, -wave.shape[-1] % self.hop))
        patches = wave.reshape(len(wave), self.channels, -1, self.hop)
        return patches.transpose(-1, -2).flatten(1, 2)

    def decode(self, z: Tensor, length: int) -> Tensor:
        """Invert `encode` exactly and cut to `length` samples."""
        patches = z.reshape(len(z), self.channels, self.hop, -1)
        return patches.transpose(-1, -2).flatten(-2)[..., :length]
