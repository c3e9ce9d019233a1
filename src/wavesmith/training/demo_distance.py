"""Distance of demos to held-out sounds: one number each time demos are made, at little cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from wavesmith.data import SoundDataset
from wavesmith.data.dataset import NO_LABEL
from wavesmith.evaluation import kernel_audio_distance
from wavesmith.measures import measure, standardised
from wavesmith.sound import Sound
from wavesmith.training.run_folder import DEMO_SOUNDS

FEWEST_SOUNDS = 4
"""Held-out sounds that the distance needs."""

_MOST_SOUNDS = 48


class DemoDistance:
    """Kernel distance of demos to held-out sounds on measures, which notices missing tones and grain.

    At most 48 held-out sounds are measured, evenly picked. The distance of training sounds, as many of each
    label as there are demos of it, is reported with it: real sounds come no nearer.
    """

    def __init__(self, held_out: SoundDataset, training: SoundDataset, rate: int) -> None:
        """Measure the real sounds, at `rate` Hz; 4 at least must be held out."""
        step = -(-len(held_out) // _MOST_SOUNDS)
        self.real = _measured(_sounds(held_out, range(0, len(held_out), step), rate))
        self.of_training_sounds = self._distance(_sounds(training, _some_of_each(training), rate))

    def measure(self, demos: Iterable[Sound]) -> dict[str, float]:
        """Return the distances of demos and of training sounds, by their names in the log."""
        return {
            "demo/distance": self._distance(demos),
            "demo/distance_of_training_sounds": self.of_training_sounds,
        }

    def _distance(self, sounds: Iterable[Sound]) -> float:
        points = [standardised(rows, self.real) for rows in (_measured(sounds), self.real)]
        return kernel_audio_distance(*map(torch.from_numpy, points))


def _measured(sounds: Iterable[Sound]) -> NDArray[np.float32]:
    return np.concatenate([measure(sound.samples, sound.rate) for sound in sounds])


def _sounds(sounds: SoundDataset, indices: Iterable[int], rate: int) -> Iterable[Sound]:
    return (Sound.from_tensor(sounds[index].wave, rate) for index in indices)


def _some_of_each(sounds: SoundDataset) -> Sequence[int]:
    """Return indices of a few sounds of every label, evenly picked."""
    chosen: list[int] = []
    for label in range(NO_LABEL, len(sounds.labels)):
        own = (sounds.label_indices == label).nonzero().flatten()
        picks = torch.linspace(0, max(0, len(own) - 1), min(DEMO_SOUNDS, len(own))).round().long()
        chosen += own[picks].tolist()
    return chosen
