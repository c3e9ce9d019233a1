"""Minimise one objective over labelled waves in memory: the loop of classifiers and embeddings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from wavesmith.families.objective import Batch, Objective
from wavesmith.noise import ItemNoise

Progress = Callable[[int, int, float], None]
"""Called with (steps done, steps in all, loss)."""


class Examples(NamedTuple):
    """Labelled waves.

    `waves` `[N, C, F]`; `targets` `[N, L]`, weights over labels, a row of zeros for none; `weights` `[N]`,
    proportional to how often each is drawn.
    """

    waves: Tensor
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True)
class FitSettings:
    """Values of a training.

    Attributes:
        steps: optimizer steps.
        batch: examples per step.
        learning_rate: its peak; it rises linearly and falls to 0 as half a cosine.
        warm_up: share of the steps in which it rises.
        weight_decay: of AdamW.
        replacement: an example may occur more than once in a batch.
        seed: of the choice of examples.
    """

    steps: int
    batch: int
    learning_rate: float
    warm_up: float
    weight_decay: float
    replacement: bool
    seed: int


def fit(
    objective: Objective, examples: Examples, settings: FitSettings, progress: Progress | None = None
) -> None:
    """Minimise an objective with AdamW (Loshchilov and Hutter 2019)."""
    steps = settings.steps
    optimizer = torch.optim.AdamW(
        objective.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / steps / settings.warm_up, _half_cosine(step / steps))
    )
    for step in range(steps):
        loss = objective.loss(_batch(examples, step, settings)).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if progress:
            progress(step + 1, steps, loss.item())


def random_stream(seed: int, batch: Batch) -> torch.Generator:
    """Return a random generator that depends on the seed and the position of a batch alone."""
    return ItemNoise(seed, [(int(batch.position[0]), 1)]).generators[0]


def _batch(examples: Examples, step: int, settings: FitSettings) -> Batch:
    generator = ItemNoise(settings.seed, [(step, 0)]).generators[0]
    chosen = torch.multinomial(
        examples.weights, settings.batch, replacement=settings.replacement, generator=generator
    )
    position = step * settings.batch + torch.arange(settings.batch)
    return Batch(examples.waves[chosen], examples.targets[chosen], torch.zeros(len(chosen), 0), position)


def _half_cosine(done: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * done)
