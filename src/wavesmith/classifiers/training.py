"""The objective of a classifier, and its training on labelled waves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pydantic import BaseModel
from torch import Tensor
from torch.nn import functional as F

from wavesmith.classifiers.classifier import Classifier, ClassifierConfig, accuracy, confusion, predict
from wavesmith.classifiers.fitting import (
    LabelledWaves,
    Progress,
    fit_examples,
    one_rise_and_fall,
    random_stream,
)
from wavesmith.errors import DataError
from wavesmith.families.objective import Batch, Objective

_LABEL_SMOOTHING = 0.1


class ClassifierReport(BaseModel):
    """Training of a classifier and its accuracy (None: nothing was held out).

    `confusion[i][j]` counts held-out sounds of class i that were predicted as class j.
    """

    classes: tuple[str, ...]
    trained_on: int
    steps: int
    accuracy: float
    held_out: int = 0
    held_out_accuracy: float | None = None
    confusion: list[list[int]] | None = None


def classifier_objective(classifier: Classifier, seed: int) -> Objective:
    """Return the cross-entropy with label smoothing of 0.1 (Szegedy et al. 2016) under `perturb`.

    Half of the waves of a `noisy` classifier get white noise. Examples need a label each.
    """

    def loss(batch: Batch) -> Tensor:
        generator = random_stream(seed, batch)
        waves, sigma = perturb(batch.wave, generator), None
        if classifier.config.noisy:
            waves, sigma = _add_noise(waves, generator)
        logits = classifier(waves, sigma)
        return F.cross_entropy(logits, batch.label, reduction="none", label_smoothing=_LABEL_SMOOTHING)

    return Objective("classification", list(classifier.parameters()), loss)


def train_classifier(
    waves: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    *,
    rate: int = 44100,
    held_out: Tensor | None = None,
    steps: int = 800,
    batch: int = 32,
    noisy: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Classifier, ClassifierReport]:
    """Train a classifier on labelled waves; classes are drawn equally often.

    Args:
        waves: `[N, C, L]`.
        labels: class numbers `[N]`.
        classes: names of the classes.
        rate: samples per second of the waves.
        held_out: which sounds `[N]` (bool) are for testing only. Hold out whole groups of related sounds,
            otherwise the accuracy is too high.
        steps: optimizer steps.
        batch: sounds per step.
        noisy: train under white noise, half of the time, as a guide needs.
        seed: of everything random.
        progress: called with (steps done, steps in all, loss) after each step.

    Raises:
        DataError: when a sound has no label among the classes, or a class has no sound to train on.
    """
    if len(labels) != len(waves) or not ((labels >= 0) & (labels < len(classes))).all():
        raise DataError("Every sound needs one label out of the classes; leave the others out.")
    train = torch.ones(len(waves), dtype=torch.bool) if held_out is None else ~held_out
    examples = LabelledWaves(
        waves.mean(dim=1, keepdim=True),
        F.one_hot(labels, len(classes)).float(),
        _balanced_weights(labels, classes, train),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier(ClassifierConfig(classes=tuple(classes), rate=rate, noisy=noisy)).train()
    config = one_rise_and_fall(steps, batch, seed, learning_rate=3e-3, weight_decay=0.02, rise=20)
    objective = classifier_objective(classifier, seed)
    fit_examples(classifier, objective, examples, config, replacement=True, progress=progress)
    return classifier.eval(), _report(classifier, examples.waves, labels, train, steps)


def perturb(waves: Tensor, generator: torch.Generator) -> Tensor:
    """Change waves `[B, C, N]` in ways that preserve their label: return `[B, C, M]`, 0.6 N <= M <= N.

    A cut of the end, a delay of up to N / 64, colour (a soft echo after 1 to 16 samples, which tilts or
    ripples the spectrum by up to +-6 dB), gain of +-6 dB, polarity, and white noise of -90 to -50 dBFS.
    """
    count, channels, frames = waves.shape

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator)

    def integers(low: int, high: int, size: tuple[int, ...] = ()) -> Tensor:
        return torch.randint(low, high + 1, size, generator=generator)

    length, longest_delay = int(integers(math.ceil(0.6 * frames), frames)), frames // 64
    first = integers(0, longest_delay, (count, 1, 1)) + torch.arange(length)
    waves = F.pad(waves, (longest_delay, 0)).gather(2, first.expand(count, channels, length))
    echo = int(integers(1, 16))
    waves = waves + uniform(-0.5, 0.5) * F.pad(waves, (echo, -echo))
    waves = waves * 10 ** (uniform(-6, 6) / 20) * (2 * integers(0, 1, (count, 1, 1)) - 1)
    return waves + 10 ** (uniform(-90, -50) / 20) * torch.randn(waves.shape, generator=generator)


def _add_noise(waves: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Add noise of 0.001 to 3 times the peak to half of the waves `[B, C, N]`; return levels `[B]`, too."""
    exponent = -3 + 3.5 * torch.rand(len(waves), generator=generator)
    sigma = 10**exponent * (torch.rand(len(waves), generator=generator) < 0.5)
    peak = waves.abs().amax(dim=(1, 2))
    noise = torch.randn(waves.shape, generator=generator)
    return waves + (sigma * peak)[:, None, None] * noise, sigma


def _balanced_weights(labels: Tensor, classes: Sequence[str], train: Tensor) -> Tensor:
    """Return weights `[N]` that are equal in sum for every class, and 0 for held-out sounds."""
    counts = torch.bincount(labels[train], minlength=len(classes))
    if missing := [name for name, count in zip(classes, counts.tolist(), strict=True) if count == 0]:
        raise DataError(f"No sound to train on is labelled {', '.join(missing)}; add some or drop the label.")
    return train / counts[labels]


def _report(
    classifier: Classifier, waves: Tensor, labels: Tensor, train: Tensor, steps: int
) -> ClassifierReport:
    tables = [
        confusion(labels[part], predict(classifier, waves[part]), len(classifier.classes))
        for part in (train, ~train)
        if part.any()
    ]
    accuracies = [accuracy(table) for table in tables]
    tested = len(tables) > 1
    return ClassifierReport(
        classes=classifier.classes,
        trained_on=int(train.sum()),
        steps=steps,
        accuracy=accuracies[0],
        held_out=int((~train).sum()),
        held_out_accuracy=accuracies[1] if tested else None,
        confusion=tables[1].tolist() if tested else None,
    )
