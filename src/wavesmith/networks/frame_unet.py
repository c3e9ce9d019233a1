"""A fast U-Net over frames: wide and short, so that nothing is convolved at the sample rate.

The frames of a patch or spectral transform are folded a few at a time into tokens, and one-dimensional
residual blocks work on those at a few falling resolutions, with attention where the tokens are fewest.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.layers import HEAD_WIDTH, Attention, Conditioning, Position, ResBlock, rotations

Width = Annotated[int, Field(ge=8, le=16_384, multiple_of=8)]


class FrameUNetConfig(BaseModel):
    """`fold`: frames per token. `widths`: channels per level, multiples of 8, the last (attention) of 64.

    `blocks`: residual blocks per level and side. `condition`: width of what modulates them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
        """Make the network for `features` channels of a transform."""
        return FrameUNet(self, features, outputs, labels, augments)


class FrameUNet(nn.Module):
    """Features `[B, features, T]` to `[B, outputs * features, T]`; any T (padded inside, cut back)."""

    def __init__(
        self, config: FrameUNetConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        self.fold = config.fold
        self.stride = config.fold * 2 ** (len(config.widths) - 1)
        first, width = config.widths[0], config.condition

        def blocks(inputs: list[int], outputs: int) -> Row:
            return Row(ResBlock(i, outputs, width, config.dropout) for i in inputs)

        self.condition = Conditioning(width, labels, augments)
        self.inlet = nn.Conv1d(features * config.fold, first, 1)
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
        self.attention = Attention(bottom)
        self.outlet_norm = nn.GroupNorm(8, first)
        self.outlet = nn.Conv1d(first, outputs * features * config.fold, 1)
        for parameter in self.outlet.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Noisy features and noise level `[B]` (see `Conditioning` for `label` and `augment`)."""
        frames = x.shape[-1]
        condition = self.condition(c_noise, label, augment)
        h = self.inlet(fold(F.pad(x, (0, -frames % self.stride)), self.fold))
        h = h + self.position(h.shape[-1]).T
        skips = []
        for blocks, shrink in zip(self.down, self.shrink, strict=True):
            h = blocks(h, condition)
            skips.append(h)
            h = shrink(fold(h, 2))
        h = self._bottom(h, condition)
        for blocks, grow in zip(reversed(self.up), reversed(self.grow), strict=True):
            h = blocks(torch.cat([unfold(grow(h), 2), skips.pop()], dim=1), condition)
        h = self.outlet(F.silu(self.outlet_norm(h)))
        return unfold(h, self.fold)[..., :frames]

    def _bottom(self, h: Tensor, condition: Tensor) -> Tensor:
        before = max(1, len(self.bottom) // 2)
        h = self.bottom[:before](h, condition)
        turns = rotations(h.shape[-1], HEAD_WIDTH, h.device)
        h = h + self.attention(self.norm(h.transpose(1, 2)), turns).transpose(1, 2)
        h = self.bottom[before:](h, condition)
        return h


class Row(nn.ModuleList):
    """Blocks one after the other, all modulated by the same condition."""

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        """Features `[B, width, T]` and condition `[B, C]` to features."""
        for block in self:
            h = block(h, condition)
        return h


def fold(x: Tensor, count: int) -> Tensor:
    """Stack `count` neighbouring frames: `[B, F, T]` to `[B, F * count, T / count]`."""
    return x.reshape(*x.shape[:2], -1, count).transpose(-1, -2).flatten(1, 2)


def unfold(x: Tensor, count: int) -> Tensor:
    """The inverse of `fold`."""
    return x.reshape(len(x), -1, count, x.shape[-1]).transpose(-1, -2).flatten(-2)
