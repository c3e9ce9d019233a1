"""What is evaluated: a model, or a folder of sounds in its place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from wavesmith.audio_file import read_header
from wavesmith.data import read_folder
from wavesmith.errors import AudioError
from wavesmith.evaluation.embedding_library import EmbeddingLibrary, build_library
from wavesmith.evaluation.evaluation_settings import EvaluationSettings
from wavesmith.evaluation.generation import counts_per_label, generate_sounds
from wavesmith.evaluation.report import Subject
from wavesmith.models import Model, importers, load
from wavesmith.models.model_folder import CONFIG

_SHORTEST, _LONGEST = 0.1, 30.0  # seconds that are compared
_COVERED = 0.9  # share of a folder's sounds that are no longer than what is compared
_MOST_HEADERS = 500


def load_subject(model: Model | str | Path, device: str = "cpu") -> Model | Path:
    """Return a model, loaded if necessary, or the path of a folder of sounds.

    Raises:
        ModelError: when there is no such model, or the device is not available.
    """
    if isinstance(model, Model):
        return model
    path = Path(model).expanduser()
    is_model = (path / CONFIG).is_file() or (path.is_dir() and importers.is_foreign(path))
    return path if path.is_dir() and not is_model else load(model, device)


def name_of(subject: Model | str | Path) -> str:
    """Return the name of a model or folder."""
    return subject.name if isinstance(subject, Model) else str(subject)


def compared_seconds(subject: Model | Path, generation: dict[str, Any]) -> float:
    """Return the compared length: that of a model's sounds, or one that most sounds fit into."""
    if isinstance(subject, Model):
        return float(generation.get("seconds") or subject.seconds)
    entries = read_folder(subject).entries
    lengths = []
    for entry in entries[:: -(-len(entries) // _MOST_HEADERS)]:
        try:
            rate, _, frames, _ = read_header(subject / entry.path)
        except AudioError:
            continue
        lengths.append(frames / rate)
    length = float(np.quantile(lengths, _COVERED)) if lengths else _SHORTEST
    return round(min(max(length, _SHORTEST), _LONGEST), 3)


def sounds_of(
    subject: Model | Path, settings: EvaluationSettings, seconds: float, reference: EmbeddingLibrary
) -> EmbeddingLibrary:
    """Return the sounds of a folder, or generate those of a model in the proportions of the reference."""

    def library(folder: Path, name: str) -> EmbeddingLibrary:
        return build_library(
            folder,
            settings.out / name,
            settings.embedding,
            seconds=seconds,
            workers=settings.workers,
            progress=settings.progress_of("reading generated sounds"),
        )

    if isinstance(subject, Path):
        return library(subject, f"folder-{subject.resolve().name}")
    name = f"{Path(subject.name).name}-{subject.hash}-{settings.seed}"
    counts = counts_per_label(subject.labels, reference.labels, settings.count)
    folder = settings.out / "sounds" / name
    generated = generate_sounds(
        subject, folder, counts, seed=settings.seed, progress=settings.progress, **settings.generation
    )
    paths, everything = set(generated), library(folder, f"generated-{name}")
    return everything.select([index for index, file in enumerate(everything.files) if file.path in paths])


def describe(subject: Model | Path, library: EmbeddingLibrary, generation: dict[str, Any]) -> Subject:
    """Describe the sounds of a model or folder for the report."""
    kind: Literal["model", "sounds"] = "model" if isinstance(subject, Model) else "sounds"
    return Subject(
        name=name_of(subject),
        kind=kind,
        hash=subject.hash if isinstance(subject, Model) else None,
        folder=str(library.root),
        sounds=len(library),
        labels=library.labels,
        rates=dict(sorted(Counter(file.rate for file in library.files).items())),
        channels=dict(sorted(Counter(file.channels for file in library.files).items())),
        settings=generation if kind == "model" else {},
    )
