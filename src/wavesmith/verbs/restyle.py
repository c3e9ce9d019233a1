"""A sound or a whole track made anew in the manner of a model, at any length and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.verbs.settings import check_share
from wavesmith.verbs.sources import Bench, on_bench
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
        Sounds of the rate, channels and length of the source, each with its recipe.

    Raises:
        RequestError: for a request that this model cannot follow.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(
        RESTYLE.stream(model, sound, n=n, amount=amount, seed=seed, first=first, progress=progress, **choices)
    )


def restyled(
    task: Task[RestyleSettings], bench: Bench, index: int, first: int = 0, made: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """The result, window after window, in the source's form: see `blocks`."""

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
    bench = on_bench(source, task.model)
    for index in indices:
        if task.settings.amount == 0:
            yield source
            continue
        wave = torch.cat([done for done, _ in restyled(task, bench, index)], dim=-1)
        yield bench.levelled(Sound.from_tensor(wave, source.rate), task.settings.peak_db)


RESTYLE = Verb("restyle", RestyleSettings, _make, sources=1)
