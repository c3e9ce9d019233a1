"""A diffusion transformer over tokens of several kinds: times, modes and globals of one sound, as one row.

Peebles & Xie 2023 (arXiv:2212.09748): adaptive norms with zero-initialised gates. Attention has no positions
of its own; each token has learnt where it stands. Queries and keys are normalised (Henry et al. 2020), the
feed-forward is gated (SwiGLU: Shazeer 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.layers import Conditioning, LongLinear, RotaryAttention


class Tokens(NamedTuple):
    """One kind of tokens in a row: their name, how many there are, and how many numbers each holds."""

    name: str
    tokens: int
    width: int


class TokenTransformerConfig(BaseModel):
    """`width`: channels, a multiple of `head`. `depth`: blocks. `condition`: width of what modulates them.

    `inputs`: rows that are given side by side, such as the noisy one and a first estimate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["token_transformer"] = "token_transformer"
    width: int = Field(default=256, ge=32, le=16_384, multiple_of=32)
    depth: int = Field(default=6, ge=1, le=256)
    head: int = Field(default=32, ge=8, le=256)
    condition: int = Field(default=128, ge=8, le=16_384)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    inputs: int = Field(default=1, ge=1, le=8)

    def build(
        self, parts: Sequence[tuple[str, int, int]], labels: int = 0, extras: int = 0
    ) -> TokenTransformer:
        """Make the network for rows of these parts (name, tokens, numbers in each)."""
        return TokenTransformer(self, [Tokens(*part) for part in parts], labels, extras)


class TokenTransformer(nn.Module):
    """Rows `[B, inputs * D]` to rows `[B, D]`, D being the sum of `tokens * width` over the parts.

    Args:
        config: sizes.
        parts: what a row consists of, in its order.
        labels: classes that it can be asked for.
        extras: further conditions, numbers that are 0 where nothing is asked (such as tune and decay).
    """

    def __init__(
        self, config: TokenTransformerConfig, parts: Sequence[Tokens], labels: int = 0, extras: int = 0
    ) -> None:
        super().__init__()
        self.parts = tuple(parts)
        self.condition = Conditioning(config.condition, labels, extras)
        self.inputs = config.inputs
        self.inlets = nn.ModuleList(LongLinear(config.inputs * part.width, config.width) for part in parts)
        self.places = nn.Parameter(0.02 * torch.randn(sum(part.tokens for part in parts), config.width))
        self.blocks = nn.ModuleList(
            Block(config.width, config.head, config.condition, config.dropout) for _ in range(config.depth)
        )
        self.outlets = nn.ModuleList(nn.Linear(config.width, part.width) for part in parts)
        for outlet in self.outlets:
            for parameter in outlet.parameters():
                nn.init.zeros_(parameter)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Noisy rows `[B, inputs * D]`, noise level `[B]`; see `Conditioning` for `label` and `augment`."""
        condition = self.condition(c_noise, label, augment)[:, None].to(self.places.dtype)
        rows = torch.unflatten(x.to(self.places.dtype), 1, (self.inputs, -1))
        pieces = torch.split(rows, [part.tokens * part.width for part in self.parts], dim=2)
        tokens = [
            inlet(torch.unflatten(piece, 2, (part.tokens, part.width)).transpose(1, 2).flatten(2))
            for inlet, piece, part in zip(self.inlets, pieces, self.parts, strict=True)
        ]
        h = torch.cat(tokens, dim=1) + self.places
        for block in self.blocks:
            h = block(h, condition)
        h = F.layer_norm(h, h.shape[-1:])
        kinds = torch.split(h, [part.tokens for part in self.parts], dim=1)
        out = [outlet(kind).flatten(1) for outlet, kind in zip(self.outlets, kinds, strict=True)]
        return torch.cat(out, dim=1).to(x.dtype)


class Block(nn.Module):
    """Attention and a gated feed-forward, each modulated and gated by the condition."""

    def __init__(self, width: int, head: int, condition: int, dropout: float) -> None:
        super().__init__()
        hidden = width * 8 // 3 // 32 * 32
        self.modulation = nn.Linear(condition, 6 * width)
        self.attention = RotaryAttention(width, head)
        self.widen = nn.Linear(width, 2 * hidden, bias=False)
        self.narrow = LongLinear(hidden, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        for parameter in self.modulation.parameters():
            nn.init.zeros_(parameter)
        nn.init.xavier_uniform_(self.attention.out.weight)  # the zero-initialised gates suffice

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Tokens `[B, T, width]` under a condition `[B, 1, condition]`."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=-1)
        size = x.shape[-1:]
        x = x + gate1 * self.attention(F.layer_norm(x, size) * (1 + scale1) + shift1, None)
        value, gate = self.widen(F.layer_norm(x, size) * (1 + scale2) + shift2).chunk(2, dim=-1)
        out: Tensor = x + gate2 * self.dropout(self.narrow(value * F.silu(gate)))
        return out
