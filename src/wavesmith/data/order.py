"""The order and frequency of sounds in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wavesmith.data.manifest import Entry


def balanced_weights(entries: Sequence[Entry]) -> Tensor:
    """Return the frequency of each entry in training: float64 `[len(entries)]`, summing to 1.

    All labels have equal weight. Within a label a group of n near-identical takes (`Entry.group`) has the
    weight of sqrt(n) independent sounds, shared equally among its members. That is a compromise between
    counting takes, where one often recorded drum dominates, and counting groups, where a single take is
    repeated as often as a whole kit.
    """
    groups = Counter((entry.label, entry.group) for entry in entries)
    weights = np.array([groups[entry.label, entry.group] ** -0.5 for entry in entries])
    by_label: Counter[str | None] = Counter()
    for entry, weight in zip(entries, weights, strict=True):
        by_label[entry.label] += weight
    totals = np.array([by_label[entry.label] for entry in entries])
    return torch.from_numpy(weights / totals / max(len(by_label), 1))


class WeightedOrder:
    """An endless sequence of indices, addressed by position: `order[p]` is the index at position p.

    An epoch has as many positions as there are weights, n. In it, index i occurs floor(n w_i) or ceil(n w_i)
    times (systematic resampling, Kitagawa 1996, appendix), in shuffled order. An epoch depends on
    (seed, epoch) alone, so a training resumed at a position continues exactly, for any number of workers.
    """

    def __init__(self, weights: Tensor, seed: int) -> None:
        self._ends = (weights.double().cumsum(0) / weights.double().sum()).numpy()
        self._seed = seed
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __getitem__(self, position: int) -> int:
        """Return the index at `position`, 0 or more."""
        epoch, offset = divmod(position, len(self._ends))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._draw(epoch)
        return int(self._order[offset])

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        n = len(self._ends)
        generator = np.random.default_rng((self._seed, epoch))
        points = (generator.random() + np.arange(n)) / n
        # The last end may fall short of 1 by rounding, which would give an index past the last.
        order = np.minimum(np.searchsorted(self._ends, points, side="right"), n - 1)
        return generator.permutation(order)
