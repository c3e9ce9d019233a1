"""A sound or a whole track made anew in the manner of a model, at any length and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wavesmith.models import Model
from wavesmith.recipe import Recipe, Source
from wavesmith.sound import Bits, Sound, check_target
from wavesmith.streaming import SoundFile, Unfinished
from wavesmith.verbs.settings import check_count, check_share, settle
from wavesmith.verbs.source_adapter import SourceAdapter, check_audible, unworked
from wavesmith.verbs.vary import VarySettings, windowed
from wavesmith.verbs.verb import Given, Progress, Task, Verb

_ENVELOPE_SECONDS = 0.02
_MOST_GAIN = 16.0  # 24 dB
_QUIETEST = 1e-4  # -80 dBFS


class RestyleSettings(VarySettings):
    """What `restyle` can be asked for.

    Attributes:
        amount: 0 gives the sound itself, 1 something that only its length is left of.
        envelope: how far the loudness over time follows the source's again, 0 to 1.
    """

    amount: float = 0.5
    envelope: float = 0.0

    def check(self, model: Model) -> None:
        """Refuse envelopes that are no share, too."""
        super().check(model)
        check_share("envelope", self.envelope)


def restyle(
    model: Model,
    sound: Given,
    n: int = 1,
    *,
    amount: float = 0.5,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Any,
) -> list[Sound]:
    """Make a sound or track anew in the manner of a model, in overlapping windows.

    Args:
        model: what `load` returned.
        sound: of any rate, length and number of channels, or the file it is in. Files that are too long for
            memory are for `restyle_file`.
        n: how many.
        amount: how far from the sound, 0 to 1.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: `envelope`, `method`, `label` and the other fields of `RestyleSettings`.

    Returns:
        Sounds of the rate, channels (of more than two the first two) and length of the source, each with
        its recipe.

    Raises:
        RequestError: for a request that this model cannot follow.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(
        RESTYLE.stream(model, sound, n=n, amount=amount, seed=seed, first=first, progress=progress, **choices)
    )


def restyled(
    task: Task[RestyleSettings], bench: SourceAdapter, index: int, first: int = 0, made: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """The result, window after window, in the source's form: see `blocks`."""
    if task.settings.amount == 0:
        return unworked(bench, first)

    def shape(wave: Tensor, piece: Tensor) -> Tensor:
        return followed(wave, piece, task.model.rate, task.settings.envelope)

    return windowed(task, bench, index, first, made, shape)


def followed(wave: Tensor, source: Tensor, rate: int, share: float) -> Tensor:
    """Give a wave `[C, N]` the loudness over time of another, wholly (share 1) or in part."""
    if share == 0:
        return wave
    ratio = _envelope(source, rate) / _envelope(wave, rate)
    return wave * ratio.clamp(1 / _MOST_GAIN, _MOST_GAIN).pow(share)


def _envelope(wave: Tensor, rate: int) -> Tensor:
    """Root mean square `[N]` over 20 ms around each sample and over channels."""
    width = max(1, round(_ENVELOPE_SECONDS * rate)) // 2 * 2 + 1
    power = wave.square().mean(0)[None, None]
    smooth = F.avg_pool1d(power, width, 1, padding=width // 2, count_include_pad=False)[0, 0]
    return smooth.sqrt() + _QUIETEST


@torch.inference_mode()
def _make(task: Task[RestyleSettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    bench = SourceAdapter(source, task.model)
    for index in indices:
        wave = torch.cat([done for done, _ in restyled(task, bench, index)], dim=-1)
        yield bench.levelled(wave, task.settings.peak_db)


RESTYLE = Verb("restyle", RestyleSettings, _make, sources=1)


class Restyled(NamedTuple):
    """What `restyle_file` wrote: the recipe, which the file carries as well, and the peak before clipping."""

    recipe: Recipe
    peak: float


@torch.inference_mode()
def restyle_file(
    model: Model,
    source: str | Path | SoundFile,
    out: str | Path,
    *,
    index: int = 0,
    seed: int | None = None,
    bits: Bits = 24,
    progress: Progress | None = None,
    **choices: Any,
) -> Restyled:
    """`restyle` from file to file, in memory that does not grow with the length of the sound.

    What is done survives an interruption: the same call goes on from there. The file is the one that
    `restyle` would make.

    Args:
        model: what `load` returned.
        source: a sound file of any rate, length and number of channels; a `SoundFile`, which remembers its
            hash and peak, if several sounds are made of it.
        out: the file to write, ending in .wav or .flac.
        index: which of the sounds of the seed.
        seed: see `generate`; give it, if an interrupted run is to be gone on with.
        bits: see `Sound.write`.
        progress: called with (windows done, windows in all).
        choices: as for `restyle`.

    Returns:
        The recipe, and the peak, which integer formats clip at 1.

    Raises:
        RequestError: for a request that this model cannot follow.
        AudioError: when the source is empty, silent or cannot be read.
        WavesmithError: when `out` cannot be written.
    """
    out, audio = Path(out), _opened(source)
    check_target(out, bits)
    task, bench = _task(model, audio, seed, choices), SourceAdapter(audio, model)
    recipe, total = RESTYLE.recipe(task, index), len(bench.windows())
    unfinished = Unfinished(out, recipe, audio.rate, bench.channels)
    made = None if unfinished.pending is None else torch.from_numpy(unfinished.pending)
    for done, rest in restyled(task, bench, index, unfinished.parts, made):
        unfinished.add(done.numpy(), rest.numpy())
        if progress:
            progress(unfinished.parts, total)
    gain = bench.gain_to(unfinished.peak, task.settings.peak_db)
    unfinished.finish(gain, bits)
    return Restyled(recipe, gain * unfinished.peak)


def restyle_recipe(
    model: Model,
    source: str | Path | SoundFile,
    *,
    index: int = 0,
    seed: int | None = None,
    **choices: Any,
) -> Recipe:
    """The recipe of the file that `restyle_file` would write; nothing is made."""
    return RESTYLE.recipe(_task(model, _opened(source), seed, choices), index)


def _opened(source: str | Path | SoundFile) -> SoundFile:
    return source if isinstance(source, SoundFile) else SoundFile(source)


def _task(model: Model, audio: SoundFile, seed: int | None, choices: dict[str, Any]) -> Task[RestyleSettings]:
    settings = settle(RestyleSettings, model, **choices)
    check_audible(audio, str(audio.path))
    origin = Source(path=str(audio.path), sha256=audio.sha256, recipe=audio.recipe)
    return Task(model, settings, check_count(1, seed), (), (origin,))
