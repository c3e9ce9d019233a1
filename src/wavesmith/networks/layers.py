"""Layers that several networks share: conditioning, modulation, positions, attention, patches."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEAD_WIDTH = 64
_UNSPLIT = 512


class LongLinear(nn.Linear):
    """Linear layer of many inputs whose output has the same bits on any number of threads.

    Matrix products split long sums among threads and then round differently; sums of 512 are not split.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map `[..., inputs]` to `[..., outputs]`."""
        inputs = torch.split(input, _UNSPLIT, dim=-1)
        weights = torch.split(self.weight, _UNSPLIT, dim=1)
        out = F.linear(inputs[0], weights[0], self.bias)
        for part, weight in zip(inputs[1:], weights[1:], strict=True):
            out = out + F.linear(part, weight)
        return out


class Conditioning(nn.Module):
    """Embedding of noise level, label and augmentation in one vector `[B, width]` that modulates every block.

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
        """Embed noise levels `[B]`, label weights `[B, L]` and augmentations `[B, A]` in `[B, width]`."""
        angle = 2 * math.pi * c_noise[:, None] * self.frequencies
        hidden = self.noise(torch.cat([angle.cos(), angle.sin()], dim=1) * math.sqrt(2))
        if self.label is not None and label is not None:
            hidden = hidden + self.label(label)
        if self.augment is not None and augment is not None:
            hidden = hidden + self.augment(augment)
        condition: Tensor = self.mix(hidden)
        return condition


class Position(nn.Module):
    """Position embedding of frames after the onset: sines and cosines of the index, `T` to `[T, width]`.

    One-shots begin at frame 0, so absolute time is informative: attacks come first, tails fade last.
    """

    periods: Tensor

    def __init__(self, width: int, octaves: int = 12) -> None:
        super().__init__()
        self.register_buffer("periods", 4.0 * 2.0 ** torch.arange(octaves, device="cpu"), persistent=False)
        self.project = nn.Linear(2 * octaves, width, bias=False)

    def forward(self, frames: int) -> Tensor:
        """Return the embeddings of frames `0 ... frames - 1`."""
        angle = 2 * math.pi * torch.arange(frames, device=self.periods.device)[:, None] / self.periods
        features: Tensor = self.project(torch.cat([angle.cos(), angle.sin()], dim=1))
        return features


class ResBlock(nn.Module):
    """Residual block: two convolutions with group norm and SiLU, modulated by the conditioning vector."""

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
        """Map features `[B, inputs, T]` with condition `[B, width]` to `[B, outputs, T]`."""
        scale, shift = self.modulation(condition)[:, :, None].chunk(2, dim=1)
        h: Tensor = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(self.dropout(F.silu(self.norm2(h) * (1 + scale) + shift)))
        out: Tensor = self.skip(x) + h
        return out


class RotaryAttention(nn.Module):
    """Multi-head self-attention with rotary positions (Su et al. 2021) and normalised queries and keys."""

    def __init__(self, width: int, head_width: int = HEAD_WIDTH) -> None:
        super().__init__()
        self.heads = width // head_width
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, rotary: Tensor | None) -> Tensor:
        """Attend among tokens `[..., T, width]`; the output has the same shape.

        `rotary` is the result of `rotary_angles(T, head_width, device)`; None leaves positions out.
        """
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).transpose(-2, -4).unbind(-3)
        q, k = (F.rms_norm(part, part.shape[-1:]) for part in (q, k))
        if rotary is not None:
            q, k = apply_rotary(q, rotary), apply_rotary(k, rotary)
        out: Tensor = self.out(attend(q, k, v).transpose(-2, -3).flatten(-2))
        return out


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compute scaled dot-product attention over `[..., heads, T, D]`.

    For training in bfloat16 on a CPU it is written out, because torch's own is several times slower there,
    above all backwards.
    """
    if q.requires_grad and q.device.type == "cpu" and q.dtype == torch.bfloat16:
        weights: Tensor = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
        return torch.matmul(weights.softmax(-1).to(v.dtype), v)
    return F.scaled_dot_product_attention(q, k, v)


def rotary_angles(frames: int, head_width: int, device: torch.device) -> Tensor:
    """Return cosines and sines of the rotary angles of all positions: `[2, frames, head_width / 2]`."""
    half = head_width // 2
    speed = 10000.0 ** (-torch.arange(half, dtype=torch.float32, device=device) / half)
    angle = torch.arange(frames, dtype=torch.float32, device=device)[:, None] * speed
    return torch.stack([angle.cos(), angle.sin()])


def apply_rotary(x: Tensor, rotary: Tensor) -> Tensor:
    """Rotate pairs of features of `[..., T, D]` by the angles `rotary` `[2, T, D / 2]` of their positions."""
    cos, sin = rotary.to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def pad_reflected(x: Tensor, frames: int) -> Tensor:
    """Pad `[B, C, T]` at the end to `frames` by reflection, repeatedly where `frames` is long.

    Padding with zeros would do harm: norms over the whole sound would measure less noise than there is.
    """
    period = max(2 * x.shape[-1] - 2, 1)
    phase = torch.arange(frames, device=x.device) % period
    return x if frames == x.shape[-1] else x[..., torch.minimum(phase, period - phase)]


def patchify(x: Tensor, size: int) -> Tensor:
    """Stack `size` neighbouring frames into one: `[B, F, T]` to `[B, F * size, T / size]`."""
    return x.reshape(*x.shape[:2], -1, size).transpose(-1, -2).flatten(1, 2)


def unpatchify(x: Tensor, size: int) -> Tensor:
    """Invert `patchify`: `[B, F * size, T]` to `[B, F, T * size]`."""
    return x.reshape(len(x), -1, size, x.shape[-1]).transpose(-1, -2).flatten(-2)
