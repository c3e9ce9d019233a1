"""The endless stream of training examples, addressed by position so that a resumed run is an unbroken one.

Everything random about the example at a position (which sound, its augmentation, its noise level, its noise,
whether its label is shown) depends on the seed and the position alone: not on the batch size, the number of
workers or devices, nor on how often the run was interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset, Sampler

from wavesmith.data import SoundDataset, WeightedOrder, augment
from wavesmith.data.dataset import NO_LABEL
from wavesmith.training.config import TrainingConfig

_GOLDEN = (math.sqrt(5) - 1) / 2


class Example(NamedTuple):
    """`wave` `[C, N]`, `label` weights `[L]`, `augment` `[A]`, `sigma` `[]` and `position` `[]`."""

    wave: Tensor
    label: Tensor
    augment: Tensor
    sigma: Tensor
    position: Tensor


class Examples(Dataset[Example]):
    """Training examples by position.

    Noise levels follow a golden-ratio sequence, so that any run of neighbouring positions (every batch) is
    spread evenly over the distribution of sigma.
    """

    def __init__(self, sounds: SoundDataset, rate: int, augments: int, config: TrainingConfig) -> None:
        self.sounds, self.rate, self.config = sounds, rate, config
        self.augments = augments
        self.order = WeightedOrder(sounds.weights, config.seed)
        self.levels = config.noise_levels.build()

    def __getitem__(self, position: int) -> Example:
        """The example at `position`, 0 or more."""
        item = self.sounds[self.order[position]]
        random = np.random.default_rng((self.config.seed, position))
        shown = random.random() >= self.config.label_dropout
        wave, changes = item.wave, torch.zeros(self.augments)
        if self.config.augmentation is not None:
            waves, labels = augment(wave[None], self.rate, self.config.augmentation, [random])
            wave = waves[0]
            changes = labels[0] if self.config.augmentation.conditioned else changes
        share = torch.tensor((0.5 + position * _GOLDEN) % 1.0, dtype=torch.float64)
        sigma = self.levels.quantile(share).float()
        return Example(wave, self._label(item.label, shown), changes, sigma, torch.tensor(position))

    def _label(self, label: int, shown: bool) -> Tensor:
        count = len(self.sounds.labels)
        if label == NO_LABEL or not shown:
            return torch.zeros(count)
        return F.one_hot(torch.tensor(label), count).float()


class Positions(Sampler[int]):
    """Positions `first + rank, first + rank + world, ...` without end."""

    def __init__(self, first: int, rank: int = 0, world: int = 1) -> None:
        self.first, self.rank, self.world = first, rank, world

    def __iter__(self) -> Iterator[int]:
        position = self.first + self.rank
        while True:
            yield position
            position += self.world
