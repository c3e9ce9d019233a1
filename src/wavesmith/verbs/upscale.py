"""Bandwidth extension: the model adds high frequencies to a sound, and the rest stays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from wavesmith.errors import RequestError
from wavesmith.families import Constraint
from wavesmith.models import Model
from wavesmith.sound import Sound, SoundLike
from wavesmith.verbs.constraints import both
from wavesmith.verbs.settings import LabelledSettings
from wavesmith.verbs.source_adapter import SourceAdapter, processed
from wavesmith.verbs.vary import beginning_kept
from wavesmith.verbs.verb import Progress, Task, Verb

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.verb_index import UpscaleChoices

_TAPS_SECONDS = 0.012  # length of the crossover filter: its slope is some 300 Hz wide
_EDGES_SECONDS = 0.002
_EDGE_DB = 65.0  # re the loudest frequency: the band ends above the last one louder than that


class UpscaleSettings(LabelledSettings):
    """Settings of `upscale`."""

    cutoff: float | None = Field(
        default=None,
        ge=100,
        le=192_000,
        description="Frequency in Hz up to which the sound is kept; by default where its band ends.",
    )

    def check(self, model: Model) -> None:
        """Raise RequestError also for a cutoff above which the model can add nothing."""
        super().check(model)
        if self.cutoff is not None and not self.cutoff < 0.5 * model.rate:
            raise RequestError(
                f"A cutoff of {self.cutoff:g} Hz leaves nothing to add for a model of {model.rate} Hz; "
                f"choose 100 to {0.5 * model.rate:g}."
            )


def upscale(
    model: Model,
    sound: SoundLike,
    count: int = 1,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[UpscaleChoices],
) -> list[Sound]:
    """Bring a dull sound (a low rate, an old MP3) to full band.

    Args:
        model: what `load` returned.
        sound: a `Sound`, a path or `(array, rate)`, of any length and number of channels.
        count: how many different results.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: `cutoff`, `label` and the other settings listed in docs/upscale.md.

    Returns:
        Sounds at the source's rate, or at the model's where that is higher, with its channels (of more than
        two the first two), each with its recipe.

    Raises:
        RequestError: when nothing is missing, or the model cannot follow the request.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(
        UPSCALE.stream(model, sound, count=count, seed=seed, first=first, progress=progress, **choices)
    )


def band_end(sound: Sound) -> float:
    """Return the frequency in Hz above which a sound has (nearly) no energy."""
    window = min(2048, 2 ** int(math.log2(max(64, sound.frames))))
    faded = sound.fade(
        _EDGES_SECONDS, _EDGES_SECONDS
    )  # a sound that begins at once would click in every band
    waves = F.pad(faded.tensor(), (0, max(0, window - sound.frames)))
    spectrum = torch.stft(
        waves,
        window,
        window // 2,
        window=torch.hann_window(window),
        pad_mode="constant",
        return_complex=True,
    )
    power = spectrum.abs().square().mean((0, 2))
    audible = (power > power.max() * 10 ** (-_EDGE_DB / 10)).nonzero()
    return float((int(audible[-1]) + 1) * sound.rate / window)


def _make(task: Task[UpscaleSettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    model = task.model
    cutoff = task.settings.cutoff or min(band_end(source), 0.47 * source.rate)
    if cutoff > 0.5 * source.rate:
        raise RequestError(
            f"At {source.rate} Hz there is nothing above {0.5 * source.rate:g} Hz that could be kept up to "
            f"{cutoff:g} Hz; give a lower cutoff, or none."
        )
    if cutoff >= 0.47 * model.rate:
        raise RequestError(
            f"The sound reaches up to {cutoff:.0f} Hz already, which is as far as the model goes; "
            "there is nothing to add (or give a lower cutoff)."
        )
    wide = source.resample(max(source.rate, model.rate))
    adapter = SourceAdapter(wide, model)
    low, condition = _low_pass(cutoff, model.rate), task.condition()
    for index in indices:

        def process(start: int, stop: int, known: Tensor | None, index: int = index) -> Tensor:
            wave = adapter.take(start, stop)
            begun = None if known is None else beginning_kept(known, wave.shape[-1])
            keep, noise = both(_band_held(wave, low), begun), task.noise([(index, start)])
            (made,) = task.family.edit(wave, 1.0, condition, task.sampling, noise, keep)
            full: Tensor = made
            return full

        made = torch.cat([done for done, _ in processed(adapter, process)], dim=-1)
        kept = wide.channels_as(adapter.channels).tensor()
        result = made + _filtered(kept - made, _low_pass(cutoff, wide.rate))
        yield adapter.levelled(result, task.settings.peak_db)


def _band_held(known: Tensor, low: Tensor) -> Constraint:
    """Return the constraint that keeps the band below the cutoff of `known` `[C, N]`."""
    return lambda wave: wave + _filtered(known - wave, low)


def _filtered(wave: Tensor, taps: Tensor) -> Tensor:
    """Filter a wave `[..., N]` by a symmetric filter, without delay."""
    length, lag = wave.shape[-1], len(taps) // 2
    padded = 2 ** math.ceil(math.log2(length + len(taps)))
    spectrum = torch.fft.rfft(wave, padded) * torch.fft.rfft(taps.to(wave), padded)
    filtered: Tensor = torch.fft.irfft(spectrum, padded)[..., lag : lag + length]
    return filtered


def _low_pass(cutoff: float, rate: int) -> Tensor:
    """Return the taps of a linear-phase low-pass: a sinc under a Blackman window."""
    half = round(_TAPS_SECONDS * rate / 2)
    time = np.arange(-half, half + 1)
    taps = np.sinc(2 * cutoff / rate * time) * np.blackman(len(time))
    return torch.from_numpy((taps / taps.sum()).astype(np.float32))


UPSCALE = Verb("upscale", "Bring a dull sound to full band.", UpscaleSettings, _make, ("edit",), sources=(1,))
