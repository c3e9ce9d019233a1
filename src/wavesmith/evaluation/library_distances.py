"""Distances between libraries of sounds: generated and held-out real ones from the reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.comparison import FEWEST, Distances, compare, kernel
from wavesmith.evaluation.embedding_library import EmbeddingLibrary
from wavesmith.evaluation.measure_report import MeasuredSet
from wavesmith.evaluation.report import DistanceReport

MOST_COMPARED = 4000
"""Sounds of a reference that distances use: their cost grows with its square."""


def measure_distances(
    generated: EmbeddingLibrary,
    reference: EmbeddingLibrary,
    held_out: EmbeddingLibrary | None,
    *,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> DistanceReport:
    """Measure distances from the reference, and the kernel audio distance of each label.

    There must be at least 20 generated sounds and 20 of the reference.
    """
    target = _vectors(reference)
    own = compare(_vectors(generated), target, seed=seed)
    if progress:
        progress(1, 2)
    real: Distances | None = None
    if held_out is not None and len(held_out) >= FEWEST:
        real = compare(_vectors(held_out), target, seed=seed)
    if progress:
        progress(2, 2)
    return DistanceReport(
        embedding=generated.embedding,
        dimensions=generated.dimensions,
        generated=own,
        held_out=real,
        labels=_by_label(generated, reference, seed),
    )


def _by_label(generated: EmbeddingLibrary, reference: EmbeddingLibrary, seed: int) -> dict[str, Estimate]:
    distances = {}
    for label in generated.labels:
        own, real = generated.with_label(label), reference.with_label(label)
        if min(len(own), len(real)) >= FEWEST:
            distances[label] = kernel(_vectors(own), _vectors(real), seed=seed)
    return distances


def measured_set(library: EmbeddingLibrary) -> MeasuredSet:
    """Return the measures and labels of a library, or of evenly spaced sounds of a large one."""
    step = _step(library)
    labels = tuple(file.label for file in library.files[::step])
    return MeasuredSet(np.array(library.measures("measures")[::step], np.float32), labels)


def _vectors(library: EmbeddingLibrary) -> Tensor:
    """Return embeddings `[N, D]` of a library, or of evenly spaced sounds of a large one."""
    return torch.from_numpy(np.array(library.vectors[:: _step(library)], np.float32))


def _step(library: EmbeddingLibrary) -> int:
    return -(-len(library) // MOST_COMPARED)
