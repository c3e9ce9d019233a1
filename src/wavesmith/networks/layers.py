"""Layers that several networks share: conditioning, modulation, position, attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEAD_WIDTH = 64
_WHOLE = 512


class LongLinear(nn.Linear):
    """A linear layer of many inputs that gives the same bits on any number of threads.

    Matrix products cut long sums among threads, and then round differently; sums of 512 they leave whole.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map `[..., inputs]` to `[..., outputs]`."""
        inputs = torch.split(input, _WHOLE, dim=-1)
        weights = torch.split(self.weight, _WHOLE, dim=1)
        out = F.linear(inputs[0], weights[0], self.bias)
        for part, weight in zip(inputs[1:], weights[1:], strict=True):
            out = out + F.linear(part, weight)
        return out


class Conditioning(nn.Module):
    """Noise level, label and augmentation become one vector `[B, width]` that modulates every block.

    The noise level enters through Fourier features (Tancik et al. 2020) of `c_noise`. Labels enter as weights
    `[B, L]` over classes: one-hot for one class, a mix for several, all zero for "no label". Augmentation
    labels `[B, A]` start at zero effect and are zero when sampling (Karras et al. 2022, section 5).
    """

    frequencies: Tensor

    def __init__(self, width: int, labels: int = 0, augments: int = 0, features: int = 64) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("frequencies", torch.randn(features, generator=generator, device="cpu"))
        self.noise = nn.Linear(2 * features, width)
        self.label = nn.Linear(labels, width, bias=False) if labels else None
        self.augment = nn.Linear(augments, width, bias=False) if augments else None
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=0.5)
        if self.augment is not None:
            nn.init.zeros_(self.augment.weight)

    def forward(self, c_noise: Tensor, label: Tensor | None = None, augment: Tensor | None = None) -> Tensor:
        """Noise level `[B]`, label weights `[B, L]`, augmentation `[B, A]` to `[B, width]`."""
        angle = 2 * math.pi * c_noise[:, None] * self.frequencies
        hidden = self.noise(torch.cat([angle.cos(), angle.sin()], dim=1) * math.sqrt(2))
        if self.label is not None and label is not None:
            hidden = hidden + self.label(label)
        if self.augment is not None and augment is not None:
            hidden = hidden + self.augment(augment)
        condition: Tensor = self.mix(hidden)
        return condition


class Position(nn.Module):
    """Where a frame stands after the onset, as sines and cosines of its index: `T` to `[T, width]`.

    One-shots begin at frame 0, so absolute time says much: attacks come first, tails fade last.
    """

    periods: Tensor

    def __init__(self, width: int, octaves: int = 12) -> None:
        super().__init__()
        self.register_buffer("periods", 4.0 * 2.0 ** torch.arange(octaves, device="cpu"), persistent=False)
        self.project = nn.Linear(2 * octaves, width, bias=False)

    def forward(self, frames: int) -> Tensor:
        """Features of frames `0 ... frames - 1`."""
        angle = 2 * math.pi * torch.arange(frames, device=self.periods.device)[:, None] / self.periods
        features: Tensor = self.project(torch.cat([angle.cos(), angle.sin()], dim=1))
        return features


class ResBlock(nn.Module):
    """Two convolutions with group norm and SiLU around a scale-and-shift by the conditioning vector."""

    def __init__(self, inputs: int, outputs: int, width: int, dropout: float = 0.0, groups: int = 8) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs)
        self.conv1 = nn.Conv1d(inputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(width, 2 * outputs)
        self.norm2 = nn.GroupNorm(groups, outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv1d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        for layer in (self.modulation, self.conv2):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Features `[B, inputs, T]` and condition `[B, width]` to `[B, outputs, T]`."""
        scale, shift = self.modulation(condition)[:, :, None].chunk(2, dim=1)
        h: Tensor = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(self.dropout(F.silu(self.norm2(h) * (1 + scale) + shift)))
        out: Tensor = self.skip(x) + h
        return out


class Attention(nn.Module):
    """Multi-head self-attention with rotary positions (Su et al. 2021) and normalised queries and keys."""

    def __init__(self, width: int, head_width: int = HEAD_WIDTH) -> None:
        super().__init__()
        self.heads = width // head_width
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, turns: Tensor | None) -> Tensor:
        """Tokens `[..., T, width]` to what they gather from each other, the same shape.

        `turns` is what `rotations(T, head_width, device)` says; None leaves positions out.
        """
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).transpose(-2, -4).unbind(-3)
        q, k = (F.rms_norm(part, part.shape[-1:]) for part in (q, k))
        if turns is not None:
            q, k = rotate(q, turns), rotate(k, turns)
        out: Tensor = self.out(attend(q, k, v).transpose(-2, -3).flatten(-2))
        return out


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Scaled dot-product attention over `[..., heads, T, D]`.

    Where a CPU trains in bfloat16 it is written out: there torch's own is several times slower, backwards
    above all.
    """
    if q.requires_grad and q.device.type == "cpu" and q.dtype == torch.bfloat16:
        weights: Tensor = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
        return torch.matmul(weights.softmax(-1).to(v.dtype), v)
    return F.scaled_dot_product_attention(q, k, v)


def rotations(frames: int, head_width: int, device: torch.device) -> Tensor:
    """Rotary angles of every position as unit complex numbers' parts: `[2, frames, head_width / 2]`."""
    half = head_width // 2
    speed = 10000.0 ** (-torch.arange(half, dtype=torch.float32, device=device) / half)
    angle = torch.arange(frames, dtype=torch.float32, device=device)[:, None] * speed
    return torch.stack([angle.cos(), angle.sin()])


def rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Turn pairs of features of `[..., T, D]` by the angles `turns` `[2, T, D / 2]` of their positions."""
    cos, sin = turns.to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def mirrored(x: Tensor, frames: int) -> Tensor:
    """Lengthen `[B, C, T]` to `frames` by going back and forth.

    Silence would do harm: norms over the whole sound would find less noise than there is.
    """
    period = max(2 * x.shape[-1] - 2, 1)
    place = torch.arange(frames, device=x.device) % period
    return x if frames == x.shape[-1] else x[..., torch.minimum(place, period - place)]
