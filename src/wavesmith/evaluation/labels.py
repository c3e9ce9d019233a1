"""Are sounds what they were asked to be, in the ears of a judge that never steered?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from wavesmith.classifiers import Classifier, confusion, predict, train_judge
from wavesmith.errors import RequestError
from wavesmith.evaluation.bootstrap import Estimate, share
from wavesmith.evaluation.embedding_library import Library

FEWEST = 8
"""Sounds of a label that a judge needs to be trained."""

_MOST_BYTES = 400_000_000
_MOST_SOUNDS = 4000
_HIGHEST_RATE = 22_050  # enough to tell labels apart, and four times as quick
_BATCH = 64

Progress = Callable[[str, int, int], None]


class Named(BaseModel):
    """How often a judge names sounds as they were asked for.

    Attributes:
        sounds: how many were judged.
        overall: share that is named right, all sounds together.
        labels: the same for the sounds of each label.
        confusion: `[i][j]` counts sounds asked for as label i that the judge calls label j.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    overall: Estimate
    labels: dict[str, Estimate]
    confusion: list[list[int]]


class LabelReport(BaseModel):
    """Accuracy of generated sounds, beside that of real ones that the judge has not heard.

    Attributes:
        classes: labels in the order of the confusion.
        judge: who judged.
        trained_on: how many sounds it learned from, if it was trained for this report.
        generated: what it makes of the generated sounds.
        real: of held-out real ones, which says how far it can be trusted; None if there are none.
    """

    model_config = ConfigDict(frozen=True)

    classes: tuple[str, ...]
    judge: str
    trained_on: int | None
    generated: Named
    real: Named | None


def judge_labels(
    judge: Classifier,
    generated: Library,
    held_out: Library | None,
    *,
    name: str,
    trained_on: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> LabelReport:
    """Ask a judge about all sounds that have a label.

    Raises:
        RequestError: when the judge is one that steers, or knows none of the labels.
    """
    if judge.config.noisy:
        raise RequestError(
            "This judge hears through noise, as those that steer do, and what steers must not judge; "
            "leave it out, and one is trained on the real sounds."
        )
    named = _named(judge, generated, "judging", workers, progress)
    if named is None:
        raise RequestError(
            "The judge knows none of the labels of the generated sounds; its labels are: "
            f"{', '.join(judge.classes)}."
        )
    real = None if held_out is None else _named(judge, held_out, "judging real sounds", workers, progress)
    return LabelReport(classes=judge.classes, judge=name, trained_on=trained_on, generated=named, real=real)


def fresh_judge(
    training: Library,
    out: Path,
    *,
    steps: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[Classifier, int]:
    """Train a judge on real sounds, or take the one that a folder has already; also how many it learned from.

    Of very many sounds it learns from some thousands, evenly picked. `steps` of 32 sounds each are, if None,
    as many as make 64 looks at every sound, 100 to 600.

    Raises:
        RequestError: when there are not two labels with 8 sounds each.
    """
    counts = Counter(file.label for file in training.files)
    classes = sorted(label for label, count in counts.items() if label is not None and count >= FEWEST)
    if len(classes) < 2:
        raise RequestError(f"A judge of labels needs at least two labels with {FEWEST} real sounds each.")
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
    for place, wave in enumerate(chosen.waves(rate, workers)):
        waves[place, 0] = torch.from_numpy(wave.copy())
    judge, _ = train_judge(
        waves,
        torch.tensor([classes.index(file.label or "") for file in chosen.files]),
        classes,
        rate=rate,
        steps=steps,
        seed=seed,
        progress=lambda done, total, loss: progress("training a judge", done, total) if progress else None,
    )
    judge.save(folder)
    return judge, len(chosen)


def _named(
    judge: Classifier, sounds: Library, stage: str, workers: int | None, progress: Progress | None
) -> Named | None:
    """What the judge calls sounds of labels that it knows; None if there are none."""
    known = [i for i, file in enumerate(sounds.files) if file.label in judge.classes]
    if not known:
        return None
    chosen = sounds.select(known)
    asked = torch.tensor([judge.classes.index(file.label or "") for file in chosen.files])
    called = torch.empty_like(asked)
    batch: list[Tensor] = []
    for place, wave in enumerate(chosen.waves(judge.config.rate, workers), start=1):
        batch.append(torch.from_numpy(wave.copy())[None])
        if len(batch) == _BATCH or place == len(chosen):
            called[place - len(batch) : place] = predict(judge, torch.stack(batch))
            batch = []
            if progress:
                progress(stage, place, len(chosen))
    table = confusion(asked, called, len(judge.classes))
    rows = {label: row for label, row in zip(judge.classes, table.tolist(), strict=True) if sum(row)}
    return Named(
        sounds=len(chosen),
        overall=share(int(table.trace()), len(chosen)),
        labels={label: share(row[judge.classes.index(label)], sum(row)) for label, row in rows.items()},
        confusion=table.tolist(),
    )
