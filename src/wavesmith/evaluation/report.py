"""One report on a generator: are its sounds what was asked for, like real ones, clean and new?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from wavesmith.data.fit import fit
from wavesmith.errors import RequestError, unknown
from wavesmith.evaluation.distances import (
    PrecisionRecall,
    frechet_distance,
    kernel_distance,
    precision_recall,
)
from wavesmith.evaluation.hygiene import Hygiene, hygiene
from wavesmith.evaluation.neighbours import nearest
from wavesmith.judges import Judge, confusion, features_of, share_right
from wavesmith.sound import Sound

NEIGHBOURS = 3

Labelled = Mapping[str, Sequence[Sound]]


class Likeness(BaseModel):
    """How like a set of real sounds a set of generated ones is; distances on the judge's features.

    Attributes:
        sounds: how many were generated.
        accuracy: share that the judge calls by the label they were asked for.
        frechet: `frechet_distance`.
        kernel: `kernel_distance`.
        precision_recall: `precision_recall` with k = 3.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    accuracy: float
    frechet: float
    kernel: float
    precision_recall: PrecisionRecall


class Novelty(BaseModel):
    """Median distances in dB (`nearest`), which show copying.

    Attributes:
        among: of a generated sound to the nearest other generated one: near 0, they are all alike.
        closest: of the two generated sounds that are most alike.
        to_training: of a generated sound to the nearest training sound.
        real_to_training: of a held-out sound, or else of a training sound, to the nearest (other) one.
        ratio: to_training / real_to_training; well below 1, training sounds are being copied.
        nearest: the smallest distance of a generated sound to a training sound.
    """

    model_config = ConfigDict(frozen=True)

    among: float
    closest: float
    to_training: float
    real_to_training: float
    ratio: float
    nearest: float


class Evaluation(BaseModel):
    """All measures of one set of generated sounds.

    `confusion[i][j]` counts sounds asked for as `classes[i]` that the judge calls `classes[j]`.
    """

    model_config = ConfigDict(frozen=True)

    classes: tuple[str, ...]
    confusion: list[list[int]]
    overall: Likeness
    labels: dict[str, Likeness]
    hygiene: Hygiene
    novelty: Novelty


def evaluate(
    generated: Labelled, training: Labelled, judge: Judge, *, held_out: Sequence[Sound] = ()
) -> Evaluation:
    """Measure generated sounds against real ones of the same labels.

    Distances have no scale of their own: `evaluate(held_out, training, judge)` says what real sounds score.
    The overall ones compare the mix of labels too.

    Args:
        generated: sounds by the label they were asked for; at least 4 each. Prefer hundreds: distances and
            shares of small sets are rough.
        training: the real sounds by label, at least 4 each; the generator's training set.
        judge: its classes include all labels. Everything is heard in mono at its rate, and cut or filled up
            with silence to the longest generated sound.
        held_out: real sounds that the generator has not seen, for the novelty.

    Raises:
        RequestError: when there is no sound, a label is unknown to the judge or has too few sounds.
    """
    for label, part in generated.items():
        if label not in judge.classes:
            raise RequestError(unknown("label", label, judge.classes))
        if min(len(part), len(training.get(label, ()))) <= NEIGHBOURS:
            few = f"at least {NEIGHBOURS + 1} generated and as many training sounds"
            raise RequestError(f"Too few sounds are labelled '{label}'; use {few}.")
    sounds = [sound for part in generated.values() for sound in part]
    checkups = hygiene(sounds)
    rate = judge.config.rate
    frames = round(max(sound.seconds for sound in sounds) * rate)
    fake = {label: waves_of(part, rate, frames) for label, part in generated.items()}
    real = {label: waves_of(training[label], rate, frames) for label in generated}
    unseen = waves_of(held_out, rate, frames) if held_out else None
    fake_features = {label: features_of(judge, waves) for label, waves in fake.items()}
    real_features = {label: features_of(judge, waves) for label, waves in real.items()}
    tables = {label: _calls(judge, label, features) for label, features in fake_features.items()}
    table = torch.stack([*tables.values()]).sum(dim=0)
    return Evaluation(
        classes=judge.classes,
        confusion=table.tolist(),
        overall=_likeness(_joined(fake_features), _joined(real_features), table),
        labels={
            label: _likeness(fake_features[label], real_features[label], tables[label]) for label in generated
        },
        hygiene=checkups,
        novelty=_novelty(_joined(fake), _joined(real), unseen, rate),
    )


def waves_of(sounds: Sequence[Sound], rate: int, frames: int) -> Tensor:
    """Sounds as mono waves `[N, 1, frames]` at a rate, cut (with a short fade) or filled up with silence."""
    return torch.stack([fit(sound.mono().resample(rate).tensor(), frames, rate) for sound in sounds])


def _joined(parts: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([*parts.values()])


def _calls(judge: Judge, label: str, features: Tensor) -> Tensor:
    """Confusion matrix of sounds that were all asked for by one label."""
    with torch.no_grad():
        called = judge.head(features).argmax(dim=1)
    return confusion(torch.full_like(called, judge.classes.index(label)), called, len(judge.classes))


def _likeness(fake: Tensor, real: Tensor, table: Tensor) -> Likeness:
    return Likeness(
        sounds=len(fake),
        accuracy=share_right(table),
        frechet=frechet_distance(fake, real),
        kernel=kernel_distance(fake, real),
        precision_recall=precision_recall(fake, real, NEIGHBOURS),
    )


def _novelty(fake: Tensor, training: Tensor, held_out: Tensor | None, rate: int) -> Novelty:
    to_training, _ = nearest(fake, training, rate=rate)
    real, _ = nearest(training, rate=rate) if held_out is None else nearest(held_out, training, rate=rate)
    among, _ = nearest(fake, rate=rate)
    usual = float(real.median())
    return Novelty(
        among=float(among.median()),
        closest=float(among.min()),
        to_training=float(to_training.median()),
        real_to_training=usual,
        ratio=float(to_training.median()) / max(usual, 1e-9),
        nearest=float(to_training.min()),
    )
