"""Files of a data set as tensors of one rate, one number of channels, one length and one level."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from wavesmith.data.length import crop_or_pad, sounding_end
from wavesmith.data.manifest import Entry
from wavesmith.data.order import balanced_weights
from wavesmith.errors import DataError
from wavesmith.sound import REFERENCE_PEAK, Sound

MEMORY_BYTES = 600_000_000
NO_LABEL = -1


class SoundExample(NamedTuple):
    """One sound of a data set; PyTorch's collation turns several into one with tensors of batches.

    Attributes:
        wave: float32 `[C, N]`.
        label: index into the data set's labels, -1 for none.
        number: index into the data set.
    """

    wave: Tensor
    label: int
    number: int


class SoundDataset(Dataset[SoundExample]):
    """Sounds in the format of a model.

    Each is resampled, converted to `channels`, cut to `length` frames (with a 20 ms fade-out) or padded with
    zeros, and scaled to a peak of -1 dBFS (by 59 dB at most). All are kept in memory, without the zeros at
    their ends, if padded float32 would take no more than `memory` bytes; otherwise each is read from its file
    on access.

    Attributes:
        labels: names of the labels, sorted; empty for sounds without labels. Give `labels` to keep the
            indices of another set, such as the one that these were split from.
        label_indices: int64 `[len(self)]`, -1 for a sound without a label.
        weights: float64 `[len(self)]`, relative frequency of each sound in training (`balanced_weights`).
    """

    def __init__(
        self,
        folder: str | Path,
        entries: Sequence[Entry],
        *,
        rate: int,
        channels: int,
        length: int,
        labels: Sequence[str] | None = None,
        memory: int = MEMORY_BYTES,
    ) -> None:
        """Prepare `entries`, such as `scan(folder).files`; `rate` in Hz, `length` in frames.

        Raises:
            DataError: when there are no entries, or one has a label that is not among `labels`.
            AudioError: when a file cannot be read.
        """
        if not entries:
            raise DataError(
                f"There is no usable sound in {folder}; scan it to see what was left out and why."
            )
        self._folder = Path(folder)
        self._entries = list(entries)
        self._rate, self._channels, self._length = rate, channels, length
        present = sorted({entry.label for entry in entries if entry.label is not None})
        self.labels = present if labels is None else list(labels)
        if unknown := set(present) - set(self.labels):
            raise DataError(
                f"The label '{min(unknown)}' in {folder} is not a label of the model; "
                f"rename the sub-folder to one of: {', '.join(self.labels)}."
            )
        indices = {label: index for index, label in enumerate(self.labels)}
        self.label_indices = torch.tensor([indices.get(entry.label or "", NO_LABEL) for entry in entries])
        self.weights = balanced_weights(entries)
        fits = 4 * len(entries) * channels * length <= memory
        self._kept = [_without_tail(self._load(index)) for index in range(len(entries))] if fits else None

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> SoundExample:
        """Return the sound at `index`; raises AudioError when its file is read now and is gone or damaged."""
        wave = (
            self._load(index)
            if self._kept is None
            else crop_or_pad(self._kept[index], self._length, self._rate)
        )
        return SoundExample(wave, int(self.label_indices[index]), index)

    def _load(self, index: int) -> Tensor:
        sound = Sound.read(self._folder / self._entries[index].path)
        sound = sound.resample(self._rate).channels_as(self._channels)
        wave = crop_or_pad(torch.tensor(sound.samples), self._length, self._rate)
        return wave * (REFERENCE_PEAK / max(float(wave.abs().max()), 1e-3))


def _without_tail(wave: Tensor) -> Tensor:
    """Return the wave without the zeros at its end: most hits are much shorter than a model's length."""
    return wave[:, : max(1, int(sounding_end(wave)))].clone()
