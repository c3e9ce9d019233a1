"""In which order, and how often, training meets each sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wavesmith.data.manifest import Entry


def balanced_weights(entries: Sequence[Entry]) -> Tensor:
    """How often each entry should be met: float64 `[len(entries)]`, summing to 1.

    Every label gets the same. Within a label a group of n near-identical takes (`Entry.group`) counts like
    sqrt(n) independent sounds, shared equally among its members: between counting takes, where one much
    recorded drum rules, and counting groups, where a single take is repeated as often as a whole kit.
    """
    groups = Counter((entry.label, entry.group) for entry in entries)
    weights = np.array([groups[entry.label, entry.group] ** -0.5 for entry in entries])
    by_label: Counter[str | None] = Counter()
    for entry, weight in zip(entries, weights, strict=True):
        by_label[entry.label] += weight
    totals = np.array([by_label[entry.label] for entry in entries])
    return torch.from_numpy(weights / totals / max(len(by_label), 1))


class WeightedOrder:
    """An endless order of indices, addressed by position and the same for ever.

    An epoch is as long as the number of weights n. Within it, item i comes floor(n w_i) or ceil(n w_i) times
    (systematic resampling, Kitagawa 1996, appendix), then the epoch is shuffled. Each epoch depends on
    (seed, epoch) alone, so training that stopped at a position goes on there exactly, whatever the number
    of workers: `order[p]` is the index at position p.
    """

    def __init__(self, weights: Tensor, seed: int) -> None:
        self._ends = (weights.double().cumsum(0) / weights.double().sum()).numpy()
        self._seed = seed
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __getitem__(self, position: int) -> int:
        """Index of the item at `position`, 0 or more."""
        epoch, place = divmod(position, len(self._ends))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._draw(epoch)
        return int(self._order[place])

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        n = len(self._ends)
        generator = np.random.default_rng((self._seed, epoch))
        points = (generator.random() + np.arange(n)) / n
        # The last end may fall short of 1 by rounding, which would give an index past the last.
        order = np.minimum(np.searchsorted(self._ends, points, side="right"), n - 1)
        return generator.permutation(order)
