"""Quality of an embedding on sounds that it was not trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wavesmith.data import Augmentation, augment

NEIGHBOURS = 5

_CHANGES = Augmentation(
    probability=0.8, speed=0, tilt=2, tail=0, shift=10, swap=False, polarity=True, gain=12
)
_NOISE_DB = (-80.0, -50.0)  # re the peak


class Quality(NamedTuple):
    """Shares, 0 to 1.

    Attributes:
        label: sounds whose five nearest known sounds, by majority, have the right label.
        retrieval: mean average precision with which a sound finds those of its label among the new ones.
        again: slightly changed sounds whose nearest unchanged one is the very same.
    """

    label: float
    retrieval: float
    again: float


def measure_quality(
    known: Tensor, known_labels: Tensor, new: Tensor, labels: Tensor, changed: Tensor
) -> Quality:
    """Measure an embedding by its vectors.

    Args:
        known: `[M, D]`, of sounds that the embedding may have been trained on.
        known_labels: `[M]`.
        new: `[N, D]`, of sounds that it was not trained on.
        labels: `[N]`.
        changed: `[N, D]`, of the same, `perturbed`.
    """
    near = known_labels[torch.cdist(new, known).topk(NEIGHBOURS, largest=False).indices]
    again = torch.cdist(changed, new).argmin(dim=1) == torch.arange(len(new))
    return Quality(
        label=_share(near.mode(dim=1).values == labels),
        retrieval=_mean_average_precision(new, labels),
        again=_share(again),
    )


def perturbed(waves: Tensor, rate: int, seed: int = 0) -> Tensor:
    """Waves `[B, C, N]` with another gain, polarity, tilt and start, and noise, each at random."""
    randoms = [np.random.default_rng((seed, item)) for item in range(len(waves))]
    changed = augment(waves, rate, _CHANGES, randoms)[0]
    peak = changed.abs().amax(dim=(1, 2), keepdim=True)
    decibels = torch.tensor([random.uniform(*_NOISE_DB) for random in randoms])[:, None, None]
    noise = np.stack([random.standard_normal(waves.shape[1:], np.float32) for random in randoms])
    return changed + peak * 10 ** (decibels / 20) * torch.from_numpy(noise)


def _share(right: Tensor) -> float:
    return float(right.double().mean())


def _mean_average_precision(vectors: Tensor, labels: Tensor) -> float:
    distances = torch.cdist(vectors, vectors).fill_diagonal_(torch.inf)
    order = distances.argsort(dim=1)[:, :-1]
    right = (labels[order] == labels[:, None]).double()
    ranks = torch.arange(1, right.shape[1] + 1)
    precision = right.cumsum(dim=1) / ranks
    return float(((precision * right).sum(dim=1) / right.sum(dim=1).clamp_min(1)).mean())
