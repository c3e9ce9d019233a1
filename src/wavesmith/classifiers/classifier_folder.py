"""A judge from a folder of sounds whose sub-folders are labels: what `wavesmith train --judge` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from wavesmith.classifiers.training import JudgeReport, train_judge
from wavesmith.data import ScannedFile, SoundDataset, scan, split
from wavesmith.errors import DataError, RequestError
from wavesmith.files import replacing

REPORT = "report.json"

_HIGHEST_RATE = 44_100
_SHORTEST, _LONGEST = 0.1, 2.0  # seconds that a judge is given
_FIT = 0.9  # of the sounds are no longer than what it is given


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
) -> JudgeReport:
    """Train a judge on a folder of labelled sounds and write it, with its report, into another.

    Some groups of related sounds are kept away from training (`data.split`); what the judge makes of them is
    in the report. The same folder, numbers and seed make the same judge.

    Args:
        folder: sounds; sub-folders (or the manifest) say their labels, of which there must be two at least.
        out: where to write `model.safetensors`, `config.json` and `report.json`, when all is done.
        rate: what the judge hears at; the commonest of the sounds if None, 44100 at most.
        seconds: how much it is given of each sound; if None, what nine of ten sounds fit into, 2 at most.
        held_out: share of every label that is kept away, 0 to 0.5.
        examples: sounds to train on in all, repeats counted.
        batch: sounds per step.
        noisy: train it to hear through noise, as judges that steer must.
        seed: of everything random.
        scanning: called with (files read, files in all).
        progress: called with (steps done, steps in all, loss).

    Raises:
        DataError: when the folder has no sounds, or fewer than two labels.
        RequestError: for numbers that make no sense, or when something is in `out` already.
        WavesmithError: when `out` cannot be written.
    """
    out = Path(out)
    _check(examples, batch, rate, seconds)
    _check_free(out)
    files = [file for file in scan(folder, progress=scanning).files if file.label is not None]
    if len({file.label for file in files}) < 2:
        raise DataError(
            f"A judge needs sounds of at least two labels to tell apart, which {folder} does not have; "
            "sort them into sub-folders."
        )
    rate = rate or min(Counter(file.rate for file in files).most_common(1)[0][0], _HIGHEST_RATE)
    seconds = seconds or _fitting(files)
    dataset = SoundDataset(folder, files, rate=rate, channels=1, length=round(seconds * rate), memory=1 << 40)
    kept_away = {file.path for file in split(files, held_out, seed)[1]}
    judge, report = train_judge(
        torch.stack([dataset[index].wave for index in range(len(dataset))]),
        dataset.label_indices,
        dataset.labels,
        rate=rate,
        held_out=torch.tensor([file.path in kept_away for file in files]),
        steps=-(-examples // batch),
        batch=batch,
        noisy=noisy,
        seed=seed,
        progress=progress,
    )
    judge.save(out)
    with replacing(out / REPORT) as temporary:
        temporary.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report


def _fitting(files: Sequence[ScannedFile]) -> float:
    """The length that most sounds fit into."""
    usual = float(np.quantile([file.seconds for file in files], _FIT))
    return min(max(usual, _SHORTEST), _LONGEST)


def _check(examples: int, batch: int, rate: int | None, seconds: float | None) -> None:
    if batch < 2 or examples < 1:
        raise RequestError(
            f"{examples} examples in steps of {batch} make no training; choose some thousands in steps of 32."
        )
    if rate is not None and not 1000 <= rate <= 192_000:
        raise RequestError(f"A judge cannot hear at {rate} Hz; choose 1000 to 192000.")
    if seconds is not None and not 0.01 <= seconds <= 60:
        raise RequestError(f"A judge cannot be given {seconds:g} seconds; choose 0.01 to 60.")


def _check_free(out: Path) -> None:
    if out.is_file():
        raise RequestError(f"{out} is a file; give a folder for the judge.")
    if out.exists() and any(out.iterdir()):
        raise RequestError(f"There is something in {out} already; give another folder for the judge.")
