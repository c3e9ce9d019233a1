"""A diffusion transformer over frames (Peebles & Xie 2023: adaptive norms with zero-initialised gates)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.frame_unet import fold, unfold
from wavesmith.networks.layers import HEAD_WIDTH, Attention, Conditioning, Position, rotations


class TransformerConfig(BaseModel):
    """`fold`: frames per token. `depth`: blocks. `width`: channels, a multiple of 64."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["transformer"] = "transformer"
    fold: int = Field(default=2, ge=1, le=1024)
    width: int = Field(default=256, ge=64, le=16_384, multiple_of=64)
    depth: int = Field(default=6, ge=1, le=256)
    dropout: float = Field(default=0.1, ge=0, lt=1)

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
        self.condition = Conditioning(config.width, labels, augments)
        self.inlet = nn.Linear(features * config.fold, config.width)
        self.position = Position(config.width)
        self.blocks = nn.ModuleList(Block(config.width, config.dropout) for _ in range(config.depth))
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
        h = self.inlet(fold(F.pad(x, (0, -frames % self.fold)), self.fold).transpose(1, 2))
        h = h + self.position(h.shape[1])
        turns = rotations(h.shape[1], HEAD_WIDTH, h.device)
        for block in self.blocks:
            h = block(h, condition, turns)
        return unfold(self.outlet(self.norm(h)).transpose(1, 2), self.fold)[..., :frames]


class Block(nn.Module):
    """Attention and a gated feed-forward (SwiGLU), each modulated and gated by the conditioning vector."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        hidden = width * 8 // 3 // 64 * 64
        self.modulation = nn.Linear(width, 6 * width)
        self.attention = Attention(width)
        self.widen = nn.Linear(width, 2 * hidden, bias=False)
        self.narrow = nn.Linear(hidden, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        nn.init.xavier_uniform_(self.attention.out.weight)  # the zero-initialised gates below suffice

    def forward(self, x: Tensor, condition: Tensor, turns: Tensor) -> Tensor:
        """Tokens `[B, T, width]`, condition `[B, 1, width]` and rotary `turns` to tokens."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=-1)
        size = x.shape[-1:]
        x = x + gate1 * self.attention(F.layer_norm(x, size) * (1 + scale1) + shift1, turns)
        value, gate = self.widen(F.layer_norm(x, size) * (1 + scale2) + shift2).chunk(2, dim=-1)
        out: Tensor = x + gate2 * self.dropout(self.narrow(value * F.silu(gate)))
        return out
