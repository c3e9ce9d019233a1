"""Levels of noise in the bands of a transform."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from wavesmith.transforms.base import Transform
from wavesmith.transforms.spectral import Spectral, SpectralConfig

_MOMENT_SECONDS = 0.0116
_QUIET_SHARE = 0.15  # of the moments, taken to be noise alone


def linear_spectral(block_seconds: float, rate: int, channels: int) -> Spectral:
    """Return an orthonormal MDCT without companding, with blocks of this length."""
    hop = max(8, 2 * round(block_seconds * rate / 2))
    return SpectralConfig(hop=hop, power=1.0).build(channels)


def band_levels(transform: Transform, waves: Iterable[Tensor], rate: int) -> Tensor:
    """Return the rms `[F, 1]` of every band of a transform in the quietest moments of waves `[C, N]`."""
    frames = torch.cat([transform.encode(wave[None])[0] for wave in waves], dim=1)
    moment = min(max(1, round(_MOMENT_SECONDS * rate / transform.hop)), frames.shape[1])
    power = F.avg_pool1d(frames.square()[None], moment)[0]
    loudness = power.mean(0)
    order = loudness.argsort()[int((loudness == 0).sum()) :]  # digital silence has no noise to learn from
    if not len(order):
        return frames.new_zeros(len(frames), 1)
    return power[:, order[: max(1, round(_QUIET_SHARE * len(order)))]].mean(1, keepdim=True).sqrt()
