"""Fast U-Net over frames: wide and short, so that nothing is convolved at the sample rate.

The frames of a patch or spectral transform are stacked a few at a time into tokens, and one-dimensional
residual blocks work on those at a few falling resolutions, with attention where the tokens are fewest.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.layers import (
    HEAD_WIDTH,
    Conditioning,
    Position,
    ResBlock,
    RotaryAttention,
    patchify,
    rotary_angles,
    unpatchify,
)
from wavesmith.networks.network import Network, NetworkConfigBase

Width = Annotated[int, Field(ge=8, le=16_384, multiple_of=8)]


class FrameUNetConfig(NetworkConfigBase):
    """Configuration of `FrameUNet`.

    Attributes:
        fold: frames per token.
        widths: channels of each level, multiples of 8, the last (with attention) of 64.
        blocks: residual blocks per level and side.
        condition: width of the conditioning vector.
        dropout: dropout in the residual blocks.
    """

    kind: Literal["frame_unet"] = "frame_unet"
    fold: int = Field(default=2, ge=1, le=1024)
    widths: tuple[Width, ...] = Field(default=(256, 384, 512), min_length=1, max_length=16)
    blocks: int = Field(default=2, ge=1, le=64)
    condition: int = Field(default=256, ge=1, le=16_384)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _attention_has_whole_heads(self) -> FrameUNetConfig:
        if self.widths[-1] % 64:
            raise ValueError(f"the last of widths must be a multiple of 64; {self.widths[-1]} is not")
        return self

    def build(self, features: int, outputs: int = 1, labels: int = 0, augments: int = 0) -> FrameUNet:
        """Build the network for `features` channels of a transform."""
        return FrameUNet(self, features, outputs, labels, augments)


class FrameUNet(Network):
    """U-Net over patches of frames; input of any length is padded to whole strides and cut back."""

    def __init__(
        self, config: FrameUNetConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        self.patch = config.fold
        self.stride = config.fold * 2 ** (len(config.widths) - 1)
        first, width = config.widths[0], config.condition

        def blocks(inputs: list[int], outputs: int) -> BlockSequence:
            return BlockSequence(ResBlock(i, outputs, width, config.dropout) for i in inputs)

        self.condition = Conditioning(width, labels, augments)
        self.proj_in = nn.Conv1d(features * config.fold, first, 1)
        self.position = Position(first)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for upper, lower in pairwise(config.widths):
            self.down.append(blocks([upper] * config.blocks, upper))
            self.shrink.append(nn.Conv1d(2 * upper, lower, 1))
            self.grow.append(nn.Conv1d(lower, 2 * upper, 1))
            self.up.append(blocks([2 * upper] + [upper] * (config.blocks - 1), upper))
        bottom = config.widths[-1]
        self.bottom = blocks([bottom] * config.blocks, bottom)
        self.norm = nn.LayerNorm(bottom)
        self.attention = RotaryAttention(bottom)
        self.norm_out = nn.GroupNorm(8, first)
        self.proj_out = nn.Conv1d(first, outputs * features * config.fold, 1)
        for parameter in self.proj_out.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Return the raw output `[B, outputs * features, T]`, see `Network.forward`."""
        frames = x.shape[-1]
        condition = self.condition(c_noise, label, augment)
        h = self.proj_in(patchify(F.pad(x, (0, -frames % self.stride)), self.patch))
        h = h + self.position(h.shape[-1]).T
        skips = []
        for blocks, shrink in zip(self.down, self.shrink, strict=True):
            h = blocks(h, condition)
            skips.append(h)
            h = shrink(patchify(h, 2))
        h = self._bottom(h, condition)
        for blocks, grow in zip(reversed(self.up), reversed(self.grow), strict=True):
            h = blocks(torch.cat([unpatchify(grow(h), 2), skips.pop()], dim=1), condition)
        h = self.proj_out(F.silu(self.norm_out(h)))
        return unpatchify(h, self.patch)[..., :frames]

    def _bottom(self, h: Tensor, condition: Tensor) -> Tensor:
        before = max(1, len(self.bottom) // 2)
        h = self.bottom[:before](h, condition)
        rotary = rotary_angles(h.shape[-1], HEAD_WIDTH, h.device)
        h = h + self.attention(self.norm(h.transpose(1, 2)), rotary).transpose(1, 2)
        h = self.bottom[before:](h, condition)
        return h


class BlockSequence(nn.ModuleList):
    """Blocks in sequence, all modulated by the same condition."""

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        """Map features `[B, width, T]` with condition `[B, C]` to features."""
        for block in self:
            h = block(h, condition)
        return h
