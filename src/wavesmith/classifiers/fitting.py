"""Training of classifiers and embeddings on labelled waves in memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wavesmith.families.objective import Batch, Objective
from wavesmith.fitting import FitConfig
from wavesmith.noise import ItemNoise

Progress = Callable[[int, int, float], None]
"""Called with (steps done, steps in all, loss)."""


class LabelledWaves(NamedTuple):
    """Labelled waves.

    `waves` `[N, C, F]`; `targets` `[N, L]`, weights over labels, a row of zeros for none; `weights` `[N]`,
    proportional to how often each is drawn.
    """

    waves: Tensor
    targets: Tensor
    weights: Tensor


def one_rise_and_fall(
    steps: int, batch: int, seed: int, *, learning_rate: float, weight_decay: float, rise: int
) -> FitConfig:
    """Return a configuration whose learning rate rises over one part in `rise` of the run and then falls."""
    examples = steps * batch
    return FitConfig(
        examples=examples,
        batch=batch,
        learning_rate=learning_rate,
        warmup=examples // rise,
        decay=1 - 1 / rise,
        weight_decay=weight_decay,
        clip=None,
        seed=seed,
    )


def fit_examples(
    module: nn.Module,
    objective: Objective,
    examples: LabelledWaves,
    config: FitConfig,
    *,
    replacement: bool,
    progress: Progress | None = None,
) -> None:
    """Minimise an objective of a module, which is trained in place on the CPU.

    Args:
        module: has all parameters of the objective.
        objective: the loss.
        examples: drawn by their weights, at random.
        config: how; an interruption (Ctrl-C) acts after the step under way.
        replacement: an example may occur more than once in a batch.
        progress: called after each step.
    """
    from lightning_fabric import Fabric  # takes seconds to import

    from wavesmith.fitting import Trainer, fit

    trainer = Trainer(Fabric(accelerator="cpu"), module, [objective], config)
    steps = math.ceil(config.examples / config.batch)

    def after_step(losses: Mapping[str, float]) -> bool:
        if progress:
            progress(trainer.seen // config.batch, steps, losses[objective.name])
        return False

    fit(trainer, _batches(examples, config, replacement), after_step)
    if trainer.seen < config.examples:
        raise KeyboardInterrupt


def random_stream(seed: int, batch: Batch) -> torch.Generator:
    """Return a random generator that depends on the seed and the position of a batch alone."""
    return ItemNoise(seed, [(int(batch.position[0]), 1)]).generators[0]


def _batches(examples: LabelledWaves, config: FitConfig, replacement: bool) -> Iterator[Batch]:
    for step in itertools.count():
        generator = ItemNoise(config.seed, [(step, 0)]).generators[0]
        chosen = torch.multinomial(examples.weights, config.batch, replacement, generator=generator)
        position = step * config.batch + torch.arange(config.batch)
        yield Batch(examples.waves[chosen], examples.targets[chosen], torch.zeros(len(chosen), 0), position)
