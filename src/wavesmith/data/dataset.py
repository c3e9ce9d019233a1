"""Files of a data set -> tensors of one rate, one number of channels, one length and one level."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from wavesmith.data.fit import fit, sounding_end
from wavesmith.data.manifest import Entry
from wavesmith.data.order import balanced_weights
from wavesmith.errors import DataError
from wavesmith.sound import Sound

PEAK = 10 ** (-1 / 20)
MEMORY_BYTES = 600_000_000
NO_LABEL = -1


class Item(NamedTuple):
    """One training example; PyTorch's collation turns items into an Item of batches.

    `wave` float32 `[C, N]`; `label` an index into the data set's labels, -1 for none; `number` its place
    in the data set.
    """

    wave: Tensor
    label: int
    number: int


class SoundDataset(Dataset[Item]):
    """Sounds ready for a model.

    Each is resampled, given `channels`, cut to `length` frames (with a 20 ms fade-out) or padded with zeros,
    and brought to a peak of -1 dBFS (raised by 59 dB at most). All are kept in memory, without the zeros at
    their ends, if padded float32 would take no more than `memory` bytes; otherwise each is read from its file
    when it is asked for.

    Attributes:
        labels: names of the labels, sorted; empty for sounds without labels. Give `labels` to keep the
            indices of another set, such as the one that held-out sounds were split from.
        label_indices: int64 `[len(self)]`, -1 for a sound without a label.
        weights: float64 `[len(self)]`, how often training should meet each sound (`balanced_weights`).
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
        found = sorted({entry.label for entry in entries if entry.label is not None})
        self.labels = found if labels is None else list(labels)
        if strangers := set(found) - set(self.labels):
            raise DataError(
                f"The label '{min(strangers)}' in {folder} is not one that the model knows; "
                f"rename the sub-folder to one of: {', '.join(self.labels)}."
            )
        places = {label: place for place, label in enumerate(self.labels)}
        self.label_indices = torch.tensor([places.get(entry.label or "", NO_LABEL) for entry in entries])
        self.weights = balanced_weights(entries)
        fits = 4 * len(entries) * channels * length <= memory
        self._kept = [_without_tail(self._load(index)) for index in range(len(entries))] if fits else None

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Item:
        """The item at `index`; raises AudioError when it is read now and its file is gone or broken."""
        wave = self._load(index) if self._kept is None else fit(self._kept[index], self._length, self._rate)
        return Item(wave, int(self.label_indices[index]), index)

    def _load(self, index: int) -> Tensor:
        sound = Sound.read(self._folder / self._entries[index].path)
        sound = sound.resample(self._rate).channels_as(self._channels)
        wave = fit(torch.tensor(sound.samples), self._length, self._rate)
        return wave * (PEAK / max(float(wave.abs().max()), 1e-3))


def _without_tail(wave: Tensor) -> Tensor:
    """What comes before the zeros at the end: most hits are much shorter than what a model takes."""
    return wave[:, : max(1, int(sounding_end(wave)))].clone()
