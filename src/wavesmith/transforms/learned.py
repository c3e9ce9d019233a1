"""Learned transform: a bank of strided filters and its synthesis bank, trained along with the network.

The idea is that of Conv-TasNet's encoder and decoder (Luo & Mesgarani 2019) and of the LTPlugin of
audio-diffusion-pytorch. Theirs start from random filters; these start as cosine waves (a DCT-II) that
reconstruct exactly, so that training only has to improve on a faithful transform.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.transforms.base import Transform, TransformConfigBase, constant


class LearnedConfig(TransformConfigBase):
    """Configuration of `Learned`.

    Attributes:
        filters: features per audio channel.
        window: samples per filter, a multiple of `stride`.
        stride: samples per frame.
    """

    kind: Literal["learned"] = "learned"
    filters: int = Field(default=32, ge=1)
    window: int = Field(default=16, ge=1)
    stride: int = Field(default=16, ge=1)

    @model_validator(mode="after")
    def _windows_cover_evenly(self) -> LearnedConfig:
        if self.window % self.stride:
            raise ValueError(f"window ({self.window}) must be a multiple of stride ({self.stride})")
        return self

    def build(self, channels: int) -> Learned:
        """Build the transform for `channels` audio channels."""
        return Learned(channels, self.filters, self.window, self.stride)


class Learned(Transform):
    """Trainable filter bank: `[B, C, N]` to `[B, C * filters, ceil(N / stride)]` and back.

    At the start the synthesis filters equal the analysis filters, each covers one audio channel, and with
    `window == stride` and `filters >= window` decoding is the exact inverse of encoding (a tight frame; with
    `filters == window` orthonormal). Longer windows overlap by whole strides and lose only within one window
    of either end, where fewer of them meet; fewer filters than samples in a window keep the low frequencies.
    After training the pair need not be invertible. `window` must be a multiple of `stride`.
    """

    def __init__(self, channels: int, filters: int = 32, window: int = 16, stride: int = 16) -> None:
        super().__init__()
        self.channels, self.hop = channels, stride
        self.features = channels * filters
        self.overlap = window - stride
        self.analysis = nn.Conv1d(channels, self.features, window, stride, bias=False)
        self.synthesis = nn.ConvTranspose1d(self.features, channels, window, stride, bias=False)
        basis = torch.kron(torch.eye(channels), _cosines(filters, window) * math.sqrt(stride / window))
        with torch.no_grad():
            for layer in (self.analysis, self.synthesis):
                layer.weight.copy_(basis.view_as(layer.weight))

    def encode(self, wave: Tensor) -> Tensor:
        """Return features `[B, C * filters, ceil(N / stride)]` of waves `[B, C, N]`, padded with zeros."""
        before = self.overlap // 2
        after = self.overlap - before + -wave.shape[-1] % self.hop
        z: Tensor = self.analysis(F.pad(wave, (before, after)))
        return z

    def decode(self, z: Tensor, length: int) -> Tensor:
        """Return the waves `[B, C, length]` of features `[B, C * filters, T]`."""
        before = self.overlap // 2
        wave: Tensor = self.synthesis(z)
        return wave[..., before : before + length]


@constant
def _cosines(filters: int, window: int) -> Tensor:
    """Return the first `filters` rows and `window` columns of an orthonormal DCT-II matrix, in float64."""
    size = max(filters, window)
    wave = torch.arange(size, dtype=torch.float64)[:filters, None]
    sample = torch.arange(size, dtype=torch.float64)[None, :window] + 0.5
    rows = math.sqrt(2 / size) * torch.cos(math.pi / size * wave * sample)
    rows[0] *= math.sqrt(0.5)
    return rows
