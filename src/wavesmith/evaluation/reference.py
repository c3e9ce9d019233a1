"""The real sounds of an evaluation: training sounds to compare with, and held-out ones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from wavesmith.data import Entry, split
from wavesmith.errors import RequestError
from wavesmith.evaluation.embedding_library import EmbeddingLibrary, build_library
from wavesmith.evaluation.evaluation_settings import EvaluationSettings
from wavesmith.models import Model, held_out_of, trained_on


class Reference(NamedTuple):
    """Real sounds.

    Attributes:
        everything: all of the folder.
        training: those that generated sounds are compared with.
        held_out: those of other sources; None if there are none.
        note: a sentence on how they were divided.
    """

    everything: EmbeddingLibrary
    training: EmbeddingLibrary
    held_out: EmbeddingLibrary | None
    note: str


def read_reference(subject: Model | Path, settings: EvaluationSettings, seconds: float) -> Reference:
    """Measure the real sounds and divide them into training sounds of the model and held-out ones.

    The model's attribution decides; without one, or where it names none of the sounds, they are split by
    source as a training does.

    Raises:
        RequestError: when no sound has the licence basis.
    """
    real = build_library(
        settings.reference,
        settings.out / "reference",
        settings.embedding,
        seconds=seconds,
        as_training=True,
        workers=settings.workers,
        progress=settings.progress_of("reading real sounds"),
    )
    usable = [
        index
        for index, file in enumerate(real.files)
        if settings.basis is None or file.basis == settings.basis
    ]
    if not usable:
        raise RequestError(f"No sound of {settings.reference} has the licence basis '{settings.basis}'.")
    stated = _stated_by(subject, real, usable) if isinstance(subject, Model) else None
    if stated:
        training, held_out = stated
        note = (
            f"The model's attribution names {len(training)} of the real sounds as its training sounds; "
            f"{len(held_out)} are held out."
        )
    else:
        training, held_out = _split(real, usable, settings)
        note = (
            f"The real sounds were split by source, as a training with seed {settings.split_seed} splits "
            f"them: {len(held_out)} are held out."
        )
    return Reference(real, real.select(training), real.select(held_out) if held_out else None, note)


def _stated_by(model: Model, real: EmbeddingLibrary, usable: list[int]) -> tuple[list[int], list[int]] | None:
    """Divide sounds by the model's attribution; None if it names none of them."""
    trained = trained_on(model)
    if trained is None or not any(real.files[index].sha256 in trained for index in usable):
        return None
    training = [index for index in usable if real.files[index].sha256 in trained]
    others = [index for index in usable if real.files[index].sha256 not in trained]
    named = held_out_of(model) or frozenset()
    return training, [index for index in others if real.files[index].sha256 in named] or others


def _split(
    real: EmbeddingLibrary, usable: list[int], settings: EvaluationSettings
) -> tuple[list[int], list[int]]:
    entries = [
        Entry(path=str(index), label=real.files[index].label, split_family=real.files[index].group)
        for index in usable
    ]
    training, held_out = split(entries, settings.held_out, settings.split_seed)
    return [int(entry.path) for entry in training], [int(entry.path) for entry in held_out]
