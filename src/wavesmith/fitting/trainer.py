"""The training loop, on Lightning Fabric: optimizer steps over objectives, for any kind of model.

Nothing here knows of folders, files or families. `Trainer` holds the state of a training and takes its steps,
`fit` is the loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from wavesmith.families import Batch, Objective
from wavesmith.fitting.config import FitConfig
from wavesmith.fitting.ema import PowerAverages
from wavesmith.fitting.interruption import stop_signals

Losses = Mapping[str, float]
"""Mean training losses of one step, by the objective's name."""


class TrainingDiverged(ArithmeticError):
    """A loss or a weight is no longer a finite number."""


class Trainer:
    """State of a training: weights, their averages, optimizers, and the number of examples seen.

    Every step depends on the weights and on the batches alone, so that a training that is restored goes on
    exactly as if it had not been interrupted.

    Attributes:
        module: the model that is trained.
        averages: of its weights.
        seen: examples trained on so far, on all devices; also the next position in the stream of examples.
    """

    def __init__(
        self, fabric: Fabric, module: nn.Module, objectives: Sequence[Objective], config: FitConfig
    ) -> None:
        self.fabric, self.module, self.objectives, self.config = fabric, module, objectives, config
        self.losses = fabric.setup_module(_Losses(module, objectives))
        self.optimizers: list[Any] = [fabric.setup_optimizers(_adamw(one, config)) for one in objectives]
        self.averages = PowerAverages(module, config.ema)
        self.seen = 0

    @property
    def examples_per_step(self) -> int:
        """Examples between two updates of the weights, on all devices."""
        return self.config.batch * self.config.accumulate * self.fabric.world_size

    def step(self, batches: Sequence[Batch]) -> Losses:
        """Take one optimizer step of each objective, with gradients averaged over the batches.

        Raises:
            TrainingDiverged: when a loss is not finite; the objective's parameters are then as they were.
        """
        batches = [self.fabric.to_device(batch) for batch in batches]
        losses = {}
        for index, (objective, optimizer) in enumerate(zip(self.objectives, self.optimizers, strict=True)):
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate()
            with _only_trainable(self.module, objective.parameters):
                loss = losses[objective.name] = self._accumulate_gradients(index, batches)
            if not self.fabric.strategy.reduce_boolean_decision(math.isfinite(loss)):
                raise TrainingDiverged(f"the loss is {loss} after {self.seen} examples")
            if self.config.clip is not None:
                self.fabric.clip_gradients(
                    self.losses, optimizer, max_norm=self.config.clip, error_if_nonfinite=False
                )
            optimizer.step()
            optimizer.zero_grad()
        self.averages.update(self.module)
        self.seen += self.examples_per_step
        return losses

    def _accumulate_gradients(self, index: int, batches: Sequence[Batch]) -> float:
        """Add the gradients of an objective's mean loss over the batches; return that loss."""
        total = 0.0
        for number, batch in enumerate(batches, start=1):
            waits = number < len(batches)  # several devices exchange gradients after the last batch only
            with self._seeded_dropout(batch), self.fabric.no_backward_sync(self.losses, enabled=waits):
                loss = self.losses(index, batch) / len(batches)
                self.fabric.backward(loss)
            total += float(loss.detach())
        return total

    @contextmanager
    def _seeded_dropout(self, batch: Batch) -> Iterator[None]:
        """Seed torch's global generator, which dropout draws from, by the batch's first position."""
        seed = np.random.SeedSequence((self.config.seed, int(batch.position[0]))).generate_state(1)[0]
        with torch.random.fork_rng([batch.wave.device] if batch.wave.is_cuda else []):
            torch.manual_seed(int(seed))
            yield

    def learning_rate(self) -> float:
        """Return the next step's learning rate: linear warm-up, a plateau, a linear fall to a fiftieth."""
        config, per_step = self.config, self.examples_per_step
        end = math.ceil(config.examples / per_step) * per_step
        warm = (self.seen + per_step) / (config.warmup + per_step)
        fall = max((1 - self.seen / end) / config.decay, 0.02) if config.decay else 1.0
        return config.learning_rate * min(1.0, warm, fall)

    def any_device(self, condition: bool) -> bool:
        """Return whether a condition holds on any device: all devices must stop together."""
        return bool(self.fabric.strategy.reduce_boolean_decision(condition, all=False))

    def state(self) -> dict[str, Any]:
        """Return everything that going on later needs, as tensors and plain values."""
        return {
            "seen": self.seen,
            "weights": self.module.state_dict(),
            "averages": self.averages.state(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "precision": self.fabric.strategy.precision.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`; raises one of many errors if it is of another model."""
        self.module.load_state_dict(state["weights"])
        self.averages.restore(state["averages"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.seen = int(state["seen"])


def fit(trainer: Trainer, batches: Iterator[Batch], after_step: Callable[[Losses], bool]) -> None:
    """Train until the configured number of examples is seen, or until something asks to stop.

    The first SIGINT (Ctrl-C), SIGTERM or SIGHUP ends it after the step under way, a second one at once.

    Args:
        trainer: takes the steps.
        batches: this device's share of the stream of examples, from `trainer.seen` on.
        after_step: called with the losses of each step; returns whether to stop.
    """
    with stop_signals() as stopping:
        while trainer.seen < trainer.config.examples:
            losses = trainer.step(list(islice(batches, trainer.config.accumulate)))
            stop = after_step(losses)
            if trainer.any_device(stop or stopping()):
                break


class _Losses(nn.Module):
    """Objectives as one module, so that Fabric can distribute the forward pass and set its precision."""

    def __init__(self, module: nn.Module, objectives: Sequence[Objective]) -> None:
        super().__init__()
        self.module, self.objectives = module, objectives

    def forward(self, index: int, batch: Batch) -> Tensor:
        """Return the mean loss of an objective."""
        return self.objectives[index].loss(batch).mean()


@contextmanager
def _only_trainable(module: nn.Module, parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Freeze all other parameters: a loss of a generator shall leave no gradients in a discriminator."""
    trained = set(map(id, parameters))
    frozen = [p for p in module.parameters() if p.requires_grad and id(p) not in trained]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


def _adamw(objective: Objective, config: FitConfig) -> torch.optim.AdamW:
    """Return an AdamW whose weight decay spares biases, norms and other vectors."""
    matrices = [parameter for parameter in objective.parameters if parameter.ndim >= 2]
    vectors = [parameter for parameter in objective.parameters if parameter.ndim < 2]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
    )
