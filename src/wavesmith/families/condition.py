"""Conditions of generated sounds: label weights and guides, which every family understands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class WaveLoss(Protocol):
    """A differentiable loss of waves that can steer: 0 where a wave is as wanted."""

    def __call__(self, sound: Tensor, sigma: Tensor) -> Tensor:
        """Return losses `[B]`, 0 or more, of estimated waves `[B, C, N]` at noise levels `sigma` `[B]`."""


@dataclass(frozen=True)
class LossTerm:
    """One of the losses that steer.

    Attributes:
        name: for error messages.
        loss: the loss to minimise.
        weight: step size: 1 is a full Polyak step, 0 disables the term.
        interval: noise levels, low and high, at which the term is active, in families that have them.
    """

    name: str
    loss: WaveLoss
    weight: float = 1.0
    interval: tuple[float, float] = (0.0, math.inf)


@dataclass(frozen=True)
class Condition:
    """Condition of all sounds of a batch.

    Attributes:
        label: weights over the model's labels `[L]`, summing to 1; all zero for no label.
        guides: losses that steer, for families that are `Steers`.
    """

    label: Tensor
    guides: Sequence[LossTerm] = ()
