"""The held-out loss: fixed sounds and fixed noise, so that two measurements compare.

A training loss jumps from batch to batch, because every example draws its own noise. This one changes only
when the model does.
"""

from __future__ import annotations

import torch

from wavesmith.data import SoundDataset
from wavesmith.families import Batch, Family, ObjectiveConfig
from wavesmith.training.examples import label_weights

MOST_SOUNDS = 48
_BATCH = 8


class HeldOut:
    """Held-out sounds, evenly picked if there are more than 48, as batches that a family validates on."""

    def __init__(self, sounds: SoundDataset, augments: int, settings: ObjectiveConfig, seed: int) -> None:
        """Read the sounds; `settings` and `seed` are those of the run's objectives."""
        self.settings, self.seed = settings, seed
        items = [sounds[index] for index in range(0, len(sounds), -(-len(sounds) // MOST_SOUNDS))]
        waves = torch.stack([item.wave for item in items])
        labels = torch.stack([label_weights(item.label, len(sounds.labels)) for item in items])
        changes, positions = torch.zeros(len(items), augments), torch.arange(len(items))
        parts = [torch.split(part, _BATCH) for part in (waves, labels, changes, positions)]
        self.batches = [Batch(*batch) for batch in zip(*parts, strict=True)]

    @torch.no_grad()
    def losses(self, family: Family) -> dict[str, float]:
        """Return mean losses over the sounds, by the names that the family gives them."""
        measured = []
        for batch in self.batches:
            batch = Batch(*(part.to(family.device) for part in batch))
            measured.append(family.validate(batch, self.settings, self.seed))
        return {name: float(torch.cat([losses[name] for losses in measured]).mean()) for name in measured[0]}
