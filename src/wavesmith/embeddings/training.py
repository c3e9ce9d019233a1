"""Train `ears`: what a sound is called, and that a sound slightly changed is still the same sound.

Three losses are added. Cross entropy tells the labels apart. Binary cross entropy (ten times its mean) tells
which tags a sound has. The third is NT-Xent (Chen et al. 2020, "A simple framework for contrastive learning
of visual representations", eq. 1): two views of one sound shall be nearer to each other than to any other
view in the batch, as cosines at a temperature. The heads that the losses need are left behind at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.data import Augmentation, augment
from wavesmith.embeddings.ears import Ears, EarsConfig
from wavesmith.errors import DataError

VIEWS = Augmentation(probability=0.8, speed=0, tilt=2, tail=0, shift=10, swap=False, polarity=True, gain=12)
"""How views of one sound differ; noise of -80 to -50 dB below the peak comes on top."""

NO_LABEL = -1
_TEMPERATURE = 0.2
_TAGS_WEIGHT = 10.0
_PROJECTION = 64
_PEAK_RATE, _DECAY = 2e-3, 0.05


class Examples(NamedTuple):
    """What ears are trained on.

    `waves` `[N, 1, frames]`; `labels` int64 `[N]`, -1 for none; `tags` bool `[N, T]`; `weights` `[N]`, how
    often each is met.
    """

    waves: Tensor
    labels: Tensor
    tags: Tensor
    weights: Tensor


def train_ears(
    examples: Examples,
    config: EarsConfig | None = None,
    *,
    steps: int = 2000,
    batch: int = 64,
    seed: int = 0,
    progress: Callable[[int, int, float], None] | None = None,
) -> Ears:
    """Train ears on labelled and tagged sounds; the same arguments make the same ears.

    AdamW under one cycle of the learning rate (Smith and Topin 2019).

    Args:
        examples: the sounds; hold whole sources back to test on.
        config: sizes; the rate is that of the waves.
        steps: optimiser steps.
        batch: sounds per step, no sound twice; each comes in two views.
        seed: of everything random.
        progress: called with (steps done, steps in all, loss) after each step.

    Raises:
        DataError: when there are fewer sounds than a batch needs.
    """
    if int((examples.weights > 0).sum()) < batch:
        raise DataError(f"Ears need {batch} sounds at least, one batch, to be trained on; give more.")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        ears = Ears(config or EarsConfig()).train()
        heads = _Heads(ears.dimensions, int(examples.labels.max()) + 1, examples.tags.shape[1])
    parameters = [*ears.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=_PEAK_RATE, weight_decay=_DECAY)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, _PEAK_RATE, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        pick = torch.multinomial(examples.weights, batch, generator=generator)
        waves = torch.cat([view(examples.waves[pick], ears.rate, (seed, step, side)) for side in (0, 1)])
        loss = heads(ears(waves), examples.labels[pick].repeat(2), examples.tags[pick].repeat(2, 1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        if progress:
            progress(step + 1, steps, loss.item())
    return _calibrated(ears.eval(), examples.waves[examples.weights > 0]).requires_grad_(False)


def view(waves: Tensor, rate: int, seed: tuple[int, ...]) -> Tensor:
    """Waves `[B, C, N]` recorded slightly otherwise: another gain, polarity, colour, start and noise."""
    randoms = [np.random.default_rng((*seed, item)) for item in range(len(waves))]
    changed = augment(waves, rate, VIEWS, randoms)[0]
    peak = changed.abs().amax(dim=(1, 2), keepdim=True)
    decibels = torch.tensor([random.uniform(-80, -50) for random in randoms])[:, None, None]
    noise = np.stack([random.standard_normal(waves.shape[1:], np.float32) for random in randoms])
    return changed + peak * 10 ** (decibels / 20) * torch.from_numpy(noise)


def contrast(first: Tensor, second: Tensor) -> Tensor:
    """NT-Xent of two views `[B, P]` of the same sounds; log(2 B - 1) where nothing is told apart."""
    views = F.normalize(torch.cat([first, second]), dim=1)
    count = len(views)
    likeness = (views @ views.T / _TEMPERATURE).fill_diagonal_(-torch.inf)
    return F.cross_entropy(likeness, torch.arange(count).roll(count // 2))


class _Heads(nn.Module):
    """What makes losses of vectors."""

    def __init__(self, dimensions: int, labels: int, tags: int) -> None:
        super().__init__()
        self.label, self.tags = nn.Linear(dimensions, labels), nn.Linear(dimensions, tags)
        self.projection = nn.Sequential(
            nn.Linear(dimensions, dimensions), nn.ReLU(), nn.Linear(dimensions, _PROJECTION)
        )

    def forward(self, vectors: Tensor, labels: Tensor, tags: Tensor) -> Tensor:
        """The sum of the three losses for both views `[2 B, D]`, the first of all, then the second."""
        called = F.cross_entropy(self.label(vectors), labels, ignore_index=NO_LABEL, label_smoothing=0.1)
        tagged = F.binary_cross_entropy_with_logits(self.tags(vectors), tags.float())
        return called + _TAGS_WEIGHT * tagged + contrast(*self.projection(vectors).chunk(2))


@torch.no_grad()
def _calibrated(ears: Ears, waves: Tensor) -> Ears:
    """Give every dimension mean 0 and variance 1 over the sounds as they are."""
    last = ears.out[-1]
    assert isinstance(last, nn.BatchNorm1d)
    last.reset_running_stats()  # to mean 0 and variance 1: what comes is passed on as it is
    vectors = torch.cat(
        [ears(part) for part in torch.split(waves, 64)]
    )  # with mean 0 and variance 1: as they come
    last.running_mean, last.running_var = vectors.mean(dim=0), vectors.var(dim=0)
    return ears
