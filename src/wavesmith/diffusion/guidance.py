"""Guidance: wrap a denoiser, return a denoiser."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser, broadcast
from wavesmith.errors import RequestError


def classifier_free(
    denoiser: Denoiser,
    scale: float,
    *,
    unconditional: Mapping[str, Any],
    interval: tuple[float, float] = (0.0, math.inf),
) -> Denoiser:
    """Push the denoised sound away from what the model makes unasked (Ho & Salimans 2022, arXiv:2207.12598).

    Returns `conditional + (scale - 1) * (conditional - unconditional)`, both from one pass of a doubled
    batch. Outside the interval (Kynkaanniemi et al. 2024, arXiv:2404.07724), and everywhere for scale 1,
    there is the conditional pass alone.

    Args:
        denoiser: called with the conditions that the returned denoiser is called with.
        scale: 1 leaves the model as it is, more follows the condition more closely, 0 ignores it.
        unconditional: replaces those conditions of the same names in the second pass; tensors `[B, ...]`, or
            `[1, ...]` for all items alike.
        interval: guide where low < sigma <= high.

    Raises:
        RequestError: when the scale is not finite or the interval is empty.
    """
    low, high = interval
    if not math.isfinite(scale):
        raise RequestError(f"A guidance scale of {scale} cannot be used; choose a finite number, 1 for none.")
    if not low < high:
        raise RequestError(f"The guidance interval {low:g} to {high:g} is empty; choose low < high.")
    if scale == 1:
        return denoiser

    def guided(x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        inside = (low < sigma) & (sigma <= high)
        if not inside.any():
            return denoiser(x, sigma, **cond)
        doubled = _doubled(cond, {**cond, **unconditional}, len(x))
        asked, unasked = denoiser(torch.cat([x, x]), torch.cat([sigma, sigma]), **doubled).chunk(2)
        return asked + broadcast((scale - 1) * inside, x) * (asked - unasked)

    return guided


def _doubled(first: Mapping[str, Any], second: Mapping[str, Any], batch: int) -> dict[str, Any]:
    """Conditions of a batch of 2B: tensors joined along the batch, anything else, being shared, as it is."""

    def joined(name: str) -> Any:
        if not isinstance(second[name], Tensor):
            return second[name]
        halves = first.get(name, second[name]), second[name]
        return torch.cat([half.expand(batch, *half.shape[1:]) for half in halves])

    return {name: joined(name) for name in second}
