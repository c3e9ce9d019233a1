"""Conversion of sources to the model's rate, channels and level, and of results to the source's form."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soxr
import torch
from torch import Tensor

from wavesmith.data.audible import SILENT
from wavesmith.data.length import sounding_end
from wavesmith.models import Model
from wavesmith.sound import REFERENCE_PEAK, Sound
from wavesmith.verbs.postprocess import check_finite, finish, without_dc
from wavesmith.verbs.windows import Process, Windows, blocks, divide

RINGS_DB = -60.0
"""Re the peak: a sound whose last 50 ms are louder than that rings on, and must not be faded out."""

_MARGIN_SECONDS = 0.02  # read on both sides of a window, against edge effects of resampling


class Audio(Protocol):
    """A sound that can be read in parts: one in memory, or a file of any length."""

    @property
    def rate(self) -> int:
        """Frames per second."""
        ...

    @property
    def channels(self) -> int:
        """Number of channels."""
        ...

    @property
    def frames(self) -> int:
        """Number of samples in each channel."""
        ...

    @property
    def peak(self) -> float:
        """Largest absolute sample."""
        ...

    def part(self, start: int, stop: int) -> np.ndarray:
        """Return samples float32 `[channels, stop - start]`."""
        ...


@dataclass(frozen=True)
class SourceAdapter:
    """A sound in the form that a model works on.

    Attributes:
        audio: the source.
        model: the model to whose rate, channels and level it is converted.
    """

    audio: Audio
    model: Model

    @property
    def channels(self) -> int:
        """Channels of the result: the source's; of more than two, front left and right."""
        return min(self.audio.channels, 2)

    @property
    def gain(self) -> float:
        """Factor from the source's samples to the model's."""
        return REFERENCE_PEAK / max(self.audio.peak, SILENT)

    @property
    def native(self) -> int:
        """Frames of the source in the duration of the model's own sounds."""
        return self.frames(self.model.family.config.length)

    def frames(self, length: int) -> int:
        """Return the frames of the source in the duration of `length` samples of the model."""
        return round(length * self.audio.rate / self.model.rate)

    def length(self, frames: int) -> int:
        """Return the samples of the model in the duration of `frames` of the source."""
        return round(frames * self.model.rate / self.audio.rate)

    def windows(self) -> Windows:
        """Divide the source into windows for the model."""
        return divide(self.audio.frames, self.native)

    def kept(self, start: int, stop: int) -> Tensor:
        """Return frames `start` to `stop` of the source as they are, with the channels of the result."""
        return Sound(self.audio.part(start, stop), self.audio.rate).channels_as(self.channels).tensor()

    def take(self, start: int, stop: int) -> Tensor:
        """Return frames `start` to `stop`, zero beyond the ends, as a wave `[C, n]` of the model."""
        margin = 0
        if self.audio.rate != self.model.rate:  # it must last a whole number of the model's samples
            grain = self.audio.rate // math.gcd(self.audio.rate, self.model.rate)
            margin = math.ceil(_MARGIN_SECONDS * self.audio.rate / grain) * grain
        first, last = max(0, start - margin), min(self.audio.frames, stop + margin)
        part = self.audio.part(first, max(first, last))
        part = np.pad(part, ((0, 0), (first - start + margin, max(0, stop + margin - last))))
        wave = self.inward(torch.from_numpy(part))
        lead = self.length(margin)
        return wave[:, lead : lead + self.length(stop - start)]

    def inward(self, wave: Tensor) -> Tensor:
        """Convert a wave `[C, n]` from the source's form to the model's."""
        samples = _resampled(wave.cpu().numpy(), self.audio.rate, self.model.rate)
        sound = Sound(samples[:2], self.model.rate).channels_as(self.model.channels)
        return (sound.tensor() * self.gain).to(self.model.device)

    def outward(self, wave: Tensor, frames: int) -> Tensor:
        """Convert a wave `[C, n]` of the model to `frames` of the source's form; ModelError if not finite."""
        check_finite(wave)
        samples = _resampled((wave / self.gain).float().cpu().numpy(), self.model.rate, self.audio.rate)
        return Sound(samples, self.audio.rate).crop(frames).channels_as(self.channels).tensor()

    def gain_to(self, peak: float, peak_db: float | None) -> float:
        """Return the gain that sets a result of that peak to `peak_db`.

        If `peak_db` is None the level is kept, but limited to full scale, or to the source's peak if higher.
        """
        if peak_db is not None:
            return 10 ** (peak_db / 20) / peak if peak else 1.0
        return min(1.0, max(self.audio.peak, 0.99) / max(peak, 1e-9))

    def levelled(self, wave: Tensor, peak_db: float | None) -> Sound:
        """Return a wave `[C, n]` in the source's form as a sound, with the gain of `gain_to`."""
        samples = wave.numpy()
        gain = self.gain_to(float(np.abs(samples).max(initial=0)), peak_db)
        return Sound(samples * np.float32(gain), self.audio.rate)

    def ended(self, wave: Tensor, sources: Sequence[Sound], peak_db: float | None) -> Sound:
        """Return a wave `[C, n]` of the model as a sound that ends as its sources do: in silence, or ringing.

        It is as long as the longest of them, or longer where it rings on before it is silent.
        """
        frames = max(source.frames for source in sources)
        if any(map(rings, sources)):
            wave = without_dc(wave.cpu(), self.model.rate)
        else:
            wave = finish(wave.cpu(), self.model.rate, None)
            frames = max(frames, self.frames(int(sounding_end(wave))))
        return self.levelled(self.outward(wave, frames), peak_db)


def rings(sound: Sound) -> bool:
    """Return whether a sound still rings at its end, as loops and textures do."""
    levels = sound.levels()
    return levels.tail_db - levels.peak_db > RINGS_DB


def unprocessed(adapter: SourceAdapter, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `blocks` of the unchanged source."""
    windows = adapter.windows()
    for number in range(first, len(windows)):
        start, stop = windows.span(number)
        done = stop if number + 1 == len(windows) else start + windows.hop
        yield adapter.kept(start, done), adapter.kept(done, stop)


def processed(
    adapter: SourceAdapter, process: Process, first: int = 0, made: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `blocks` of the source: windows are cut and joined in its form, and processed in the model's.

    `process` gets start and stop in frames of the source; the waves that it gets and returns are the model's.
    No window is shorter than the model's own sounds: the last one may reach beyond the end of the source.
    """

    def through(start: int, stop: int, known: Tensor | None) -> Tensor:
        before = None if known is None else adapter.inward(known)
        made = process(start, max(stop, start + adapter.native), before)
        return adapter.outward(made, stop - start)

    return blocks(adapter.windows(), through, first, made)


def _resampled(samples: np.ndarray, rate: int, other: int) -> np.ndarray:
    if rate == other or not samples.shape[1]:
        return samples
    frames = round(samples.shape[1] * other / rate)
    converted: np.ndarray = soxr.resample(samples.T, rate, other, quality="HQ").T[:, :frames]
    return np.pad(converted, ((0, 0), (0, frames - converted.shape[1])))
