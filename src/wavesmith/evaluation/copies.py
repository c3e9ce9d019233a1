"""Is one sound another again? Comparing and searching in a way that shift, gain and polarity do not fool."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wavesmith.data.fit import fit
from wavesmith.descriptors.mel import LogMel
from wavesmith.sound import Sound

_LOWEST_DB = -60.0
_LEAD_SECONDS = 0.05
_ONSET = 0.05  # share of the energy that has come when a sound has begun


class Comparison(NamedTuple):
    """How alike two sounds are.

    Attributes:
        decibels: root mean square difference of their log-mel pictures, each relative to its own peak with
            everything below -60 dB held equal, at the better of two alignments: by onset, by waveform. Below
            0.5 for copies, 0.7 to 3 for takes of one drum.
        correlation: of the waveforms where they agree best, 0 to 1, polarity disregarded; 1 for a copy.
        shift_seconds: how much later the first sound has to begin to agree.
        gain_db: how much louder the first one is.
    """

    decibels: float
    correlation: float
    shift_seconds: float
    gain_db: float


class Ear:
    """Prepares sounds of one rate and length for comparison.

    `rate` in Hz; longer sounds are cut to `length` frames as training cuts them, shorter ones followed by
    silence. Waves are mono `[1, length]`, pictures `[B, D]` with the onset 50 ms from the beginning.
    """

    def __init__(self, rate: int, length: int) -> None:
        self.rate, self.length = rate, length
        self._mel = LogMel(rate, window=1024, hop=512)

    def wave(self, sound: Sound) -> Tensor:
        """A sound as a mono wave `[1, length]`."""
        return fit(sound.mono().resample(self.rate).tensor(), self.length, self.rate)

    @torch.no_grad()
    def pictures(self, waves: Sequence[Tensor]) -> Tensor:
        """Log-mel pictures `[B, D]` of waves `[1, length]`, aligned by onset."""
        aligned = [_moved(wave, self._lead() - onset(wave)) for wave in waves]
        return self._pictures(torch.stack(aligned))

    def apart(self, pictures: Tensor, others: Tensor) -> Tensor:
        """Root mean square differences in dB `[B, C]` of pictures `[B, D]` and `[C, D]`."""
        return torch.cdist(pictures, others) / math.sqrt(pictures.shape[1])

    @torch.no_grad()
    def compare(self, wave: Tensor, other: Tensor) -> Comparison:
        """Compare two waves `[1, length]`."""
        count = 2 ** math.ceil(math.log2(2 * self.length))
        spectra = torch.fft.rfft(wave[0], count), torch.fft.rfft(other[0], count)
        agreement = torch.fft.irfft(spectra[1] * spectra[0].conj(), count)
        place = int(agreement.abs().argmax())
        shift = place - count if place > count // 2 else place
        energy, energy_other = float(wave.square().sum()), float(other.square().sum())
        scale = math.sqrt(max(energy * energy_other, 1e-20))
        lead = self._lead()
        start = lead - onset(other)
        pictures = self._pictures(
            torch.stack([_moved(other, start), _moved(wave, lead - onset(wave)), _moved(wave, start + shift)])
        )
        return Comparison(
            decibels=float(self.apart(pictures[:1], pictures[1:]).min()),
            correlation=min(1.0, float(agreement[place].abs()) / scale),
            shift_seconds=shift / self.rate,
            gain_db=10 * math.log10(max(energy, 1e-10) / max(energy_other, 1e-10)),
        )

    def _lead(self) -> int:
        return round(_LEAD_SECONDS * self.rate)

    def _pictures(self, waves: Tensor) -> Tensor:
        picture: Tensor = self._mel(waves)
        return picture.clamp_min(_LOWEST_DB).flatten(1)


def onset(wave: Tensor) -> int:
    """The frame by which a twentieth of the energy of a wave `[1, N]` has come.

    It moves with the sound exactly, whatever its level, and hardly with noise below it.
    """
    energy = wave[0].double().square().cumsum(0)
    return int((energy < _ONSET * energy[-1]).sum())


def nearest(
    queries: Tensor, blocks: Iterable[Tensor], itself: Sequence[int | None], k: int
) -> tuple[Tensor, Tensor]:
    """The k rows nearest to each query, among rows that come in blocks; memory does not grow with those.

    Args:
        queries: `[Q, D]`.
        blocks: rows `[B, D]`, in order; at least k rows (and one more if any is left out) in all.
        itself: for each query the row that it is, which does not count; None for a query that is none.
        k: how many.

    Returns:
        Euclidean distances `[Q, k]`, ascending, and the numbers of the rows `[Q, k]`.
    """
    best = torch.full((len(queries), k), math.inf)
    found = torch.zeros(len(queries), k, dtype=torch.long)
    own = torch.tensor([-1 if row is None else row for row in itself])
    start = 0
    for block in blocks:
        rows = torch.arange(start, start + len(block))
        distances = torch.cdist(queries, block)
        distances[own[:, None] == rows] = math.inf
        both = torch.cat([best, distances], dim=1)
        best, order = both.topk(k, largest=False)
        found = torch.cat([found, rows.expand(len(queries), -1)], dim=1).gather(1, order)
        start += len(block)
    return best, found


def _moved(wave: Tensor, frames: int) -> Tensor:
    """A wave `[1, N]` so many frames later (earlier if negative), with zeros where nothing comes from."""
    moved = torch.zeros_like(wave)
    length = wave.shape[-1]
    if frames >= 0:
        moved[..., frames:] = wave[..., : max(0, length - frames)]
    else:
        moved[..., : length + frames] = wave[..., -frames:]
    return moved
