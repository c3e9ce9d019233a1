"""Bring waves to the length of a model."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

FADE_SECONDS = 0.02


def sounding_end(waves: Tensor) -> Tensor:
    """Return the first frame of the silence at the end, for waves `[..., C, N]`: int64 `[...]`, 0 ... N."""
    sounding = waves.ne(0).any(dim=-2)
    after = torch.arange(1, waves.shape[-1] + 1, device=waves.device)
    return (sounding * after).amax(dim=-1)


def crop_or_pad(wave: Tensor, length: int, rate: int) -> Tensor:
    """Cut or pad one wave `[C, N]` to `[C, length]`.

    A shorter wave is followed by exact zeros. Where the cut goes through sound, the last 20 ms before it
    (or all of a shorter result) fade out with a raised cosine; silence is cut as it is.
    """
    if wave.shape[-1] <= length:
        return functional.pad(wave, (0, length - wave.shape[-1]))
    cut = wave[:, :length].clone()
    if wave[:, length:].any():
        frames = min(length, round(FADE_SECONDS * rate))
        cut[:, length - frames :] *= 0.5 + 0.5 * torch.cos(
            torch.linspace(0, math.pi, frames, device=wave.device)
        )
    return cut
