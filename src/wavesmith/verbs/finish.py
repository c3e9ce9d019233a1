"""The last touch on every sound: true silence after it has ended, no click at the cut, a known peak."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wavesmith.errors import ModelError

SILENCE_DB = -66.0  # below the peak; what comes after the last sample above this is taken for silence
RELEASE_SECONDS = 0.01
_NOTHING = 1e-9  # -180 dBFS; nobody wants that raised to full level


def finish(wave: Tensor, rate: int, peak_db: float | None) -> Tensor:
    """Finish a wave `[C, N]`: fade out where it falls silent for good, or at its cut, and set its peak.

    Args:
        wave: float32 samples.
        rate: samples per second.
        peak_db: peak in dBFS of what is returned; None leaves the level. Silence stays silence.

    Raises:
        ModelError: when the wave has samples that are not finite numbers.
    """
    envelope = wave.abs().amax(0)
    peak = float(envelope.max())
    if not math.isfinite(peak):
        raise ModelError(
            "The model's answer was not a sound (some samples are not finite numbers); "
            "try its default settings, and if they do not help get or train the model again."
        )
    if peak < _NOTHING:
        return torch.zeros_like(wave)
    heard = (envelope > peak * 10 ** (SILENCE_DB / 20)).nonzero()
    end = int(heard[-1]) + 1
    release = min(int(RELEASE_SECONDS * rate), wave.shape[-1])
    stop = min(end + release, wave.shape[-1])
    ramp = torch.arange(release, 0, -1, dtype=wave.dtype, device=wave.device) / release
    shape = torch.zeros_like(envelope)
    shape[: stop - release] = 1
    shape[stop - release : stop] = 0.5 - 0.5 * torch.cos(math.pi * ramp)
    shaped = wave * shape
    return shaped if peak_db is None else shaped * (10 ** (peak_db / 20) / float(shaped.abs().max()))
