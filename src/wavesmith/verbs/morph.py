"""Morph: the sounds from one sound to another, among four sounds, or from label to label."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from pydantic import Field
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.families import Label
from wavesmith.models import Model
from wavesmith.sound import Sound, SoundLike
from wavesmith.verbs.generate import GenerateSettings
from wavesmith.verbs.postprocess import finish
from wavesmith.verbs.settings import VerbSettings
from wavesmith.verbs.source_adapter import SourceAdapter, processed
from wavesmith.verbs.verb import Progress, Task, Verb, condition_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.verb_index import MorphChoices, MorphLabelsChoices

_MOST = 10_000


class MorphSettings(VerbSettings):
    """Settings of `morph`."""

    count: int = Field(
        default=8,
        ge=2,
        le=_MOST,
        description="Sounds from the first source to the last, both counted; of four, along each side.",
    )


class MorphLabelsSettings(GenerateSettings):
    """Settings of `morph_labels`: one noise, and a label that changes from sound to sound."""

    to: Label = Field(default=None, description="Label, or mix of labels, of the last sound.")
    count: int = Field(
        default=8, ge=2, le=_MOST, description="Sounds from the first label to the last, both counted."
    )

    def check(self, model: Model) -> None:
        """Raise RequestError also for labels that are unknown or missing."""
        super().check(model)
        model.family.label_weights(self.to)
        if self.label is None or self.to is None:
            raise RequestError("A morph between labels needs two of them; give both, label and to.")


def morph(
    model: Model,
    *sounds: SoundLike,
    count: int = 8,
    seed: int = 0,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[MorphChoices],
) -> list[Sound]:
    """Make the sounds between two sounds, or a square of them among four.

    The ends are the sources themselves.

    Args:
        model: what `load` returned.
        sounds: two, or four: top left, top right, bottom left, bottom right.
        count: sounds from one to the other, both counted; for four sounds, along each side, `count * count`
            in all.
        seed: of the weak noise that inversion adds.
        first: index of the first sound to make.
        progress: see `generate`.
        choices: the settings listed in docs/morph.md.

    Returns:
        Sounds at the rate and channels of the first source, as long as the longest, each with its recipe.

    Raises:
        RequestError: for a request that makes no sense.
        AudioError: when a source is empty, silent or cannot be read.
    """
    return list(
        MORPH.stream(model, *sounds, count=count, seed=seed, first=first, progress=progress, **choices)
    )


def morph_labels(
    model: Model,
    label: Label,
    to: Label,
    count: int = 8,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[MorphLabelsChoices],
) -> list[Sound]:
    """Generate sounds from one label (or mix of labels) to another: one noise, with a label that changes.

    Args:
        model: what `load` returned; it must know the labels.
        label: of the first sound.
        to: of the last sound.
        count: sounds from one to the other, both counted.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: the settings listed in docs/morph.md.

    Raises:
        RequestError: for a request that this model cannot follow.
    """
    request: dict[str, Any] = {"label": label, "to": to, "count": count, "seed": seed, "first": first}
    return list(MORPH_LABELS.stream(model, progress=progress, **request, **choices))


def _shares(task: Task[MorphSettings], index: int) -> list[float]:
    """Return the shares of the sources in sound number `index`, which sum to 1."""
    last = task.settings.count - 1
    if len(task.sources) == 2:
        along = min(index, last) / last
        return [1 - along, along]
    down, along = (min(place, last) / last for place in divmod(index, last + 1))
    return [(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along]


def _make(task: Task[MorphSettings], indices: Sequence[int]) -> Iterator[Sound]:
    first, peak_db = task.sources[0], task.settings.peak_db
    frames = max(round(source.frames * first.rate / source.rate) for source in task.sources)
    channels = min(first.channels, 2)
    sources = [source.resample(first.rate).crop(frames) for source in task.sources]
    adapters = [SourceAdapter(source, task.model) for source in sources]
    adapter = adapters[0]

    @cache  # inverted when first needed, for all sounds between
    def window(start: int, stop: int) -> _Window:
        return _Window(task, adapters, start, stop)

    for index in indices:
        shares = _shares(task, index)
        if 1.0 in shares:
            end = sources[shares.index(1.0)].channels_as(channels)
            yield end if peak_db is None else end.normalise(peak_db)
        elif len(adapter.windows()) == 1:
            wave = window(0, max(frames, adapter.native)).between(shares)
            yield adapter.ended(wave, sources, peak_db)
        else:

            def process(
                start: int, stop: int, known: Tensor | None, shares: Sequence[float] = shares
            ) -> Tensor:
                return window(start, stop).between(shares)

            wave = torch.cat([done for done, _ in processed(adapter, process)], dim=-1)
            yield adapter.levelled(wave, peak_db)


class _Window:
    """One window of all sources, inverted."""

    def __init__(
        self, task: Task[MorphSettings], adapters: Sequence[SourceAdapter], start: int, stop: int
    ) -> None:
        self._gains = [adapter.gain for adapter in adapters]
        waves = torch.stack([adapter.take(start, stop) for adapter in adapters])
        noise = task.noise([(number, start) for number in range(len(adapters))])
        self._morph = task.family.morph(waves, task.sampling, noise)

    def between(self, shares: Sequence[float]) -> Tensor:
        """Return the wave `[C, N]` with these shares of the sources, at the level of the first."""
        level = sum(share * math.log(gain) for share, gain in zip(shares, self._gains, strict=True))
        wave: Tensor = self._morph(shares)
        return wave * (self._gains[0] / math.exp(level))


def _make_labels(task: Task[MorphLabelsSettings], indices: Sequence[int]) -> Iterator[Sound]:
    settings, rate, family = task.settings, task.model.rate, task.family
    start, stop = (family.label_weights(label) for label in (settings.label, settings.to))
    for index in indices:
        mix = torch.lerp(start, stop, min(index / (settings.count - 1), 1.0))
        label = dict(zip(task.model.labels, mix.tolist(), strict=True))
        condition = condition_of(task.model, settings.model_copy(update={"label": label}))
        (wave,) = family.generate(condition, round(settings.seconds * rate), task.sampling, task.noise([0]))
        yield Sound.from_tensor(finish(wave.cpu(), rate, settings.peak_db), rate)


def _total(settings: MorphSettings, sources: int) -> int:
    return settings.count**2 if sources == 4 else settings.count


def _total_labels(settings: MorphLabelsSettings, sources: int) -> int:
    return settings.count


MORPH = Verb(
    "morph",
    "Make the sounds between two sounds, or a square of them among four.",
    MorphSettings,
    _make,
    ("morph",),
    sources=(2, 4),
    count=8,
    total=_total,
    seed=0,
)
MORPH_LABELS = Verb(
    "morph_labels",
    "Generate sounds from one label to another.",
    MorphLabelsSettings,
    _make_labels,
    ("generate",),
    count=8,
    total=_total_labels,
    needs_labels=True,
)
