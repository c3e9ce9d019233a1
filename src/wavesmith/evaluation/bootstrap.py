"""Confidence intervals of 95 %."""

from __future__ import annotations

import math

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

DRAWS = 200
_LOW, _HIGH = 0.025, 0.975
_NORMAL = 1.959964  # quantile of the normal distribution at 0.975


class Estimate(BaseModel):
    """Value and the ends of its 95 % interval."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float


def resamples(count: int, seed: int, draws: int = DRAWS) -> Tensor:
    """Return how often each item is in each bootstrap sample: float64 `[draws, count]`, rows sum to `count`.

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.
    """
    generator = torch.Generator().manual_seed(seed)
    picks = torch.randint(count, (draws, count), generator=generator)
    return torch.zeros(draws, count, dtype=torch.float64).scatter_add_(
        1, picks, torch.ones(picks.shape, dtype=torch.float64)
    )


def around(value: float, drawn: Tensor) -> Estimate:
    """Return a value with the interval of its bootstrap values `[draws]`, centred on their mean.

    A bootstrap sample repeats sounds, which biases some statistics; their spread is right.
    """
    low, high = (drawn.quantile(torch.tensor([_LOW, _HIGH], dtype=drawn.dtype)) - drawn.mean()).tolist()
    return Estimate(value=value, low=value + low, high=value + high)


def share(hits: float, count: int) -> Estimate:
    """Return the share `hits / count` with Wilson's interval (1927), which keeps its width at 0 and 1.

    Raises:
        ZeroDivisionError: when `count` is 0.
    """
    value, z = hits / count, _NORMAL
    middle = value + z * z / (2 * count)
    width = z * math.sqrt(value * (1 - value) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return Estimate(
        value=value, low=max(0.0, (middle - width) / scale), high=min(1.0, (middle + width) / scale)
    )
