"""Train a judge on labelled sounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from pydantic import BaseModel
from torch import Tensor
from torch.nn import functional as F

from wavesmith.classifiers.classifier import Classifier, ClassifierConfig, confusion, predict, share_right
from wavesmith.errors import DataError


class JudgeReport(BaseModel):
    """How a judge was trained and how often it was right (None: nothing was held out).

    `confusion[i][j]` counts held-out sounds of class i that were called class j.
    """

    classes: tuple[str, ...]
    trained_on: int
    steps: int
    accuracy: float
    held_out: int = 0
    held_out_accuracy: float | None = None
    confusion: list[list[int]] | None = None


def train_judge(
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
    progress: Callable[[int, int, float], None] | None = None,
) -> tuple[Classifier, JudgeReport]:
    """Train a judge on labelled sounds.

    Classes are drawn equally often; every draw is changed a little (`disturb`) and cut to a random length, so
    that level, polarity, timing and duration carry no weight. AdamW, one cycle of the learning rate, label
    smoothing of 0.1 (Szegedy et al. 2016).

    Args:
        waves: `[N, C, L]`.
        labels: class numbers `[N]`.
        classes: names of the classes.
        rate: frames per second of the waves.
        held_out: which sounds `[N]` (bool) to keep away from training and to test on. Hold out whole groups
            of related sounds, otherwise the answer flatters.
        steps: optimiser steps.
        batch: sounds per step.
        noisy: train it to hear through white noise, half of the time, as judges that steer must.
        seed: of everything random.
        progress: called with (steps done, steps in all, loss) after each step.

    Raises:
        DataError: when a sound has no label among the classes, or a class has no sound to train on.
    """
    if len(labels) != len(waves) or not ((labels >= 0) & (labels < len(classes))).all():
        raise DataError("Every sound needs one label out of the judge's classes; leave the others out.")
    train = torch.ones(len(waves), dtype=torch.bool) if held_out is None else ~held_out
    weights = _class_weights(labels, classes, train)
    waves = waves.mean(dim=1, keepdim=True)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = Classifier(ClassifierConfig(classes=tuple(classes), rate=rate, noisy=noisy)).train()
    optimiser = torch.optim.AdamW(judge.parameters(), lr=1, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _learning_rate(step / steps))
    for step in range(steps):
        pick = torch.multinomial(weights, batch, replacement=True, generator=generator)
        heard, sigma = _under_noise(disturb(waves[pick], generator), noisy, generator)
        logits = judge(heard, sigma)
        loss = F.cross_entropy(logits, labels[pick], label_smoothing=0.1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if progress:
            progress(step + 1, steps, loss.item())
    return judge.eval(), _report(judge, waves, labels, train, steps)


def _under_noise(waves: Tensor, noisy: bool, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Half of the waves `[B, C, N]` under noise of 0.001 to 3 times their peak, and how much each has."""
    if not noisy:
        return waves, None
    exponent = -3 + 3.5 * torch.rand(len(waves), generator=generator)
    sigma = 10**exponent * (torch.rand(len(waves), generator=generator) < 0.5)
    peak = waves.abs().amax(dim=(1, 2))
    noise = torch.randn(waves.shape, generator=generator)
    return waves + (sigma * peak)[:, None, None] * noise, sigma


def disturb(waves: Tensor, generator: torch.Generator) -> Tensor:
    """Change waves `[B, C, N]` in ways that leave their label: the result is `[B, C, M]`, 0.6 N <= M <= N.

    A cut of the end, a delay of up to N / 64, colour (a soft echo after 1 to 16 frames, which tilts or
    ripples the spectrum by up to +-6 dB), gain of +-6 dB, polarity, and white noise of -90 to -50 dBFS.
    """
    count, channels, frames = waves.shape

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator)

    def whole(low: int, high: int, size: tuple[int, ...] = ()) -> Tensor:
        return torch.randint(low, high + 1, size, generator=generator)

    length, longest_delay = int(whole(math.ceil(0.6 * frames), frames)), frames // 64
    first = whole(0, longest_delay, (count, 1, 1)) + torch.arange(length)
    waves = F.pad(waves, (longest_delay, 0)).gather(2, first.expand(count, channels, length))
    echo = int(whole(1, 16))
    waves = waves + uniform(-0.5, 0.5) * F.pad(waves, (echo, -echo))
    waves = waves * 10 ** (uniform(-6, 6) / 20) * (2 * whole(0, 1, (count, 1, 1)) - 1)
    return waves + 10 ** (uniform(-90, -50) / 20) * torch.randn(waves.shape, generator=generator)


def _class_weights(labels: Tensor, classes: Sequence[str], train: Tensor) -> Tensor:
    """Chances `[N]` of being drawn: equal for every class, none for what is held out."""
    counts = torch.bincount(labels[train], minlength=len(classes))
    if missing := [name for name, count in zip(classes, counts.tolist(), strict=True) if count == 0]:
        raise DataError(f"No sound to train on is labelled {', '.join(missing)}; add some or drop the label.")
    return train / counts[labels]


def _learning_rate(done: float, peak: float = 3e-3, warm_up: float = 0.05) -> float:
    """Linear warm-up, then half a cosine to zero; `done` runs from 0 to 1."""
    return peak * min(done / warm_up, 0.5 + 0.5 * math.cos(math.pi * done))


def _report(judge: Classifier, waves: Tensor, labels: Tensor, train: Tensor, steps: int) -> JudgeReport:
    tables = [
        confusion(labels[part], predict(judge, waves[part]), len(judge.classes))
        for part in (train, ~train)
        if part.any()
    ]
    shares = [share_right(table) for table in tables]
    unseen = len(tables) > 1
    return JudgeReport(
        classes=judge.classes,
        trained_on=int(train.sum()),
        steps=steps,
        accuracy=shares[0],
        held_out=int((~train).sum()),
        held_out_accuracy=shares[1] if unseen else None,
        confusion=tables[1].tolist() if unseen else None,
    )
