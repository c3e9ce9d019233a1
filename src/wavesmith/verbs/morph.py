"""From one sound to another, among four sounds, or from label to label."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.verbs.generate import GenerateSettings, sample
from wavesmith.verbs.latent import ascend, both_ways, come_back, own_level, slerp
from wavesmith.verbs.postprocess import finish
from wavesmith.verbs.settings import Label, Settings
from wavesmith.verbs.source_adapter import SourceAdapter, worked
from wavesmith.verbs.verb import Given, Progress, Task, Verb
from wavesmith.verbs.walk import denoiser_of, noise_of

MEETING = 1.5
"""Noise, relative to the level of the sources, at which they meet.

From above it the model would make sounds of its own in the middle, quiet or strange ones among them; from
below it both sources would be heard at once.
"""


class MorphSettings(Settings):
    """What `morph` can be asked for.

    Attributes:
        sounds: how many from the first source to the last, both counted; of four, along each side.
    """

    sounds: int = 8

    def check(self, model: Model) -> None:
        """Refuse fewer than two sounds, and what a morph between sounds cannot follow, too."""
        super().check(model)
        _check_sounds(self.sounds)
        if self.label is not None or self.avoid is not None or self.guide:
            raise RequestError("A morph between sounds follows them alone; leave labels and guides out.")


def morph(
    model: Model,
    *sounds: Given,
    n: int = 8,
    seed: int = 0,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Any,
) -> list[Sound]:
    """Make the sounds between two sounds, or a square of them among four.

    Each source is followed up to a level of noise at which its outline still shows (`latent.ascend`,
    `MEETING`); what lies between there on the sphere is turned into sounds. What this way there and back
    loses of a source is added again in the share of that source, so that the ends are the sources.

    Args:
        model: what `load` returned.
        sounds: two, or four: top left, top right, bottom left, bottom right.
        n: sounds from one to the other, both counted; for four sounds, along each side, `n * n` in all.
        seed: of the trace of noise that inversion needs.
        first: index of the first sound to make.
        progress: see `generate`.
        choices: fields of `Settings`, but no labels and no guides; both ways are walked by one sampler.

    Returns:
        Sounds at the rate and channels of the first source, as long as the longest, each with its recipe.

    Raises:
        RequestError: for a request that makes no sense.
        AudioError: when a source is empty, silent or cannot be read.
    """
    if len(sounds) not in (2, 4):
        raise RequestError(f"{len(sounds)} sounds cannot be morphed; give two, or four for a square.")
    verb, count = (MORPH, n) if len(sounds) == 2 else (GRID, n * n)
    return list(
        verb.stream(
            model, *sounds, n=count - first, seed=seed, first=first, progress=progress, sounds=n, **choices
        )
    )


def morph_labels(
    model: Model, label: Label, to: Label, n: int = 8, *, seed: int | None = None, **choices: Any
) -> list[Sound]:
    """Make sounds from one label (or mix of labels) to another: one noise, seen ever more as the other.

    Args:
        model: what `load` returned; it must know the labels.
        label: of the first sound.
        to: of the last sound.
        n: sounds from one to the other, both counted.
        seed: see `generate`.
        choices: `first`, `progress`, and the fields of `GenerateSettings`.

    Raises:
        RequestError: for a request that this model cannot follow.
    """
    count = n - int(choices.get("first", 0))
    return list(MORPH_LABELS.stream(model, n=count, seed=seed, label=label, to=to, sounds=n, **choices))


def _weights(task: Task[MorphSettings], index: int) -> list[float]:
    """Shares of the sources in sound number `index`, which sum to 1."""
    last = task.settings.sounds - 1
    if len(task.sources) == 2:
        along = min(index, last) / last
        return [1 - along, along]
    down, along = (min(place, last) / last for place in divmod(index, last + 1))
    return [(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along]


def _between(latents: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The noise among two or four, with shares as `_weights` gives them."""
    if len(latents) == 2:
        return slerp(latents[0], latents[1], weights[1])
    top, bottom = weights[0] + weights[1], weights[2] + weights[3]
    along = (weights[1] / top) if top else weights[3] / bottom
    return slerp(slerp(latents[0], latents[1], along), slerp(latents[2], latents[3], along), bottom)


@torch.inference_mode()
def _make(task: Task[MorphSettings], indices: Sequence[int]) -> Iterator[Sound]:
    first, peak_db = task.sources[0], task.settings.peak_db
    frames = max(round(source.frames * first.rate / source.rate) for source in task.sources)
    channels = min(first.channels, 2)
    sources = [source.resample(first.rate).crop(frames) for source in task.sources]
    benches = [SourceAdapter(source, task.model) for source in sources]
    part = cache(partial(_Part, task, benches))  # inverted when first needed, for all that lies between
    for index in indices:
        weights = _weights(task, index)
        if 1.0 in weights:
            end = sources[weights.index(1.0)].channels_as(channels)
            yield end if peak_db is None else end.normalise(peak_db)
        elif len(benches[0].windows()) == 1:
            wave = part(0, max(frames, benches[0].native)).wave(weights)
            yield benches[0].ended(wave, sources, peak_db)
        else:

            def process(
                start: int, stop: int, made: Tensor | None, weights: Sequence[float] = weights
            ) -> Tensor:
                return part(start, stop).wave(weights)

            wave = torch.cat([done for done, _ in worked(benches[0], process)], dim=-1)
            yield benches[0].levelled(wave, peak_db)


class _Part:
    """One window of all sources: their noises, and what inversion loses of each."""

    def __init__(
        self, task: Task[MorphSettings], benches: Sequence[SourceAdapter], start: int, stop: int
    ) -> None:
        self.family = task.model.family
        self.gains = [bench.gain for bench in benches]
        pieces = torch.stack([bench.take(start, stop) for bench in benches])
        self.length = pieces.shape[-1]
        z = self.family.transform.encode(pieces)
        self.sigmas = both_ways(task.settings, z, MEETING * own_level(z))
        # Each has its own noise: slerp changes the level if parts of two latents agree and others do not.
        traces = [(number, start) for number in range(len(benches))]
        eps = noise_of(task.model, task.seed, traces, self.length)()
        self.denoiser = denoiser_of(task.model, task.settings.without_label(), 1, self.length)
        pairs = [self._there_and_back(one[None], other[None]) for one, other in zip(z, eps, strict=True)]
        self.latents = [latent for latent, _ in pairs]
        self.lost = [piece - back for piece, (_, back) in zip(pieces, pairs, strict=True)]

    def _there_and_back(self, z: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        latent = ascend(self.denoiser, z, self.sigmas, eps)
        return latent, self._wave(latent)

    def _wave(self, latent: Tensor) -> Tensor:
        features = come_back(self.denoiser, latent, self.sigmas)
        return self.family.transform.decode(features, self.length)[0].float()

    def wave(self, weights: Sequence[float]) -> Tensor:
        """The wave `[C, N]` with these shares of the sources, at the level of the first."""
        wave = self._wave(_between(self.latents, weights))
        for share, lost in zip(weights, self.lost, strict=True):
            wave = wave + share * lost
        level = sum(w * math.log(gain) for w, gain in zip(weights, self.gains, strict=True))
        return wave * (self.gains[0] / math.exp(level))


MORPH = Verb("morph", MorphSettings, _make, sources=2)
GRID = Verb("grid", MorphSettings, _make, sources=4)


class MorphLabelsSettings(GenerateSettings):
    """What `morph_labels` can be asked for: one noise, and a label that changes from sound to sound.

    Attributes:
        label: of the first sound.
        to: of the last sound.
        sounds: how many, both counted.
    """

    to: Label = None
    sounds: int = 8

    def check(self, model: Model) -> None:
        """Refuse fewer than two sounds, and labels that are missing, too."""
        super().check(model)
        model.family.label_weights(self.to)
        if self.label is None or self.to is None:
            raise RequestError("A morph between labels needs two of them; give both.")
        _check_sounds(self.sounds)


def _make_labels(task: Task[MorphLabelsSettings], indices: Sequence[int]) -> Iterator[Sound]:
    settings, rate = task.settings, task.model.rate
    start, stop = (task.model.family.label_weights(label) for label in (settings.label, settings.to))
    for index in indices:
        mix = torch.lerp(start, stop, min(index / (settings.sounds - 1), 1.0))
        label = dict(zip(task.model.labels, mix.tolist(), strict=True))
        (wave,) = sample(task.model, settings.model_copy(update={"label": label}), task.seed, [0])
        yield Sound.from_tensor(finish(wave, rate, settings.peak_db), rate)


def _check_sounds(sounds: int) -> None:
    if not 2 <= sounds <= 10_000:
        raise RequestError(f"A morph of {sounds} sounds makes no sense; ask for 2 to 10000.")


MORPH_LABELS = Verb("morph_labels", MorphLabelsSettings, _make_labels)
