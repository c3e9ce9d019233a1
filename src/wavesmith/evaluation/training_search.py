"""The training sound that is nearest to each of some sounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wavesmith.evaluation.memorisation_report import Distance
from wavesmith.evaluation.search import nearest_in_blocks
from wavesmith.evaluation.similarity import Comparison, SoundComparer
from wavesmith.evaluation.sound_set import SoundSet

COPY_DB, COPY_CORRELATION = 0.5, 0.95
_SAME_DB, _SAME_CORRELATION = 0.1, 0.999
_CANDIDATES = 2
_BLOCK, _ROWS = 64, 4096
_LONGEST_SECONDS = 10.0

Progress = Callable[[str, int, int], None]


class TrainingMatch(NamedTuple):
    """Sound `sound` of a set, its nearest training sound `training_sound`, and their similarity.

    `distances` are the smallest by each measure, to training sounds that may differ.
    """

    sound: int
    training_sound: int
    comparison: Comparison
    distances: dict[Distance, float]

    @property
    def is_copy(self) -> bool:
        """The two sounds count as one."""
        comparison = self.comparison
        return comparison.decibels <= COPY_DB and comparison.correlation >= COPY_CORRELATION

    @property
    def is_same_recording(self) -> bool:
        """The two files have one recording, perhaps at another level or trimmed differently."""
        comparison = self.comparison
        return comparison.decibels <= _SAME_DB and comparison.correlation >= _SAME_CORRELATION


class Query(NamedTuple):
    """Sounds of a set whose nearest training sounds are searched.

    `within_training`: they are training sounds, each of which is compared with the others.
    """

    description: str
    sounds: SoundSet
    indices: Sequence[int]
    within_training: bool = False


class TrainingSearch:
    """Finds candidates by spectrograms and embeddings, then compares their waves."""

    def __init__(self, training: SoundSet, comparer: SoundComparer, progress: Progress) -> None:
        self.training, self.comparer, self.progress = training, comparer, progress
        self._wave = lru_cache(maxsize=512)(lambda index: comparer.wave(training.sound(index)))

    def find(self, queries: Sequence[Query]) -> list[list[TrainingMatch]]:
        """Find the nearest training sounds of each query, in one pass over the training sounds."""
        exclude = [index if query.within_training else None for query in queries for index in query.indices]
        vectors = torch.cat(
            [torch.from_numpy(np.array(query.sounds.vectors[list(query.indices)])) for query in queries]
        )
        spectrograms = torch.cat(
            [block for query in queries for block in self._spectrograms(query.sounds, query.indices)]
        )
        k = min(_CANDIDATES, len(self.training.files) - 1)
        _, by_spectrogram = nearest_in_blocks(spectrograms, self._training_spectrograms(), k, exclude)
        distances, by_vector = nearest_in_blocks(vectors, self._training_vectors(), 1, exclude)
        candidates = torch.cat([by_spectrogram, by_vector], dim=1).tolist()
        rows = iter(zip(candidates, distances[:, 0].tolist(), strict=True))
        return [
            [self._hit(query, number, *next(rows)) for number in range(len(query.indices))]
            for query in queries
        ]

    def _hit(self, query: Query, number: int, candidates: Sequence[int], embedding: float) -> TrainingMatch:
        """Compare a sound with its candidates and return the nearest."""
        index = query.indices[number]
        wave = self.comparer.wave(query.sounds.sound(index))
        compared = {
            candidate: self.comparer.compare(wave, self._wave(candidate))
            for candidate in dict.fromkeys(candidates)
        }
        best = min(compared, key=lambda one: compared[one].decibels * (1 - compared[one].correlation))
        self.progress(f"comparing {query.description}", number + 1, len(query.indices))
        distances: dict[Distance, float] = {
            "mel": min(one.decibels for one in compared.values()),
            "waveform": 1 - max(one.correlation for one in compared.values()),
            "embedding": embedding,
        }
        return TrainingMatch(index, best, compared[best], distances)

    def _spectrograms(self, sounds: SoundSet, indices: Sequence[int]) -> Iterator[Tensor]:
        for start in range(0, len(indices), _BLOCK):
            block = indices[start : start + _BLOCK]
            yield self.comparer.spectrograms([self.comparer.wave(sounds.sound(index)) for index in block])

    def _training_spectrograms(self) -> Iterator[Tensor]:
        count = len(self.training.files)
        for start in range(0, count, _BLOCK):
            yield from self._spectrograms(self.training, range(start, min(start + _BLOCK, count)))
            self.progress("searching the training sounds", min(start + _BLOCK, count), count)

    def _training_vectors(self) -> Iterator[Tensor]:
        for start in range(0, len(self.training.files), _ROWS):
            yield torch.from_numpy(np.array(self.training.vectors[start : start + _ROWS]))


def comparer_for(sounds: SoundSet) -> SoundComparer:
    """Return a comparer at the rate of the sounds, for the longest of them."""
    seconds = min(_LONGEST_SECONDS, max(file.seconds for file in sounds.files))
    rate = sounds.files[0].rate
    return SoundComparer(rate, max(1024, round(seconds * rate)))
