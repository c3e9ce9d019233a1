"""A diffusion transformer over frames (Peebles & Xie 2023: adaptive norms with zero-initialised gates)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.frame_unet import fold, unfold
from wavesmith.networks.layers import HEAD_WIDTH, Attention, Conditioning, LongLinear, Position, rotations


class TransformerConfig(BaseModel):
    """`fold`: frames per token. `depth`: blocks. `width`: channels, a multiple of 64.

    `condition`: width of what modulates the blocks; None for the same width. `energies`: whether tokens hear
    how loud each feature and its neighbourhood are, besides the features themselves. `mixing`: frames (odd)
    that a convolution in front of each block mixes, channel by channel; 0 for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
        """Make the network for `features` channels of a transform."""
        return Transformer(self, features, outputs, labels, augments)


class Transformer(nn.Module):
    """Features `[B, features, T]` to `[B, outputs * features, T]`; any T (padded inside, cut back)."""

    def __init__(
        self, config: TransformerConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        self.fold = config.fold
        condition = config.condition or config.width
        self.energies = Energies(features) if config.energies else None
        heard = features if self.energies is None else features + self.energies.outputs
        self.condition = Conditioning(condition, labels, augments)
        self.inlet = LongLinear(heard * config.fold, config.width)
        self.position = Position(config.width)
        self.blocks = nn.ModuleList(Block(config, condition) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.outlet = nn.Linear(config.width, outputs * features * config.fold)
        nn.init.zeros_(self.outlet.weight)
        nn.init.zeros_(self.outlet.bias)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Noisy features and noise level `[B]` (see `Conditioning` for `label` and `augment`)."""
        frames = x.shape[-1]
        condition = self.condition(c_noise, label, augment)[:, None]
        heard = x if self.energies is None else torch.cat([x, self.energies(x)], dim=1)
        h = self.inlet(fold(F.pad(heard, (0, -frames % self.fold)), self.fold).transpose(1, 2))
        h = h + self.position(h.shape[1])
        turns = rotations(h.shape[1], HEAD_WIDTH, h.device)
        for block in self.blocks:
            h = block(h, condition, turns)
        return unfold(self.outlet(self.norm(h)).transpose(1, 2), self.fold)[..., :frames]


class Energies(nn.Module):
    """How loud features are: log power of each, and of two sizes of neighbourhoods in frequency and time.

    A linear layer cannot tell the power of what has random signs. With it, a network knows from the start
    what a Wiener filter with a local estimate of the power would do, and does better from there.
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
        """Features `[B, features, T]` to log powers `[B, outputs, T]`, scaled to the size of 1."""
        power = x.square()
        found = [power]
        for bands, step, frames in self.sizes:
            smooth = F.avg_pool2d(
                power[:, None],
                (bands, frames),
                (step, 1),
                padding=(step // 2, frames // 2),
                count_include_pad=False,
            )
            found.append(smooth[:, 0])
        return (torch.cat(found, dim=1) + self.FLOOR).log() / 4


class Block(nn.Module):
    """Attention and a gated feed-forward (SwiGLU), each modulated and gated by the conditioning vector."""

    def __init__(self, config: TransformerConfig, condition: int) -> None:
        super().__init__()
        width = config.width
        hidden = width * 8 // 3 // 64 * 64
        self.modulation = nn.Linear(condition, 6 * width)
        self.attention = Attention(width)
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

    def forward(self, x: Tensor, condition: Tensor, turns: Tensor) -> Tensor:
        """Tokens `[B, T, width]`, condition `[B, 1, condition]` and rotary `turns` to tokens."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=-1)
        size = x.shape[-1:]
        if self.mixing is not None:
            x = x + self.mixing(x.transpose(1, 2)).transpose(1, 2)
        x = x + gate1 * self.attention(F.layer_norm(x, size) * (1 + scale1) + shift1, turns)
        value, gate = self.widen(F.layer_norm(x, size) * (1 + scale2) + shift2).chunk(2, dim=-1)
        out: Tensor = x + gate2 * self.dropout(self.narrow(value * F.silu(gate)))
        return out
