"""A transformer over time and frequency: every frame is split into bands, and attention runs along both axes.

Bands are narrow where the ear is sharp (Luo & Yu 2023, arXiv:2209.15174); attention along time within a band
and along frequency within a frame take turns (Lu et al. 2023, arXiv:2309.02612). The weights serve every band
and frame alike, so a small network knows much, and has little to learn by heart with.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.layers import Attention, Conditioning, Position, rotations


class BandTransformerConfig(BaseModel):
    """`channels`: audio channels whose bands lie one after the other in the features.

    `bands`: about how many. `width`: of a band's token, a multiple of `head`. `depth`: blocks, each with both
    attentions. `head`: features of an attention head. `condition`: width of what modulates the blocks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["band_transformer"] = "band_transformer"
    channels: int = Field(default=2, ge=1, le=16)
    bands: int = Field(default=16, ge=1, le=1024)
    width: int = Field(default=128, ge=8, le=4096, multiple_of=8)
    depth: int = Field(default=5, ge=1, le=256)
    head: int = Field(default=32, ge=4, le=256)
    condition: int = Field(default=128, ge=1, le=16_384)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    def build(self, features: int, outputs: int = 1, labels: int = 0, augments: int = 0) -> BandTransformer:
        """Make the network for `features` channels of a spectral transform."""
        return BandTransformer(self, features, outputs, labels, augments)


def band_edges(bins: int, bands: int) -> list[int]:
    """Edges of about `bands` bands over `bins`: widths grow in proportion to frequency, from 1/4 of even up."""
    narrow = max(1, bins // (4 * bands))
    edges, width = [0], float(narrow)
    low, high = 1.0, 4.0
    for _ in range(60):  # the growth per band that ends at the last bin
        growth = (low + high) / 2
        total = sum(narrow * growth**k for k in range(bands))
        low, high = (growth, high) if total < bins else (low, growth)
    for _ in range(bands):
        edges.append(min(bins, max(edges[-1] + 1, round(edges[-1] + width))))
        width *= low
    edges[-1] = bins
    return sorted(set(edges))


class BandTransformer(nn.Module):
    """Features `[B, features, T]` to `[B, outputs * features, T]`; any T."""

    def __init__(
        self, config: BandTransformerConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        self.channels, self.outputs, self.head = config.channels, outputs, config.head
        bins = features // config.channels
        edges = band_edges(bins, config.bands)
        self.sizes = [after - before for before, after in zip(edges, edges[1:], strict=False)]
        self.condition = Conditioning(config.condition, labels, augments)
        self.inlets = nn.ModuleList(nn.Linear(size * config.channels, config.width) for size in self.sizes)
        self.place = nn.Parameter(0.02 * torch.randn(len(self.sizes), config.width))
        self.position = Position(config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.outlets = nn.ModuleList(
            nn.Linear(config.width, outputs * size * config.channels) for size in self.sizes
        )
        for outlet in self.outlets:
            nn.init.zeros_(outlet.weight)
            nn.init.zeros_(outlet.bias)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Noisy features and noise level `[B]` (see `Conditioning` for `label` and `augment`)."""
        condition = self.condition(c_noise, label, augment)[:, None, None]
        h = self._split(x) + self.place[:, None] + self.position(x.shape[-1])
        turns = rotations(x.shape[-1], self.head, x.device)
        for block in self.blocks:
            h = block(h, condition, turns)
        return self._join(self.norm(h))

    def _split(self, x: Tensor) -> Tensor:
        """Features `[B, C * bins, T]` to tokens `[B, bands, T, width]`."""
        parts = x.unflatten(1, (self.channels, -1)).permute(0, 3, 1, 2).split(self.sizes, dim=-1)
        tokens = [inlet(part.flatten(2)) for inlet, part in zip(self.inlets, parts, strict=True)]
        return torch.stack(tokens, dim=1)

    def _join(self, h: Tensor) -> Tensor:
        """Tokens `[B, bands, T, width]` to `[B, outputs * C * bins, T]`."""
        parts = [
            outlet(band).unflatten(-1, (self.outputs, self.channels, -1))
            for outlet, band in zip(self.outlets, h.unbind(1), strict=True)
        ]
        return torch.cat(parts, dim=-1).flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Attention along time, attention along frequency and a gated feed-forward, each modulated and gated."""

    def __init__(self, config: BandTransformerConfig) -> None:
        super().__init__()
        width = config.width
        hidden = width * 8 // 3 // 8 * 8
        self.modulation = nn.Linear(config.condition, 9 * width)
        self.along_time = Attention(width, config.head)
        self.along_frequency = Attention(width, config.head)
        self.widen = nn.Linear(width, 2 * hidden, bias=False)
        self.narrow = nn.Linear(hidden, width, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        for attention in (self.along_time, self.along_frequency):
            nn.init.xavier_uniform_(attention.out.weight)  # the zero-initialised gates suffice

    def forward(self, x: Tensor, condition: Tensor, turns: Tensor) -> Tensor:
        """Tokens `[B, bands, T, width]`, condition `[B, 1, 1, condition]` and rotary `turns` to tokens."""
        size = x.shape[-1:]
        shifts, scales, gates = self.modulation(condition).unflatten(-1, (3, 3, -1)).unbind(-3)
        shift, scale, gate = (part.unbind(-2) for part in (shifts, scales, gates))

        def normed(k: int) -> Tensor:
            return F.layer_norm(x, size) * (1 + scale[k]) + shift[k]

        x = x + gate[0] * self.along_time(normed(0), turns)
        x = x + gate[1] * self.along_frequency(normed(1).transpose(1, 2), None).transpose(1, 2)
        value, opening = self.widen(normed(2)).chunk(2, dim=-1)
        out: Tensor = x + gate[2] * self.dropout(self.narrow(value * F.silu(opening)))
        return out
