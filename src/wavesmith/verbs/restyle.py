"""Remake a sound or a whole track in the manner of a model, at any length and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from wavesmith.models import Model
from wavesmith.sound import Sound, SoundLike
from wavesmith.verbs.source_adapter import SourceAdapter, unprocessed
from wavesmith.verbs.vary import VARY, VarySettings, windowed
from wavesmith.verbs.verb import Blocks, Progress, Task, Verb

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.verbs.choices import RestyleChoices

_ENVELOPE_SECONDS = 0.02
_MOST_GAIN = 16.0  # 24 dB
_QUIETEST = 1e-4  # -80 dBFS


class RestyleSettings(VarySettings):
    """Settings of `restyle`."""

    amount: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Distance from the source: 0 is the source, 1 keeps its length only.",
    )
    envelope: float = Field(
        default=0.0, ge=0, le=1, description="How far the loudness over time follows the source's, 0 to 1."
    )


def restyle(
    model: Model,
    sound: SoundLike,
    count: int = 1,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[RestyleChoices],
) -> list[Sound]:
    """Remake a sound or track in the manner of a model, in overlapping windows.

    Args:
        model: what `load` returned.
        sound: a `Sound`, a path or `(array, rate)`, of any rate, length and number of channels. For files
            too long for memory use `make_file`.
        count: how many.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: `amount`, `envelope`, `method`, `label` and the other settings listed in docs/restyle.md.

    Returns:
        Sounds of the rate, channels (of more than two the first two) and length of the source, each with its
        recipe.

    Raises:
        RequestError: for a request that this model cannot follow.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(
        RESTYLE.stream(model, sound, count=count, seed=seed, first=first, progress=progress, **choices)
    )


def _blocks(
    task: Task[RestyleSettings],
    adapter: SourceAdapter,
    index: int,
    first: int = 0,
    made: Tensor | None = None,
) -> Blocks:
    """Make the result window after window, in the source's form: see `windows.blocks`."""
    if task.settings.amount == 0:
        return unprocessed(adapter, first)

    def shape(wave: Tensor, piece: Tensor) -> Tensor:
        return follow_envelope(wave, piece, task.model.rate, task.settings.envelope)

    return windowed(task, adapter, index, first, made, shape)


def follow_envelope(wave: Tensor, source: Tensor, rate: int, share: float) -> Tensor:
    """Give a wave `[C, N]` the loudness over time of another, wholly (share 1) or in part."""
    if share == 0:
        return wave
    ratio = _envelope(source, rate) / _envelope(wave, rate)
    return wave * ratio.clamp(1 / _MOST_GAIN, _MOST_GAIN).pow(share)


def _envelope(wave: Tensor, rate: int) -> Tensor:
    """Return the root mean square `[N]` over 20 ms around each sample and over channels."""
    width = max(1, round(_ENVELOPE_SECONDS * rate)) // 2 * 2 + 1
    power = wave.square().mean(0)[None, None]
    smooth = F.avg_pool1d(power, width, 1, padding=width // 2, count_include_pad=False)[0, 0]
    return smooth.sqrt() + _QUIETEST


def _make(task: Task[RestyleSettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    adapter = SourceAdapter(source, task.model)
    for index in indices:
        wave = torch.cat([done for done, _ in _blocks(task, adapter, index)], dim=-1)
        yield adapter.levelled(wave, task.settings.peak_db)


RESTYLE = Verb(
    "restyle",
    "Remake a sound or a whole track in the manner of a model.",
    RestyleSettings,
    _make,
    VARY.operations,
    VARY.choose,
    sources=(1,),
    blocks=_blocks,
)
