"""The held-out loss: fixed sounds, fixed noise, fixed noise levels, so that two numbers can be compared.

A loss at random noise levels jumps from batch to batch; this one moves only when the model does, and tells at
which noise levels it learns.
"""

from __future__ import annotations

import torch

from wavesmith.data import SoundDataset
from wavesmith.diffusion import ItemNoise, NoiseLevels
from wavesmith.families.diffusion import DiffusionModel

BINS = 8
MOST_SOUNDS = 48
_CHUNK = 8


class HeldOut:
    """Held-out sounds with their labels, ready to be measured on.

    At most 48 sounds are used, evenly picked; the levels are the medians of eight equal shares of the
    training distribution.
    """

    def __init__(self, sounds: SoundDataset, levels: NoiseLevels, seed: int) -> None:
        every = -(-len(sounds) // MOST_SOUNDS)
        items = [sounds[i] for i in range(0, len(sounds), every)]
        self.waves = torch.stack([item.wave for item in items])
        self.labels = torch.tensor([item.label for item in items])
        shares = (torch.arange(BINS, dtype=torch.float64) + 0.5) / BINS
        self.levels, self.seed = levels.quantile(shares).float(), seed

    @torch.no_grad()
    def losses(self, family: DiffusionModel) -> dict[float, float]:
        """Mean loss at each level, by sigma."""
        device = next(family.parameters()).device
        weights = torch.eye(len(family.config.labels) + 1)[self.labels, :-1].to(device)  # -1: the zero row
        result = {}
        for k, sigma in enumerate(self.levels.tolist()):
            total = 0.0
            for start in range(0, len(self.waves), _CHUNK):
                waves = self.waves[start : start + _CHUNK].to(device)
                shape = family.feature_shape(waves.shape[-1])
                indices = range(start, start + len(waves))
                eps = ItemNoise(self.seed, [k * MOST_SOUNDS + i for i in indices], shape, device)()
                labels = weights[start : start + _CHUNK]
                sigmas = torch.full((len(waves),), sigma, device=device)
                total += float(family.training_loss(waves, sigmas, eps, label=labels).sum())
            result[sigma] = total / len(self.waves)
        return result
