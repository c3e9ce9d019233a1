"""Diffusion transformer over frames (Peebles & Xie 2023: adaptive norms with zero-initialised gates)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.layers import (
    HEAD_WIDTH,
    Conditioning,
    LongLinear,
    Position,
    RotaryAttention,
    patchify,
    rotary_angles,
    unpatchify,
)
from wavesmith.networks.network import Network, NetworkConfigBase


class TransformerConfig(NetworkConfigBase):
    """Configuration of `Transformer`.

    Attributes:
        fold: frames per token.
        width: channels, a multiple of 64.
        depth: number of blocks.
        condition: width of the conditioning vector; None for the same width.
        energies: whether tokens contain the log powers of features and their neighbourhoods, too.
        mixing: frames (odd) of a depthwise convolution in front of each block; 0 for none.
        dropout: dropout in the feed-forward layers.
    """

    kind: Literal["transformer"] = "transformer"
    fold: int = Field(default=2, ge=1, le=1024)
    width: int = Field(default=256, ge=64, le=16_384, multiple_of=64)
    depth: int = Field(default=6, ge=1, le=256)
    condition: int | None = Field(default=None, ge=8, le=16_384)
    energies: bool = False
    mixing: int = Field(default=0, ge=0, le=63)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @field_validator("mixing")
    @classmethod
    def _odd(cls, frames: int) -> int:
        if frames and frames % 2 == 0:
            raise ValueError(f"mixing takes an odd number of frames; {frames} is even")
        return frames

    def build(self, features: int, outputs: int = 1, labels: int = 0, augments: int = 0) -> Transformer:
        """Build the network for `features` channels of a transform."""
        return Transformer(self, features, outputs, labels, augments)


class Transformer(Network):
    """Transformer over patches of frames; input of any length is padded to whole patches and cut back."""

    def __init__(
        self, config: TransformerConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        self.patch = config.fold
        condition = config.condition or config.width
        self.energies = LogPowers(features) if config.energies else None
        inputs = features if self.energies is None else features + self.energies.outputs
        self.condition = Conditioning(condition, labels, augments)
        self.proj_in = LongLinear(inputs * config.fold, config.width)
        self.position = Position(config.width)
        self.blocks = nn.ModuleList(TransformerBlock(config, condition) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.proj_out = nn.Linear(config.width, outputs * features * config.fold)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Return the raw output `[B, outputs * features, T]`, see `Network.forward`."""
        frames = x.shape[-1]
        condition = self.condition(c_noise, label, augment)[:, None]
        if self.energies is not None:
            x = torch.cat([x, self.energies(x)], dim=1)
        h = self.proj_in(patchify(F.pad(x, (0, -frames % self.patch)), self.patch).transpose(1, 2))
        h = h + self.position(h.shape[1])
        rotary = rotary_angles(h.shape[1], HEAD_WIDTH, h.device)
        for block in self.blocks:
            h = block(h, condition, rotary)
        return unpatchify(self.proj_out(self.norm(h)).transpose(1, 2), self.patch)[..., :frames]


class LogPowers(nn.Module):
    """Log power of each feature, and of two sizes of neighbourhoods in frequency and time.

    A linear layer cannot measure the power of values with random signs. Given the power, a network starts
    from the performance of a Wiener filter with a local estimate of the power.
    """

    NEIGHBOURHOODS = ((8, 3), (32, 9))  # features and frames; half as many features apart
    FLOOR = 1e-3

    def __init__(self, features: int) -> None:
        super().__init__()
        wide = [(min(bands, features), frames) for bands, frames in self.NEIGHBOURHOODS]
        self.sizes = [(bands, max(1, bands // 2), frames) for bands, frames in wide]
        pooled = [(features + step // 2 * 2 - bands) // step + 1 for bands, step, _ in self.sizes]
        self.outputs = features + sum(pooled)

    def forward(self, x: Tensor) -> Tensor:
        """Return the log powers `[B, outputs, T]` of features `[B, features, T]`, of the order of 1."""
        power = x.square()
        powers = [power]
        for bands, step, frames in self.sizes:
            smooth = F.avg_pool2d(
                power[:, None],
                (bands, frames),
                (step, 1),
                padding=(step // 2, frames // 2),
                count_include_pad=False,
            )
            powers.append(smooth[:, 0])
        return (torch.cat(powers, dim=1) + self.FLOOR).log() / 4


class TransformerBlock(nn.Module):
    """Self-attention and a gated feed-forward (SwiGLU), each modulated and gated by the condition."""

    def __init__(self, config: TransformerConfig, condition: int) -> None:
        super().__init__()
        width = config.width
        hidden = width * 8 // 3 // 64 * 64
        self.modulation = nn.Linear(condition, 6 * width)
        self.attention = RotaryAttention(width)
        self.widen = nn.Linear(width, 2 * hidden, bias=False)
        self.narrow = LongLinear(hidden, width, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.mixing = (
            nn.Conv1d(width, width, config.mixing, padding=config.mixing // 2, groups=width)
            if config.mixing
            else None
        )
        for layer in (self.modulation, self.mixing):
            for parameter in layer.parameters() if layer is not None else ():
                nn.init.zeros_(parameter)
        nn.init.xavier_uniform_(self.attention.out.weight)  # the zero-initialised gates below suffice

    def forward(self, x: Tensor, condition: Tensor, rotary: Tensor) -> Tensor:
        """Map tokens `[B, T, width]` to tokens, given the condition `[B, 1, condition]`."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=-1)
        size = x.shape[-1:]
        if self.mixing is not None:
            x = x + self.mixing(x.transpose(1, 2)).transpose(1, 2)
        x = x + gate1 * self.attention(F.layer_norm(x, size) * (1 + scale1) + shift1, rotary)
        value, gate = self.widen(F.layer_norm(x, size) * (1 + scale2) + shift2).chunk(2, dim=-1)
        out: Tensor = x + gate2 * self.dropout(self.narrow(value * F.silu(gate)))
        return out
