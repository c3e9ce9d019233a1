"""The endless stream of training examples, by position, so that a resumed run equals an unbroken one.

Everything random about the example at a position (which sound, its augmentation, whether it has its label)
depends on the seed and the position alone: not on the batch size, the number of workers or devices, nor on
interruptions. What objectives draw themselves, such as noise, they draw by the position too.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Sampler

from wavesmith.data import SoundDataset, WeightedOrder, augment
from wavesmith.data.dataset import NO_LABEL
from wavesmith.families import Batch
from wavesmith.training.config import TrainingConfig


class Examples(Dataset[Batch]):
    """Training examples by position; each is a `Batch` without the first dimension."""

    def __init__(self, sounds: SoundDataset, rate: int, augments: int, config: TrainingConfig) -> None:
        """Take examples from sounds at `rate` Hz; `augments` is the number of augmentation features."""
        self.sounds, self.rate, self.config = sounds, rate, config
        self.augments = augments
        self.order = WeightedOrder(sounds.weights, config.seed)

    def __getitem__(self, position: int) -> Batch:
        """Return the example at a position, 0 or more."""
        item = self.sounds[self.order[position]]
        random = np.random.default_rng((self.config.seed, position))
        labelled = random.random() >= self.config.label_dropout
        wave, changes = item.wave, torch.zeros(self.augments)
        if self.config.augmentation is not None:
            waves, features = augment(wave[None], self.rate, self.config.augmentation, [random])
            wave = waves[0]
            changes = features[0] if self.config.augmentation.conditioned else changes
        label = item.label if labelled else NO_LABEL
        return Batch(wave, label_weights(label, len(self.sounds.labels)), changes, torch.tensor(position))

    def batches(self, first: int, rank: int = 0, world: int = 1, workers: int = 0) -> Iterator[Batch]:
        """Yield batches without end, from position `first` on.

        Args:
            first: position of the first example, over all devices.
            rank: number of this device.
            world: number of devices, which take turns in positions.
            workers: processes that prepare examples; 0 prepares them in this one.
        """
        positions = Positions(first, rank, world)
        return iter(
            DataLoader(
                self,
                self.config.batch,
                sampler=positions,
                num_workers=workers,
                worker_init_fn=ignore_stop_signals,
            )
        )


class Positions(Sampler[int]):
    """Positions `first + rank, first + rank + world, ...` without end."""

    def __init__(self, first: int, rank: int = 0, world: int = 1) -> None:
        self.first, self.rank, self.world = first, rank, world

    def __iter__(self) -> Iterator[int]:
        position = self.first + self.rank
        while True:
            yield position
            position += self.world


def label_weights(label: int, count: int) -> Tensor:
    """Return weights over `count` labels: one at `label`, or all zero for `NO_LABEL`."""
    return torch.zeros(count) if label == NO_LABEL else F.one_hot(torch.tensor(label), count).float()


def ignore_stop_signals(worker: int) -> None:
    """Ignore, in a process that prepares examples, what a terminal sends to all: the trainer decides."""
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which the trainer ends its workers
