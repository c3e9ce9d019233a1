"""The last touch on every sound: true silence after it has ended, no click at the cut, a known peak."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SILENCE_DB = -66.0  # below the peak; what comes after the last sample above this is taken for silence
RELEASE_SECONDS = 0.01


def finish(wave: Tensor, rate: int, peak_db: float | None) -> Tensor:
    """Finish a wave `[C, N]`: fade out where it falls silent for good, or at its cut, and set its peak.

    Args:
        wave: float32 samples.
        rate: samples per second.
        peak_db: peak in dBFS of what is returned; None leaves the level. Silence stays silence.
    """
    envelope = wave.abs().amax(0)
    peak = float(envelope.max())
    if not peak > 0 or not math.isfinite(peak):
        return torch.zeros_like(wave)
    heard = (envelope > peak * 10 ** (SILENCE_DB / 20)).nonzero()
    end = int(heard[-1]) + 1
    release = min(int(RELEASE_SECONDS * rate), wave.shape[-1])
    stop = min(end + release, wave.shape[-1])
    ramp = torch.arange(release, 0, -1, dtype=wave.dtype, device=wave.device) / release
    shape = torch.zeros_like(envelope)
    shape[: stop - release] = 1
    shape[stop - release : stop] = 0.5 - 0.5 * torch.cos(math.pi * ramp)
    gain = 1.0 if peak_db is None else 10 ** (peak_db / 20) / peak
    return wave * shape * gain
