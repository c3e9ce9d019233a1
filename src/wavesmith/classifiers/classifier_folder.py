"""Train a classifier on a folder of sounds whose sub-folders are labels: `wavesmith train --classifier`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from wavesmith.classifiers.training import ClassifierReport, train_classifier
from wavesmith.data import ScannedFile, SoundDataset, scan, split
from wavesmith.errors import DataError, RequestError
from wavesmith.files import replacing

REPORT = "report.json"

_HIGHEST_RATE = 44_100
_SHORTEST, _LONGEST = 0.1, 2.0  # seconds of a sound that are used
_COVERED = 0.9  # share of the sounds that are no longer than that


def train_folder(
    folder: str | Path,
    out: str | Path,
    *,
    rate: int | None = None,
    seconds: float | None = None,
    held_out: float = 0.15,
    examples: int = 25_600,
    batch: int = 32,
    noisy: bool = True,
    seed: int = 0,
    scanning: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> ClassifierReport:
    """Train a classifier on a folder of labelled sounds and write it, with its report, into another folder.

    Some groups of related sounds are held out (`data.split`); the report has the accuracy on them. The same
    folder, numbers and seed give the same classifier.

    Args:
        folder: sounds of two labels or more, given by sub-folders or the manifest.
        out: new or empty folder for `model.safetensors`, `config.json` and `report.json`.
        rate: samples per second of its input; that of most sounds if None, 44100 at most.
        seconds: length of its training examples; if None, the 0.9 quantile of the lengths, 0.1 to 2.
        held_out: share of every label that is held out, 0 to 0.5.
        examples: training examples in all, repeats counted.
        batch: sounds per step.
        noisy: train under noise, as a guide needs.
        seed: of everything random.
        scanning: called with (files read, files in all).
        progress: called with (steps done, steps in all, loss).

    Raises:
        DataError: when the folder has no sounds, or fewer than two labels.
        RequestError: for a number out of its range, or when `out` is not empty.
        WavesmithError: when `out` cannot be written.
    """
    out = Path(out)
    _check(examples, batch, rate, seconds)
    _check_free(out)
    files = [file for file in scan(folder, progress=scanning).files if file.label is not None]
    if len({file.label for file in files}) < 2:
        raise DataError(
            f"A classifier needs sounds of at least two labels, which {folder} does not have; "
            "sort them into sub-folders."
        )
    rate = rate or min(Counter(file.rate for file in files).most_common(1)[0][0], _HIGHEST_RATE)
    seconds = seconds or _fitting(files)
    dataset = SoundDataset(folder, files, rate=rate, channels=1, length=round(seconds * rate), memory=1 << 40)
    withheld = {file.path for file in split(files, held_out, seed)[1]}
    classifier, report = train_classifier(
        torch.stack([dataset[index].wave for index in range(len(dataset))]),
        dataset.label_indices,
        dataset.labels,
        rate=rate,
        held_out=torch.tensor([file.path in withheld for file in files]),
        steps=-(-examples // batch),
        batch=batch,
        noisy=noisy,
        seed=seed,
        progress=progress,
    )
    classifier.save(out)
    with replacing(out / REPORT) as temporary:
        temporary.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report


def _fitting(files: Sequence[ScannedFile]) -> float:
    """Return the length in seconds that most sounds do not exceed."""
    usual = float(np.quantile([file.seconds for file in files], _COVERED))
    return min(max(usual, _SHORTEST), _LONGEST)


def _check(examples: int, batch: int, rate: int | None, seconds: float | None) -> None:
    if batch < 2 or examples < 1:
        raise RequestError(
            f"{examples} examples in batches of {batch} are too few; choose some thousands in batches of 32."
        )
    if rate is not None and not 1000 <= rate <= 192_000:
        raise RequestError(f"The rate must be 1000 to 192000 Hz, not {rate}.")
    if seconds is not None and not 0.01 <= seconds <= 60:
        raise RequestError(f"The length of examples must be 0.01 to 60 seconds, not {seconds:g}.")


def _check_free(out: Path) -> None:
    if out.is_file():
        raise RequestError(f"{out} is a file; give a folder for the classifier.")
    if out.exists() and any(out.iterdir()):
        raise RequestError(f"{out} is not empty; give another folder for the classifier.")
