"""Attention U-Net of Tiny Audio Diffusion: UNetV0 of audio-diffusion-pytorch (Schneider et al. 2023).

U-Net over samples that convolves at every resolution and attends at the lowest ones. Besides labels it takes
`features` (a vector), a `context` to attend to (an embedded text, say) and `channels` (signals at the rate of
some level, such as the latents of an encoder). Its peculiarities, kept so that weights trained elsewhere mean
the same here:

* A level *replaces* its input by a modulated layer norm (no residual around the modulation), and adds its
  result to its own input through a gate computed from the noise level; nothing is concatenated.
* Attention normalises queries and keys/values separately, although both come from the same features.
* The two hidden layers of the time network are one layer, used twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.errors import RequestError
from wavesmith.networks.network import Network, NetworkConfigBase


class AttentionUNetConfig(NetworkConfigBase):
    """Configuration of `AttentionUNet`; the defaults are Tiny Audio Diffusion's.

    Lists have one entry per level, outermost first.

    Attributes:
        channels: width of the level.
        factors: downsampling on entering the level.
        items: blocks on either side of the level.
        attentions: self-attentions in each block.
        cross_attentions: attentions to a context in each block; None for no context.
        context_channels: channels of a signal that enters each block of the level; None for no signals.
        context_features: width of the context; None for no context.
        null_context: number of learned vectors that stand for no context; 0 if a context is obligatory.
        heads: attention heads.
        head_features: width of an attention head.
        groups: groups of the group norms.
        modulation_features: width of the time features.
        fourier_features: learned frequencies that embed the noise level.
    """

    kind: Literal["attention_unet"] = "attention_unet"
    channels: tuple[PositiveInt, ...] = Field(default=(32, 32, 64, 64, 128, 128, 256, 256), min_length=1)
    factors: tuple[PositiveInt, ...] = (1, 2, 2, 2, 2, 2, 2, 2)
    items: tuple[PositiveInt, ...] = (2, 2, 2, 2, 2, 2, 4, 4)
    attentions: tuple[NonNegativeInt, ...] = (0, 0, 0, 0, 0, 1, 1, 1)
    cross_attentions: tuple[NonNegativeInt, ...] | None = None
    context_channels: tuple[NonNegativeInt, ...] | None = None
    context_features: PositiveInt | None = None
    null_context: NonNegativeInt = 0
    heads: PositiveInt = 8
    head_features: PositiveInt = 64
    groups: PositiveInt = 8
    modulation_features: PositiveInt = 1024
    fourier_features: PositiveInt = 128

    @model_validator(mode="after")
    def _levels_agree(self) -> AttentionUNetConfig:
        lists = {
            "factors": self.factors,
            "items": self.items,
            "attentions": self.attentions,
            "cross_attentions": self.cross_attentions,
            "context_channels": self.context_channels,
        }
        for name, values in lists.items():
            if values is not None and len(values) != len(self.channels):
                raise ValueError(f"{name} has {len(values)} entries, but channels has {len(self.channels)}")
        if odd := [width for width in self.channels if width % self.groups]:
            raise ValueError(f"channels must be multiples of groups ({self.groups}); {odd[0]} is not")
        if any(self.cross_attentions or ()) != (self.context_features is not None):
            raise ValueError("cross_attentions and context_features go together; give both or none")
        if self.null_context and self.context_features is None:
            raise ValueError("null_context needs context_features; give both or none")
        return self

    def build(self, features: int, outputs: int = 1, labels: int = 0, augments: int = 0) -> AttentionUNet:
        """Build the network for `features` channels of a transform."""
        return AttentionUNet(self, features, outputs, labels, augments)


class AttentionUNet(Network):
    """UNetV0; input of any length is padded with zeros to whole strides and cut back."""

    def __init__(
        self, config: AttentionUNetConfig, features: int, outputs: int, labels: int, augments: int
    ) -> None:
        super().__init__()
        self.stride = math.prod(config.factors)
        self.time = TimeFeatures(config.modulation_features, config.fourier_features, labels, augments)
        null, width = config.null_context, config.context_features
        self.null = nn.Embedding(null, width) if null and width else None
        self.unet = UNetLevel(config, 0, features, outputs * features)

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        *,
        label: Tensor | None = None,
        augment: Tensor | None = None,
        features: Tensor | None = None,
        context: Tensor | None = None,
        channels: Sequence[Tensor | None] = (),
    ) -> Tensor:
        """Return the raw output; the first four arguments are those of `Network.forward`.

        Args:
            x: noisy features.
            c_noise: noise level `[B]`, 0 to 1 in trained models.
            label: weights over the labels.
            augment: augmentation features.
            features: is added to the time features, `[B, modulation_features]`.
            context: context of the cross-attentions, `[B, n, context_features]`; None for the learned
                `null.weight` `[null_context, context_features]`, which guidance can lead away from.
            channels: for each level with context channels, `[B, context_channels, frames at that level]`.

        Raises:
            RequestError: when the network needs a context or channels and there are none.
        """
        frames = x.shape[-1]
        time = self.time(c_noise, label, augment)
        if context is None and self.null is not None:
            context = self.null.weight.expand(len(x), -1, -1)
        conditions = BlockConditions(F.silu(time if features is None else time + features), context, channels)
        h: Tensor = self.unet(F.pad(x, (0, -frames % self.stride)), conditions)
        return h[..., :frames]


class BlockConditions(NamedTuple):
    """Conditions of every block: activated time features `[B, width]`, context and channels of `forward`."""

    time: Tensor
    context: Tensor | None
    channels: Sequence[Tensor | None]


class TimeFeatures(nn.Module):
    """Embedding of noise level, label and augmentation in one vector `[B, width]` that modulates every block.

    The noise level enters as itself and as sinusoids of learned frequencies. Labels and augmentations are
    added to the finished features, the latter with no effect at first (Karras et al. 2022, section 5).
    """

    def __init__(self, width: int, fourier_features: int, labels: int, augments: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(fourier_features))
        self.proj_in = nn.Linear(1 + 2 * fourier_features, width)
        self.hidden = nn.Linear(width, width)
        self.label = nn.Linear(labels, width, bias=False) if labels else None
        self.augment = nn.Linear(augments, width, bias=False) if augments else None
        if self.augment is not None:
            nn.init.zeros_(self.augment.weight)

    def forward(self, c_noise: Tensor, label: Tensor | None, augment: Tensor | None) -> Tensor:
        """Embed noise levels `[B]`, label weights `[B, L]` and augmentations `[B, A]` in `[B, width]`."""
        level = c_noise[:, None]
        angle = 2 * math.pi * level * self.frequencies
        time = F.gelu(self.proj_in(torch.cat([level, angle.sin(), angle.cos()], dim=1)))
        time = F.gelu(self.hidden(F.gelu(self.hidden(time))))
        if self.label is not None and label is not None:
            time = time + self.label(label)
        if self.augment is not None and augment is not None:
            time = time + self.augment(augment)
        return time


class UNetLevel(nn.Module):
    """One resolution and, inside it, all the lower ones.

    Layers are registered in the order of the original, so that its weights can be copied one by one.
    """

    def __init__(self, config: AttentionUNetConfig, depth: int, inputs: int, outputs: int) -> None:
        super().__init__()
        width, factor = config.channels[depth], config.factors[depth]
        deepest = depth + 1 == len(config.channels)

        def items() -> nn.ModuleList:
            return nn.ModuleList(UNetItem(config, depth) for _ in range(config.items[depth]))

        self.skip = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1)
        self.down = nn.Conv1d(inputs, width, factor, stride=factor)
        self.before = items()
        self.inner = None if deepest else UNetLevel(config, depth + 1, width, width)
        self.after = items()
        self.upsample = nn.Upsample(scale_factor=factor, mode="nearest")
        self.up = nn.Conv1d(width, outputs, 3, padding=1)
        self.gate = nn.Linear(config.modulation_features, outputs)

    def forward(self, x: Tensor, conditions: BlockConditions) -> Tensor:
        """Map `[B, inputs, T]`, T a multiple of the strides from here down, to `[B, outputs, T]`."""
        h = self.down(x)
        for item in self.before:
            h = item(h, conditions)
        if self.inner is not None:
            h = self.inner(h, conditions)
        for item in self.after:
            h = item(h, conditions)
        gate: Tensor = self.gate(conditions.time)
        out: Tensor = self.skip(x) + gate[..., None] * self.up(self.upsample(h))
        return out


class UNetItem(nn.Module):
    """Residual block, modulation by the time features, injected channels and attentions of the level."""

    def __init__(self, config: AttentionUNetConfig, depth: int) -> None:
        super().__init__()
        width = config.channels[depth]
        signals = config.context_channels[depth] if config.context_channels else 0
        crosses = config.cross_attentions[depth] if config.cross_attentions else 0

        def attentions(count: int, context: int | None = None) -> nn.ModuleList:
            return nn.ModuleList(
                ContextAttention(width, config.heads, config.head_features, context) for _ in range(count)
            )

        self.depth = depth
        self.residual = ResnetBlock(width, config.groups)
        self.modulation = nn.Linear(config.modulation_features, 2 * width)
        self.inject = nn.Conv1d(width + signals, width, 1) if signals else None
        self.attentions = attentions(config.attentions[depth])
        self.cross_attentions = attentions(crosses, config.context_features)

    def forward(self, x: Tensor, conditions: BlockConditions) -> Tensor:
        """Map `[B, width, T]` to the same shape."""
        scale, shift = self.modulation(conditions.time)[:, None].chunk(2, dim=-1)
        h: Tensor = self.residual(x).transpose(1, 2)
        h = F.layer_norm(h, h.shape[-1:], eps=1e-6) * (1 + scale) + shift
        if self.inject is not None:
            h = h + self.inject(torch.cat([h.transpose(1, 2), self._signal(h, conditions)], dim=1)).transpose(
                1, 2
            )
        for attention in self.attentions:
            h = h + attention(h, h)
        for attention in self.cross_attentions:
            h = h + attention(h, _required(conditions.context, "a context; give context=..."))
        return h.transpose(1, 2)

    def _signal(self, h: Tensor, conditions: BlockConditions) -> Tensor:
        """Return this level's context channels, padded to the length of `h` `[B, T, width]`."""
        signal = conditions.channels[self.depth] if self.depth < len(conditions.channels) else None
        signal = _required(signal, f"context channels at level {self.depth}; give channels=[...]")
        return F.pad(signal, (0, h.shape[1] - signal.shape[-1]))


def _required(value: Tensor | None, name: str) -> Tensor:
    if value is None:
        raise RequestError(f"This model's network needs {name}.")
    return value


class ResnetBlock(nn.Module):
    """Residual block: twice group norm, SiLU and convolution."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width)
        self.conv1 = nn.Conv1d(width, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, width)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, width, T]` to the same shape."""
        h: Tensor = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return x + h


class ContextAttention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017) to a context, without positions."""

    def __init__(self, width: int, heads: int, head_features: int, context: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_features
        self.norm = nn.LayerNorm(width)
        self.norm_context = nn.LayerNorm(context or width)
        self.to_query = nn.Linear(width, inner, bias=False)
        self.to_key_value = nn.Linear(context or width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Attend from frames `[B, T, width]` to a context `[B, n, ...]`, which may be the frames."""
        query = self._split(self.to_query(self.norm(x)))
        key, value = map(self._split, self.to_key_value(self.norm_context(context)).chunk(2, dim=-1))
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def _split(self, x: Tensor) -> Tensor:
        """Reshape `[B, T, heads * features]` to `[B, heads, T, features]`."""
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
