"""Make variations of a sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from wavesmith.families import Constraint, Family
from wavesmith.models import Model
from wavesmith.noise import Index
from wavesmith.sound import Sound, SoundLike
from wavesmith.verbs.constraints import held
from wavesmith.verbs.postprocess import begins_with_step, faded_in, without_dc
from wavesmith.verbs.settings import LabelledSettings
from wavesmith.verbs.source_adapter import SourceAdapter, processed
from wavesmith.verbs.verb import Blocks, Progress, Task, Verb, batches
from wavesmith.verbs.windows import holding

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.verb_index import VaryChoices

Shape = Callable[[Tensor, Tensor], Tensor]
"""(result, source), waves `[C, N]` of one window -> result."""


class VarySettings(LabelledSettings):
    """Settings of `vary`."""

    amount: float = Field(
        default=0.4, ge=0, le=1, description="Distance from the source: 0 is the source, 1 a new sound."
    )
    method: Literal["noise", "inversion"] = Field(
        default="noise",
        description="noise starts from the source under noise; inversion from the noise that generates the "
        "source, keeps more of it and takes several times as long.",
    )


V = TypeVar("V", bound=VarySettings)


def vary(
    model: Model,
    sound: SoundLike,
    count: int = 1,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[VaryChoices],
) -> list[Sound]:
    """Make variations of a sound.

    Args:
        model: what `load` returned.
        sound: a `Sound`, a path or `(array, rate)`, of any rate, length and number of channels.
        count: how many.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: `amount`, `method`, `label` (of the variations) and the other settings listed
            in docs/vary.md.

    Returns:
        Sounds at the rate and channels (of more than two the first two) of the source, each with its recipe.

    Raises:
        RequestError: for a request that this model cannot follow.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(VARY.stream(model, sound, count=count, seed=seed, first=first, progress=progress, **choices))


def variations(task: Task[V], wave: Tensor, indices: Sequence[Index], known: Tensor | None = None) -> Tensor:
    """Return variations `[B, C, N]` of a wave `[C, N]`, unfinished.

    `known` `[C, V]` is the beginning of each, which is kept over its first half.
    """
    operation = _operation(task.family, dict(task.settings))
    keep = None if known is None else beginning_kept(known, wave.shape[-1])
    method: Callable[..., Tensor] = getattr(task.family, operation)
    return method(wave, task.settings.amount, task.condition(), task.sampling, task.noise(indices), keep)


def beginning_kept(known: Tensor, length: int) -> Constraint:
    """Return the constraint that waves of `length` samples begin with `known` `[C, V]`."""
    overlap = min(known.shape[-1], length)
    wave = F.pad(known[:, :overlap], (0, length - overlap))
    return held(wave, holding(overlap, length, wave))


def _make(task: Task[VarySettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    adapter = SourceAdapter(source, task.model)
    if task.settings.amount == 0:
        same = adapter.levelled(adapter.kept(0, source.frames), task.settings.peak_db)
        yield from (same for _ in indices)
    elif len(adapter.windows()) == 1:
        wave = adapter.take(0, max(source.frames, adapter.native))
        for chosen in batches(task.model, indices):
            for made in variations(task, wave, chosen):
                yield adapter.ended(made, [source], task.settings.peak_db)
    else:
        for index in indices:
            wave = torch.cat([done for done, _ in windowed(task, adapter, index)], dim=-1)
            yield adapter.levelled(wave, task.settings.peak_db)


def windowed(
    task: Task[V],
    adapter: SourceAdapter,
    index: int,
    first: int = 0,
    made: Tensor | None = None,
    shape: Shape = lambda wave, piece: wave,
) -> Blocks:
    """Vary a sound window after window (see `blocks`); `shape` is applied to each with its source.

    The result has no DC, and begins in silence where its source does.
    """

    def process(start: int, stop: int, known: Tensor | None) -> Tensor:
        piece = adapter.take(start, stop)
        if not piece.any():
            return piece
        wave = variations(task, piece, [(index, start)], known)[0]
        wave = without_dc(shape(wave, piece), task.model.rate)
        stepped = start == 0 and begins_with_step(wave) and not begins_with_step(piece)
        return faded_in(wave, task.model.rate) if stepped else wave

    return processed(adapter, process, first, made)


def _operation(family: Family, requested: Mapping[str, Any]) -> str:
    """Return the operation of a request; with the amount 1 nothing of a source is left to invert."""
    inverted = requested.get("method") == "inversion" and requested.get("amount") != 1
    return "resample" if inverted else "edit"


VARY = Verb(
    "vary",
    "Make variations of a sound.",
    VarySettings,
    _make,
    ("edit", "resample"),
    _operation,
    sources=(1,),
)
