"""Settings of an evaluation, and the command line that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wavesmith.classifiers import Classifier
from wavesmith.embeddings import Embedding

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, in all)."""


@dataclass(frozen=True)
class EvaluationSettings:
    """Arguments of `evaluate`, loaded and checked.

    Attributes:
        classifier: None to train one on the reference.
        classifier_name: its folder or origin, for the report.
        generation: settings of `generate`.
        command: command line that repeats the evaluation.
    """

    reference: Path
    count: int
    seed: int
    embedding: Embedding
    classifier: Classifier | None
    classifier_name: str
    held_out: float
    split_seed: int
    basis: str | None
    memorisation: bool
    out: Path
    workers: int | None
    progress: Progress | None
    generation: dict[str, Any]
    command: str

    def progress_of(self, stage: str) -> Callable[[int, int], None] | None:
        """Return the progress callback of one stage."""
        progress = self.progress
        return None if progress is None else lambda done, total: progress(stage, done, total)


def command_line(model: str, reference: str | Path, options: dict[str, Any]) -> str:
    """Return the command line of an evaluation; options that are None or True are omitted."""
    words = ["wavesmith", "evaluate", model, "--reference", str(reference)]
    for name, value in options.items():
        if value is False:
            words.append(f"--no-{name}")
        elif value is not None and value is not True:  # `in` would take 1 for True
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)
