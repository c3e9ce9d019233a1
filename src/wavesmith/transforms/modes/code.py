"""The code of a batch of sounds: modes, the picture of the noise, and what is left, as plain tensors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from wavesmith.transforms.modes.picture import NoisePicture
from wavesmith.transforms.modes.resonance import Resonances


@dataclass(frozen=True)
class ModesCode:
    """B sounds of C channels (the middle and the side, if two) as M modes and a noise.

    Attributes:
        modes: frequencies, decays, glide and onset.
        amplitude: of cosines, then sines, at a peak of 1, `[B, C, 2 M]`.
        picture: where and when the noise has power.
        relief: how far lines of the noise's spectrum stand out, `[B, GROUPS]`.
        end: seconds until the sound is over, `[B]`.
        level: peak of the sound, `[B]`.
        lines: which lines stand out, log power gains, `[B, LINES]`; None: drawn with the noise.
        grain: the noise itself divided by its picture, as an MDCT `[B, C, 128, T]`; None: drawn.
    """

    modes: Resonances
    amplitude: Tensor
    picture: NoisePicture
    relief: Tensor
    end: Tensor
    level: Tensor
    lines: Tensor | None = None
    grain: Tensor | None = None

    def __len__(self) -> int:
        return len(self.level)

    @property
    def channels(self) -> int:
        """How many channels the sounds have."""
        return self.amplitude.shape[1]

    def without_grain(self) -> ModesCode:
        """The same code with nothing kept of its noise but the picture: any noise will do."""
        return replace(self, lines=None, grain=None)

    def tuned(self, cents: float | Tensor) -> ModesCode:
        """The same sound with its modes higher by so many cents (a number, or `[B]`)."""
        factor = 2 ** (torch.as_tensor(cents, dtype=self.level.dtype).reshape(-1, 1) / 1200)
        return replace(self, modes=self.modes._replace(frequency=self.modes.frequency * factor))

    def damped(self, factor: float | Tensor) -> ModesCode:
        """The same sound with modes that die so many times sooner (a number, or `[B]`)."""
        times = torch.as_tensor(factor, dtype=self.level.dtype).reshape(-1, 1)
        return replace(self, modes=self.modes._replace(decay=self.modes.decay * times))
