"""Label accuracy of generated sounds, by a classifier that is not used as a guide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from wavesmith.classifiers import Classifier, confusion, predict, train_classifier
from wavesmith.errors import RequestError
from wavesmith.evaluation.bootstrap import Estimate, share
from wavesmith.evaluation.embedding_library import EmbeddingLibrary
from wavesmith.evaluation.fields import renamed

FEWEST = 8
"""Sounds of a label that a classifier needs to be trained."""

_MOST_BYTES = 400_000_000
_MOST_SOUNDS = 4000
_HIGHEST_RATE = 22_050  # enough for labels, and four times as fast as 44.1 kHz with its longer spectra
_BATCH = 64

Progress = Callable[[str, int, int], None]


class LabelAccuracy(BaseModel):
    """Accuracy of a classifier's predictions of the labels of sounds.

    Attributes:
        sounds: number of sounds that were classified.
        overall: share of them whose label is predicted.
        labels: the same for the sounds of each label.
        confusion: `[i][j]` counts sounds of label i that are predicted as label j.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    overall: Estimate
    labels: dict[str, Estimate]
    confusion: list[list[int]]


class LabelReport(BaseModel):
    """Label accuracy of generated sounds and of held-out real ones.

    Attributes:
        classes: labels in the order of the confusion.
        classifier: its folder or origin.
        trained_on: number of its training sounds, if it was trained for this report.
        generated: accuracy on generated sounds; their labels are those that were requested.
        held_out: accuracy on held-out real sounds, which limits how far the other can be trusted; None if
            there are none.
    """

    model_config = ConfigDict(frozen=True)

    classes: tuple[str, ...]
    classifier: str = renamed("classifier", "judge")
    trained_on: int | None
    generated: LabelAccuracy
    held_out: LabelAccuracy | None = renamed("held_out", "real")


def measure_labels(
    classifier: Classifier,
    generated: EmbeddingLibrary,
    held_out: EmbeddingLibrary | None,
    *,
    name: str,
    trained_on: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> LabelReport:
    """Classify all sounds that have a label.

    Raises:
        RequestError: when the classifier was trained for guidance, or has none of the labels.
    """
    if classifier.config.noisy:
        raise RequestError(
            "This classifier was trained under noise, for guidance, and a guide must not measure; leave it "
            "out, and one is trained on the real sounds."
        )
    accuracy = _accuracy(classifier, generated, "classifying generated sounds", workers, progress)
    if accuracy is None:
        raise RequestError(
            "The classifier has none of the labels of the generated sounds; its labels are: "
            f"{', '.join(classifier.classes)}."
        )
    return LabelReport(
        classes=classifier.classes,
        classifier=name,
        trained_on=trained_on,
        generated=accuracy,
        held_out=None
        if held_out is None
        else _accuracy(classifier, held_out, "classifying real sounds", workers, progress),
    )


def classifier_of(
    training: EmbeddingLibrary,
    out: Path,
    *,
    steps: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[Classifier, int]:
    """Return a classifier of real sounds and the number of its training sounds.

    It is trained once and kept in a folder below `out`. Of more than some thousand sounds, evenly spaced ones
    are used. By default it takes two steps of 32 sounds for each sound, 100 to 600 in all.

    Raises:
        RequestError: when there are not two labels with 8 sounds each.
    """
    counts = Counter(file.label for file in training.files)
    classes = sorted(label for label, count in counts.items() if label is not None and count >= FEWEST)
    if len(classes) < 2:
        raise RequestError(f"A classifier needs at least two labels with {FEWEST} real sounds each.")
    rate = min(int(np.median([file.rate for file in training.files])), _HIGHEST_RATE)
    most = min(_MOST_SOUNDS, int(_MOST_BYTES / (4 * training.seconds * rate)))
    usable = [index for index, file in enumerate(training.files) if file.label in classes]
    chosen = training.select(usable[:: -(-len(usable) // most)])
    steps = steps or min(max(2 * len(chosen), 100), 600)
    key = "\n".join([f"{rate} {training.seconds} {steps} {seed}", *(file.sha256 for file in chosen.files)])
    folder = out / sha256(key.encode()).hexdigest()[:16]
    if folder.is_dir():
        return Classifier.load(folder), len(chosen)
    waves = torch.empty(len(chosen), 1, max(1, round(training.seconds * rate)))
    for index, wave in enumerate(chosen.waves(rate, workers)):
        waves[index, 0] = torch.from_numpy(wave.copy())
    classifier, _ = train_classifier(
        waves,
        torch.tensor([classes.index(file.label or "") for file in chosen.files]),
        classes,
        rate=rate,
        steps=steps,
        seed=seed,
        progress=lambda done, total, loss: (
            progress("training a classifier", done, total) if progress else None
        ),
    )
    classifier.save(folder)
    return classifier, len(chosen)


def _accuracy(
    classifier: Classifier,
    sounds: EmbeddingLibrary,
    stage: str,
    workers: int | None,
    progress: Progress | None,
) -> LabelAccuracy | None:
    """Return the accuracy on sounds of the classifier's labels; None if there are none."""
    classes = classifier.classes
    chosen = sounds.select([i for i, file in enumerate(sounds.files) if file.label in classes])
    if not len(chosen):
        return None
    labels = torch.tensor([classes.index(file.label or "") for file in chosen.files])
    predicted = torch.empty_like(labels)
    batch: list[Tensor] = []
    for done, wave in enumerate(chosen.waves(classifier.config.rate, workers), start=1):
        batch.append(torch.from_numpy(wave.copy())[None])
        if len(batch) == _BATCH or done == len(chosen):
            predicted[done - len(batch) : done] = predict(classifier, torch.stack(batch))
            batch = []
            if progress:
                progress(stage, done, len(chosen))
    table = confusion(labels, predicted, len(classes))
    rows = {label: row for label, row in zip(classes, table.tolist(), strict=True) if sum(row)}
    return LabelAccuracy(
        sounds=len(chosen),
        overall=share(int(table.trace()), len(chosen)),
        labels={label: share(row[classes.index(label)], sum(row)) for label, row in rows.items()},
        confusion=table.tolist(),
    )
