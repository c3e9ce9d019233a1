"""The objective of the embedding `mel_cnn`, and its training.

Three losses are added: cross-entropy of the label; binary cross-entropy of the tags (ten times its mean);
and NT-Xent (Chen et al. 2020, "A simple framework for contrastive learning of visual representations",
eq. 1), by which two views of one sound become nearer to each other than to any other view in the batch. The
heads that the losses need are discarded afterwards.

Views differ by a later start, a tilt of the spectrum and noise; gain and polarity do not change spectrograms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.classifiers.fitting import (
    LabelledWaves,
    Progress,
    fit_examples,
    one_rise_and_fall,
    random_stream,
)
from wavesmith.descriptors.log_mel import FLOOR_DB, LogMel
from wavesmith.embeddings.mel_cnn import MelCnn, MelCnnConfig
from wavesmith.errors import DataError
from wavesmith.families.objective import Batch, Objective

NO_LABEL = -1

_LATEST_START = 0.01  # seconds
_TILT = 2.0  # dB per octave at most, up or down
_NOISE_DB = (-75.0, -40.0)  # re the loudest cell
_TEMPERATURE = 0.2
_LABEL_SMOOTHING = 0.1
_TAGS_WEIGHT = 10.0
_PROJECTION = 64
_CHUNK = 64


class EmbeddingExamples(NamedTuple):
    """Training examples of an embedding.

    `waves` `[N, 1, frames]`; `labels` int64 `[N]`, -1 for none; `tags` bool `[N, T]`; `weights` `[N]`,
    proportional to how often each is drawn.
    """

    waves: Tensor
    labels: Tensor
    tags: Tensor
    weights: Tensor


class Heads(nn.Module):
    """Layers on top of an embedding that its losses need."""

    def __init__(self, dimensions: int, labels: int, tags: int) -> None:
        super().__init__()
        self.label, self.tags = nn.Linear(dimensions, labels), nn.Linear(dimensions, tags)
        self.projection = nn.Sequential(
            nn.Linear(dimensions, dimensions), nn.ReLU(), nn.Linear(dimensions, _PROJECTION)
        )

    def forward(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """Return losses `[B]` of vectors `[B, D]`; `targets` `[B, labels + tags]` are weights and flags."""
        labels, tags = torch.split(targets, [self.label.out_features, self.tags.out_features], dim=1)
        by_label = F.cross_entropy(
            self.label(vectors), labels, reduction="none", label_smoothing=_LABEL_SMOOTHING
        )
        by_tag = F.binary_cross_entropy_with_logits(self.tags(vectors), tags, reduction="none")
        tag_loss = by_tag.sum(dim=1) / max(1, tags.shape[1])
        losses: Tensor = by_label * labels.sum(dim=1) + _TAGS_WEIGHT * tag_loss
        return losses


def embedding_objective(embedding: MelCnn, heads: Heads, seed: int, *, bf16: bool = False) -> Objective:
    """Return the loss of an embedding and its heads; `bf16` computes the convolutions in bfloat16."""
    views = Views(embedding)

    def loss(batch: Batch) -> Tensor:
        generator = random_stream(seed, batch)
        pairs = torch.cat([views(batch.wave, generator) for _ in range(2)])
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            vectors = embedding.project(pairs)
        vectors = vectors.float()
        losses: Tensor = heads(vectors, batch.label.repeat(2, 1))
        losses = losses + contrast(*heads.projection(vectors).chunk(2))
        return losses.reshape(2, -1).mean(dim=0)

    return Objective("embedding", [*embedding.parameters(), *heads.parameters()], loss)


def train_embedding(
    examples: EmbeddingExamples,
    config: MelCnnConfig | None = None,
    *,
    steps: int = 400,
    batch: int = 64,
    seed: int = 0,
    bf16: bool = False,
    progress: Progress | None = None,
) -> MelCnn:
    """Train an embedding on labelled and tagged sounds; the same arguments give the same embedding.

    Args:
        examples: the sounds; hold back whole sources for tests.
        config: sizes; the rate is that of the waves.
        steps: optimizer steps.
        batch: sounds per step, no sound twice; each comes in two views.
        seed: of everything random.
        bf16: compute in bfloat16 where it does no harm, which is several times faster on some CPUs.
        progress: called with (steps done, steps in all, loss) after each step.

    Raises:
        DataError: when there are fewer sounds than a batch needs.
    """
    if int((examples.weights > 0).sum()) < batch:
        raise DataError(f"An embedding needs one batch of {batch} sounds at least; give more.")
    labels = int(examples.labels.max()) + 1
    one_hot = F.one_hot(examples.labels.clamp_min(0), labels) * (examples.labels != NO_LABEL)[:, None]
    targets = torch.cat([one_hot.float(), examples.tags.float()], dim=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        embedding = MelCnn(config or MelCnnConfig()).train()
        heads = Heads(embedding.dimensions, labels, examples.tags.shape[1])
    fitting = one_rise_and_fall(steps, batch, seed, learning_rate=2e-3, weight_decay=0.05, rise=10)
    objective = embedding_objective(embedding, heads, seed, bf16=bf16)
    drawn = LabelledWaves(examples.waves, targets, examples.weights)
    module = nn.ModuleList([embedding, heads])
    fit_examples(module, objective, drawn, fitting, replacement=False, progress=progress)
    return _standardised(embedding.eval(), examples.waves).requires_grad_(False)


class Views:
    """Random spectrograms of sounds, as other recordings of them would have."""

    def __init__(self, embedding: MelCnn) -> None:
        self.embedding = embedding
        mels = [mel for mel in embedding.mels if isinstance(mel, LogMel)]
        self.noise = torch.stack([_white_noise(mel) for mel in mels])[..., None]
        self.octaves = torch.stack([_octaves(mel, embedding.rate) for mel in mels])[..., None]

    @torch.no_grad()
    def __call__(self, waves: Tensor, generator: torch.Generator) -> Tensor:
        """Return a view of each wave `[B, 1, frames]`, `[B, windows, bands, T]` in dB."""
        count, frames = len(waves), self.embedding.config.frames

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)

        latest = round(_LATEST_START * self.embedding.rate)
        first = latest - torch.randint(latest + 1, (count, 1), generator=generator)
        delayed = F.pad(waves[:, 0], (latest, 0)).gather(1, first + torch.arange(frames))
        levels = self.embedding.spectrograms(delayed) + uniform(-_TILT, _TILT) * self.octaves
        power = _power(levels) + _power(uniform(*_NOISE_DB)) * self.noise
        floor = _power(torch.tensor(FLOOR_DB))
        return 10 * torch.log10(power / power.amax(dim=(2, 3), keepdim=True) * (1 - floor) + floor)


def contrast(first: Tensor, second: Tensor) -> Tensor:
    """Return NT-Xent `[2 B]` of two views `[B, P]` of the same sounds; log(2 B - 1) if all are alike."""
    views = F.normalize(torch.cat([first, second]), dim=1)
    count = len(views)
    similarity = (views @ views.T / _TEMPERATURE).masked_fill(torch.eye(count, dtype=torch.bool), -torch.inf)
    return F.cross_entropy(similarity, torch.arange(count).roll(count // 2), reduction="none")


@torch.no_grad()
def _standardised(embedding: MelCnn, waves: Tensor) -> MelCnn:
    """Give every dimension mean 0 and variance 1 over waves `[N, 1, frames]`."""
    last = embedding.out[-1]
    assert isinstance(last, nn.BatchNorm1d)
    last.reset_running_stats()  # to mean 0 and variance 1, so that vectors come unnormalised
    vectors = torch.cat(
        [embedding.project(embedding.spectrograms(part[:, 0])) for part in torch.split(waves, _CHUNK)]
    )
    last.running_mean, last.running_var = vectors.mean(dim=0), vectors.var(dim=0)
    return embedding


def _white_noise(mel: LogMel) -> Tensor:
    """Return the power of white noise of power 1 in each band, `[bands]`."""
    return mel.taper.square().sum() * mel.filters.sum(dim=1)


def _octaves(mel: LogMel, rate: int) -> Tensor:
    """Return how many octaves each band lies above 1 kHz, `[bands]`."""
    hertz = torch.linspace(0, rate / 2, mel.filters.shape[1])
    centres = (mel.filters * hertz).sum(dim=1) / mel.filters.sum(dim=1)
    return (centres / 1000).log2()


def _power(decibels: Tensor) -> Tensor:
    return torch.exp(decibels * (math.log(10) / 10))
