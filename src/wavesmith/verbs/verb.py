"""Common part of all verbs: from a request to sounds with recipes, and from a recipe to its sound."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import torch
from torch import Tensor

from wavesmith.data.audible import check_audible
from wavesmith.errors import RequestError
from wavesmith.families import Condition, Family, Sampling
from wavesmith.guides import loss_terms, read_guides
from wavesmith.models import Model
from wavesmith.noise import Index, ItemNoise
from wavesmith.recipe import Recipe, Source
from wavesmith.sound import Sound, SoundLike, as_sound
from wavesmith.tags import InstrumentTags
from wavesmith.verbs.settings import S, check_count, check_seed, given_values, settle

Progress = Callable[[int, int], None]
Blocks = Iterator[tuple[Tensor, Tensor]]
"""Finished and unfinished samples, window after window: see `windows.blocks`."""

# On a CPU one sound at a time is nearly as quick as many, and exactly the same in any batch: matrix products
# of other sizes round differently. Accelerators need batches to be quick.
_ACCELERATOR_BATCH = 16


def batches(model: Model, indices: Sequence[int]) -> Iterator[Sequence[int]]:
    """Split indices into batches that suit the model's device."""
    size = 1 if model.device.type == "cpu" else _ACCELERATOR_BATCH
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


@dataclass(frozen=True)
class Task(Generic[S]):
    """Complete description of one request, from which its sounds follow.

    Attributes:
        model: the model that generates.
        settings: settings of the verb.
        sampling: settings of the family's operation.
        seed: seed of all random numbers.
        sources: sounds that the verb works on.
        origins: their paths, hashes and recipes, for the recipes of the results.
    """

    model: Model
    settings: S
    sampling: Sampling
    seed: int
    sources: tuple[Sound, ...] = ()
    origins: tuple[Source, ...] = ()

    @property
    def family(self) -> Any:
        """The model's family, which has the operation that the verb needs."""
        return self.model.family

    def condition(self) -> Condition:
        """Return the condition given by the label and guides in the settings."""
        return condition_of(self.model, self.settings)

    def noise(self, indices: Sequence[Index]) -> ItemNoise:
        """Return the seeded noise of sounds, or of parts of sounds."""
        return ItemNoise(self.seed, indices, self.model.device)


def condition_of(model: Model, settings: Any) -> Condition:
    """Return the condition that settings with a label and guides describe."""
    weights = model.family.label_weights(getattr(settings, "label", None))
    guides = getattr(settings, "guide", ())
    mix = dict(zip(model.labels, weights.tolist(), strict=True))
    return Condition(weights, loss_terms(guides, model, mix) if guides else ())


@dataclass(frozen=True)
class Verb(Generic[S]):
    """One operation on sounds; commands, HTTP requests and the studio's controls derive from it.

    Attributes:
        name: in recipes, Python, commands and requests (commands write `-` for `_`).
        summary: a sentence for help texts.
        settings: the verb's own settings.
        make: yields the sounds (without recipes) of a task, one for each index, in that order.
        operations: names in `Family.OPERATIONS` that it may need; a request needs one.
        choose: picks the operation for a family and a request; None takes the first.
        sources: numbers of sounds that it can work on.
        count: default number of sounds. Where the settings have a `count` of their own (sounds of a morph),
            `total` derives the number of sounds from it.
        total: number of sounds of settings and a number of sources; None if any number can be made.
        seed: default seed; None draws one.
        blocks: makes a sound window after window, for files of any length; None if it cannot.
        needs_labels: whether the verb makes sense only for models with labels.
        tags: sampler tags of the files of its sounds.
    """

    name: str
    summary: str
    settings: type[S]
    make: Callable[[Task[S], Sequence[int]], Iterable[Sound]]
    operations: tuple[str, ...]
    choose: Callable[[Family, Mapping[str, Any]], str] | None = None
    sources: tuple[int, ...] = (0,)
    count: int = 1
    total: Callable[[S, int], int] | None = None
    seed: int | None = None
    blocks: Callable[..., Blocks] | None = None
    needs_labels: bool = False
    tags: Callable[[Sound], InstrumentTags] | None = None

    def operation(self, family: Family, requested: Mapping[str, Any]) -> str:
        """Return the operation of the family that a request needs."""
        return self.choose(family, requested) if self.choose else self.operations[0]

    def works_with(self, family: Family) -> bool:
        """Return whether a model of this family can do it with its default settings."""
        able = self.operation(family, {}) in family.OPERATIONS and family.TAKES == family.GIVES == "waves"
        return able and (bool(family.config.labels) or not self.needs_labels)

    def task(self, model: Model, sources: Sequence[SoundLike], seed: int | None, **requested: Any) -> Task[S]:
        """Read the sources, complete the settings, and refuse requests that cannot be followed.

        Raises:
            RequestError: when the request is invalid or is not for this model.
            AudioError: when a source is empty, silent or cannot be read.
        """
        settings, sampling = self.settle(model, len(sources), **requested)
        sounds = tuple(map(as_sound, sources))
        for given, sound in zip(sources, sounds, strict=True):
            check_audible(sound, path_of(given))
        origins = tuple(map(_origin, sources, sounds))
        return Task(model, settings, sampling, self.check_seed(seed), sounds, origins)

    def settle(
        self, model: Model, sources: int = 0, *, complete: bool = True, **requested: Any
    ) -> tuple[S, Sampling]:
        """Check settings, and complete them by defaults.

        Args:
            model: whose defaults and operations count.
            sources: number of sounds to work on.
            complete: fill in defaults; False for a recipe, which holds all values.
            requested: values of settings.

        Raises:
            RequestError: for invalid values, or values that this model does not support.
        """
        if sources not in self.sources:
            wanted = " or ".join(map(str, self.sources))
            raise RequestError(f"{self.name} works on {wanted} sounds, not on {sources}; give as many.")
        if not self.works_with(model.family):
            raise RequestError(_cannot(self, model.family))
        given = given_values(requested)
        if "guide" in given:
            given["guide"] = tuple(guide.settled(model) for guide in read_guides(given["guide"]))
        operation = self.operation(model.family, given)
        if operation not in model.family.OPERATIONS:
            raise RequestError(_cannot(self, model.family))
        return settle(self.settings, operation, model, given, complete=complete)

    def check_seed(self, seed: int | None) -> int:
        """Return the seed, or this verb's default, or a drawn one; raises RequestError out of range."""
        return check_seed(self.seed if seed is None else seed)

    def stream(
        self,
        model: Model,
        *sources: SoundLike,
        count: int | None = None,
        seed: int | None = None,
        first: int = 0,
        progress: Progress | None = None,
        skip: Callable[[Recipe], bool] | None = None,
        **requested: Any,
    ) -> Iterator[Sound]:
        """Make sounds, yielding each as soon as it is made; memory for sounds does not grow with their count.

        Args:
            model: what `load` returned.
            sources: sounds to work on; see `wavesmith.sound.as_sound`.
            count: how many sounds; of a morph, how many from end to end.
            seed: 0 to 2^31 - 1; drawn and kept in the recipe if None. Sound k of a seed is always the same.
            first: index of the first sound: `count=1, first=5` is the sixth sound of the seed.
            progress: called with (sounds done, sounds in all).
            skip: called with every recipe before the first sound is made, and may raise; sounds for which it
                returns true are left out.
            requested: settings of the verb and of the family's operation.
        """
        count = self.count if count is None else count
        if self.total is None:
            check_count(count)
        else:
            requested["count"] = count
        if first < 0:
            raise RequestError(f"first cannot be {first}; count from 0.")
        task = self.task(model, sources, seed, **requested)
        wanted: Sequence[int] = range(first, self.stop(task.settings, len(sources), first, count))
        if skip:
            wanted = [k for k in wanted if not skip(self.recipe(task, k))]
        return self._stream(task, wanted, progress)

    def stop(self, settings: S, sources: int, first: int, count: int) -> int:
        """Return the index after the last sound of a request."""
        return first + count if self.total is None else self.total(settings, sources)

    def _stream(self, task: Task[S], indices: Sequence[int], progress: Progress | None) -> Iterator[Sound]:
        sounds = zip(indices, self._run(task, indices), strict=True) if indices else ()
        for done, (index, sound) in enumerate(sounds, start=1):
            yield sound.with_recipe(self.recipe(task, index))
            if progress:
                progress(done, len(indices))

    def _run(self, task: Task[S], indices: Sequence[int]) -> Iterator[Sound]:
        """Run `make` without gradients; between sounds the caller's mode applies."""
        sounds = iter(self.make(task, indices))
        while True:
            with torch.inference_mode():
                try:
                    sound = next(sounds)
                except StopIteration:
                    return
            yield sound

    def one(self, task: Task[S], index: int) -> Sound:
        """Make sound number `index` of a task."""
        return next(self._stream(task, [index], None))

    def recipe(self, task: Task[S], index: int) -> Recipe:
        """Return the recipe of sound number `index` of a task."""
        return Recipe(
            verb=self.name,
            model=task.model.name,
            model_hash=task.model.hash,
            seed=task.seed,
            index=index,
            settings=recorded(task.settings, task.sampling),
            sources=task.origins,
        )


def recorded(settings: Any, sampling: Sampling) -> dict[str, Any]:
    """Return all settings as a recipe holds them: JSON values, without those that are unset."""
    values = sampling.model_dump(mode="json") | settings.model_dump(mode="json")
    return {name: value for name, value in values.items() if name == "peak_db" or value not in (None, [], ())}


def _cannot(verb: Verb[Any], family: Family) -> str:
    from wavesmith.verbs.registry import VERBS  # which imports all verbs

    able = [known.name.replace("_", " ") for known in VERBS.values() if known.works_with(family)]
    listed = f"it can {', '.join(able[:-1])} and {able[-1]}" if len(able) > 1 else f"it can {able[0]}"
    return f"This model cannot {verb.name.replace('_', ' ')}; {listed if able else 'use another model'}."


def path_of(given: SoundLike) -> str:
    """Return the path of a sound file; empty for a sound in memory."""
    return str(given) if isinstance(given, str | os.PathLike) else ""


def _origin(given: SoundLike, sound: Sound) -> Source:
    return Source(path=path_of(given), sha256=sound.sha256, recipe=sound.recipe)
