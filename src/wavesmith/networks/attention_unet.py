"""The attention U-Net of Tiny Audio Diffusion: UNetV0 of audio-diffusion-pytorch (Schneider et al. 2023).

A U-Net over samples that convolves at every resolution and attends at the lowest ones. Its peculiarities,
kept so that weights trained elsewhere mean the same here:

* A level *replaces* what it was given by a modulated layer norm (no residual around the modulation), and adds
  its result to its own input through a gate made from the noise level; nothing is concatenated.
* Attention normalises queries and keys/values separately, although both come from the same features.
* The two hidden layers of the time network are one layer, used twice.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F


class AttentionUNetConfig(BaseModel):
    """The defaults are Tiny Audio Diffusion's. The first four have one entry per level, outermost first.

    `channels`: width. `factors`: downsampling on entering the level. `items`: blocks on either side.
    `attentions`: whether blocks attend. `heads` of `head_features` each attend; `groups` share a group norm.
    `modulation_features`: width of the time features. `fourier_features`: learned frequencies that tell the
    noise level.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["attention_unet"] = "attention_unet"
    channels: tuple[PositiveInt, ...] = Field(default=(32, 32, 64, 64, 128, 128, 256, 256), min_length=1)
    factors: tuple[PositiveInt, ...] = (1, 2, 2, 2, 2, 2, 2, 2)
    items: tuple[PositiveInt, ...] = (2, 2, 2, 2, 2, 2, 4, 4)
    attentions: tuple[bool, ...] = (False, False, False, False, False, True, True, True)
    heads: PositiveInt = 8
    head_features: PositiveInt = 64
    groups: PositiveInt = 8
    modulation_features: PositiveInt = 1024
    fourier_features: PositiveInt = 128

    @model_validator(mode="after")
    def _levels_agree(self) -> AttentionUNetConfig:
        lists = {"factors": self.factors, "items": self.items, "attentions": self.attentions}
        for name, values in lists.items():
            if len(values) != len(self.channels):
                raise ValueError(f"{name} has {len(values)} entries, but channels has {len(self.channels)}")
        if odd := [width for width in self.channels if width % self.groups]:
            raise ValueError(f"channels must be multiples of groups ({self.groups}); {odd[0]} is not")
        return self

    def build(self, features: int, outputs: int = 1, labels: int = 0, augments: int = 0) -> AttentionUNet:
        """Make the network for `features` channels of a transform."""
        return AttentionUNet(self, features, outputs, labels, augments)


class AttentionUNet(nn.Module):
    """Features `[B, features, T]` to `[B, outputs * features, T]`; any T (padded inside, cut back)."""

    def __init__(
        self, config: AttentionUNetConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        self.stride = math.prod(config.factors)
        self.time = TimeFeatures(config.modulation_features, config.fourier_features, labels, augments)
        self.unet = Level(config, 0, features, outputs * features)

    def forward(
        self, x: Tensor, c_noise: Tensor, *, label: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        """Noisy features and noise level `[B]` (0 ... 1 in trained models), to the network's raw output.

        label `[B, labels]` weighs the labels, all zero for none; augment `[B, augments]` tells how the
        training sound was changed, all zero for not at all. Both may be left out.
        """
        frames = x.shape[-1]
        time = self.time(c_noise, label, augment)
        h: Tensor = self.unet(F.pad(x, (0, -frames % self.stride)), time)
        return h[..., :frames]


class TimeFeatures(nn.Module):
    """Noise level, label and augmentation as one vector `[B, width]` that modulates every block.

    The noise level enters as itself and as waves of learned frequencies. Labels and augmentations are
    added to the finished features, the latter with no effect at first (Karras et al. 2022, section 5).
    """

    def __init__(self, width: int, fourier_features: int, labels: int, augments: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(fourier_features))
        self.inlet = nn.Linear(1 + 2 * fourier_features, width)
        self.hidden = nn.Linear(width, width)
        self.label = nn.Linear(labels, width, bias=False) if labels else None
        self.augment = nn.Linear(augments, width, bias=False) if augments else None
        if self.augment is not None:
            nn.init.zeros_(self.augment.weight)

    def forward(self, c_noise: Tensor, label: Tensor | None, augment: Tensor | None) -> Tensor:
        """Noise level `[B]`, label weights `[B, L]` and augmentations `[B, A]` to `[B, width]`."""
        level = c_noise[:, None]
        angle = 2 * math.pi * level * self.frequencies
        time = F.gelu(self.inlet(torch.cat([level, angle.sin(), angle.cos()], dim=1)))
        time = F.gelu(self.hidden(F.gelu(self.hidden(time))))
        if self.label is not None and label is not None:
            time = time + self.label(label)
        if self.augment is not None and augment is not None:
            time = time + self.augment(augment)
        return time


class Level(nn.Module):
    """One resolution and, inside it, all the lower ones: `[B, inputs, T]` to `[B, outputs, T]`.

    Layers are registered in the order in which the original registers them, so that its weights can be taken
    over one by one.
    """

    def __init__(self, config: AttentionUNetConfig, depth: int, inputs: int, outputs: int) -> None:
        super().__init__()
        width, factor = config.channels[depth], config.factors[depth]
        deepest = depth + 1 == len(config.channels)

        def items() -> nn.ModuleList:
            return nn.ModuleList(Item(config, depth) for _ in range(config.items[depth]))

        self.down = nn.Conv1d(inputs, width, factor, stride=factor)
        self.before = items()
        self.inner = None if deepest else Level(config, depth + 1, width, width)
        self.after = items()
        self.upsample = nn.Upsample(scale_factor=factor, mode="nearest")
        self.up = nn.Conv1d(width, outputs, 3, padding=1)
        self.gate = nn.Linear(config.modulation_features, outputs)
        self.skip = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Features `[B, inputs, T]`, T a multiple of the strides from here down, and time `[B, width]`."""
        h = self.down(x)
        for item in self.before:
            h = item(h, time)
        if self.inner is not None:
            h = self.inner(h, time)
        for item in self.after:
            h = item(h, time)
        gate: Tensor = self.gate(F.silu(time))
        out: Tensor = self.skip(x) + gate[..., None] * self.up(self.upsample(h))
        return out


class Item(nn.Module):
    """A residual block, modulation by the time features and, where the level has it, attention."""

    def __init__(self, config: AttentionUNetConfig, depth: int) -> None:
        super().__init__()
        width = config.channels[depth]
        attends = config.attentions[depth]
        self.residual = Residual(width, config.groups)
        self.modulation = nn.Linear(config.modulation_features, 2 * width)
        self.attention = Attention(width, config.heads, config.head_features) if attends else None

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Features `[B, width, T]` and time `[B, modulation_features]` to `[B, width, T]`."""
        scale, shift = self.modulation(F.silu(time))[:, None].chunk(2, dim=-1)
        h: Tensor = self.residual(x).transpose(1, 2)
        h = F.layer_norm(h, h.shape[-1:], eps=1e-6) * (1 + scale) + shift
        if self.attention is not None:
            h = h + self.attention(h)
        return h.transpose(1, 2)


class Residual(nn.Module):
    """Twice group norm, SiLU and convolution, added to the input `[B, width, T]`."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width)
        self.conv1 = nn.Conv1d(width, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, width)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Features `[B, width, T]` to the same shape."""
        h: Tensor = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return x + h


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017) without positions, over `[B, T, width]`."""

    def __init__(self, width: int, heads: int, head_features: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_features
        self.norm = nn.LayerNorm(width)
        self.norm_context = nn.LayerNorm(width)
        self.to_query = nn.Linear(width, inner, bias=False)
        self.to_key_value = nn.Linear(width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Frames `[B, T, width]` to what they gather from each other, the same shape."""
        query = self._split(self.to_query(self.norm(x)))
        key, value = map(self._split, self.to_key_value(self.norm_context(x)).chunk(2, dim=-1))
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def _split(self, x: Tensor) -> Tensor:
        """`[B, T, heads * features]` to `[B, heads, T, features]`."""
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
