"""How like real sounds the demos are: one number each time they are made, at little cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from wavesmith.data import SoundDataset
from wavesmith.data.dataset import NO_LABEL
from wavesmith.embeddings import embed_sounds, load_embedding
from wavesmith.evaluation import kernel_audio_distance
from wavesmith.sound import Sound
from wavesmith.training.run_folder import DEMO_SOUNDS

FEWEST = 4
"""Held-out sounds that it takes."""

_MOST = 48


class Likeness:
    """The kernel audio distance from demos to held-out sounds, in the embedding `statistics`.

    At most 48 held-out sounds are listened to, evenly picked. What training sounds score, as many of each
    label as there are demos of it, is told with it: real sounds come no nearer.
    """

    def __init__(self, held_out: SoundDataset, training: SoundDataset, rate: int) -> None:
        """`rate` is that of both sets, in Hz; at least 4 sounds must be held out."""
        self.embedding = load_embedding("statistics")
        step = -(-len(held_out) // _MOST)
        self.real = embed_sounds(self.embedding, _sounds(held_out, range(0, len(held_out), step), rate))
        self.usual = self._distance(_sounds(training, _some_of_each(training), rate))

    def of(self, sounds: Iterable[Sound]) -> dict[str, float]:
        """The distance of demos, and that of training sounds, to be logged."""
        return {"demo/distance": self._distance(sounds), "demo/distance_of_training_sounds": self.usual}

    def _distance(self, sounds: Iterable[Sound]) -> float:
        return kernel_audio_distance(embed_sounds(self.embedding, sounds), self.real)


def _sounds(sounds: SoundDataset, indices: Iterable[int], rate: int) -> Iterable[Sound]:
    return (Sound.from_tensor(sounds[index].wave, rate) for index in indices)


def _some_of_each(sounds: SoundDataset) -> Sequence[int]:
    """Indices of a few sounds of every label, evenly picked."""
    chosen: list[int] = []
    for label in range(NO_LABEL, len(sounds.labels)):
        own = (sounds.label_indices == label).nonzero().flatten()
        picks = torch.linspace(0, max(0, len(own) - 1), min(DEMO_SOUNDS, len(own))).round().long()
        chosen += own[picks].tolist()
    return chosen
