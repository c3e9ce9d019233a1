"""Train `ears`: what a sound is called, and that a sound slightly changed is still the same sound.

Three losses are added. Cross entropy tells the labels apart. Binary cross entropy (ten times its mean) tells
which tags a sound has. The third is NT-Xent (Chen et al. 2020, "A simple framework for contrastive learning
of visual representations", eq. 1): two views of one sound shall be nearer to each other than to any other
view in the batch, as cosines at a temperature. The heads that the losses need are left behind at the end.

Views differ by a later start, a tilt of the spectrum and noise. All but the start is done to the
spectrograms, which makes training three times as quick; gain and polarity change nothing in these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.descriptors.mel import FLOOR_DB, LogMel
from wavesmith.embeddings.ears import Ears, EarsConfig
from wavesmith.errors import DataError

NO_LABEL = -1

_STARTS = (0.0, 0.0033, 0.0067, 0.01)  # seconds by which views begin later
_TILT = 2.0  # dB per octave at most, up or down
_NOISE_DB = (-75.0, -40.0)  # re the loudest cell
_TEMPERATURE = 0.2
_TAGS_WEIGHT = 10.0
_PROJECTION = 64
_PEAK_RATE, _DECAY = 2e-3, 0.05
_CHUNK = 64


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
    steps: int = 400,
    batch: int = 64,
    seed: int = 0,
    bf16: bool = False,
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
        bf16: compute in bfloat16 where that does no harm, which some CPUs are several times quicker at.
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
    views = Views(ears, examples.waves)
    parameters = [*ears.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=_PEAK_RATE, weight_decay=_DECAY)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, _PEAK_RATE, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        pick = torch.multinomial(examples.weights, batch, generator=generator).repeat(2)
        pictures = views.of(pick, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            vectors = ears.recognise(pictures)
        loss = heads(vectors.float(), examples.labels[pick], examples.tags[pick])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        if progress:
            progress(step + 1, steps, loss.item())
    return _calibrated(ears.eval(), views).requires_grad_(False)


class Views:
    """Spectrograms of sounds as they might have been recorded too."""

    @torch.no_grad()
    def __init__(self, ears: Ears, waves: Tensor) -> None:
        """`waves` `[N, 1, frames]`; takes memory for four spectrograms of each."""
        later = [round(seconds * ears.rate) for seconds in _STARTS]
        self.pictures = torch.stack([_pictures(ears, waves, frames) for frames in later])
        mels = [mel for mel in ears.mels if isinstance(mel, LogMel)]
        self.noise = torch.stack([_white_noise(mel) for mel in mels])[..., None]
        self.octaves = torch.stack([_octaves(mel, ears.rate) for mel in mels])[..., None]

    def of(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """A view of each sound, `[B, windows, bands, T]` in dB."""
        count = len(indices)

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)

        start = torch.randint(len(_STARTS), (count,), generator=generator)
        tilted = self.pictures[start, indices] + uniform(-_TILT, _TILT) * self.octaves
        power = _power(tilted) + _power(uniform(*_NOISE_DB)) * self.noise
        floor = _power(torch.tensor(FLOOR_DB))
        return 10 * torch.log10(power / power.amax(dim=(2, 3), keepdim=True) * (1 - floor) + floor)


def contrast(first: Tensor, second: Tensor) -> Tensor:
    """NT-Xent of two views `[B, P]` of the same sounds; log(2 B - 1) where nothing is told apart."""
    views = F.normalize(torch.cat([first, second]), dim=1)
    count = len(views)
    likeness = (views @ views.T / _TEMPERATURE).masked_fill(torch.eye(count, dtype=torch.bool), -torch.inf)
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
def _calibrated(ears: Ears, views: Views) -> Ears:
    """Give every dimension mean 0 and variance 1 over the sounds as they are."""
    last = ears.out[-1]
    assert isinstance(last, nn.BatchNorm1d)
    last.reset_running_stats()  # to mean 0 and variance 1: what comes is passed on as it is
    vectors = torch.cat([ears.recognise(part) for part in torch.split(views.pictures[0], _CHUNK)])
    last.running_mean, last.running_var = vectors.mean(dim=0), vectors.var(dim=0)
    return ears


def _pictures(ears: Ears, waves: Tensor, later: int) -> Tensor:
    begun = F.pad(waves[:, 0], (later, 0))[:, : ears.config.frames]
    return torch.cat([ears.pictures(part) for part in torch.split(begun, _CHUNK)])


def _white_noise(mel: LogMel) -> Tensor:
    """The power of white noise of power 1 in each band, `[bands]`."""
    return mel.taper.square().sum() * mel.filters.sum(dim=1)


def _octaves(mel: LogMel, rate: int) -> Tensor:
    """How many octaves each band lies above 1 kHz, `[bands]`."""
    hertz = torch.linspace(0, rate / 2, mel.filters.shape[1])
    centres = (mel.filters * hertz).sum(dim=1) / mel.filters.sum(dim=1)
    return (centres / 1000).log2()


def _power(decibels: Tensor) -> Tensor:
    return torch.exp(decibels * (math.log(10) / 10))
