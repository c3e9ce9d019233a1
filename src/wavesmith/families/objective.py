"""Objectives: what a trainer minimises, without knowing the family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn


class Batch(NamedTuple):
    """Training examples.

    `wave` float32 `[B, C, N]`; `label` weights over labels `[B, L]`, a row of zeros for an example without
    label; `augment` `[B, A]`, what augmentation did; `position` int64 `[B]`, the examples' places in the
    endless stream, from which everything random about them follows.
    """

    wave: Tensor
    label: Tensor
    augment: Tensor
    position: Tensor


@dataclass(frozen=True)
class Objective:
    """One loss and the parameters that it trains.

    A family with several (generator and discriminator) has its trainer take one step of each for every batch,
    in their order.

    Attributes:
        name: in logs.
        parameters: those that its optimizer moves.
        loss: losses `[B]` of a batch.
    """

    name: str
    parameters: Sequence[nn.Parameter]
    loss: Callable[[Batch], Tensor]
