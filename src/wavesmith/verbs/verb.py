"""What all verbs share: from a request to sounds that carry their recipes, and from a recipe to its sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.recipe import Recipe, Source
from wavesmith.sound import Sound
from wavesmith.verbs.settings import S, check_count, settle
from wavesmith.verbs.source_adapter import check_audible

Progress = Callable[[int, int], None]
Given = Sound | str | Path
"""A sound in memory, or the file it is in."""

# On a CPU one sound at a time is nearly as quick as many, and exactly the same in any batch: matrix products
# of other sizes round differently. Accelerators need company to be quick.
_ACCELERATOR_BATCH = 16


def batches(model: Model, indices: Sequence[int]) -> Iterator[Sequence[int]]:
    """Indices in the portions that suit the model's device."""
    size = 1 if model.device.type == "cpu" else _ACCELERATOR_BATCH
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


@dataclass(frozen=True)
class Task(Generic[S]):
    """Everything that decides the sounds of one request."""

    model: Model
    settings: S
    seed: int
    sources: tuple[Sound, ...] = ()
    origins: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Verb(Generic[S]):
    """Something people do with sounds.

    Attributes:
        name: as in recipes and on the command line.
        settings: what can be asked for.
        make: yields sounds (without recipes) of a task, one for each index, in that order.
        sources: how many sounds it is given.
    """

    name: str
    settings: type[S]
    make: Callable[[Task[S], Sequence[int]], Iterable[Sound]]
    sources: int = 0

    def task(self, model: Model, sources: Sequence[Given], seed: int, **asked: Any) -> Task[S]:
        """Read the sources, settle what was asked for, and refuse what cannot be done.

        Raises:
            RequestError: when it makes no sense.
            AudioError: when a source is empty, silent or cannot be read.
        """
        settings = settle(self.settings, model, **asked)
        sounds = tuple(map(heard, sources))
        for given, sound in zip(sources, sounds, strict=True):
            check_audible(sound, path_of(given))
        return Task(model, settings, seed, sounds, tuple(map(_origin, sources, sounds)))

    def stream(
        self,
        model: Model,
        *sources: Given,
        n: int = 1,
        seed: int | None = None,
        first: int = 0,
        progress: Progress | None = None,
        skip: Callable[[Recipe], bool] | None = None,
        **asked: Any,
    ) -> Iterator[Sound]:
        """Make `n` sounds, yielding each as soon as it is made; memory for sounds does not grow with `n`.

        Args:
            model: what `load` returned.
            sources: the sounds it is done to.
            n: how many.
            seed: 0 to 2^31 - 1; drawn and kept in the recipe if None. Sound k of a seed is always the same.
            first: index of the first sound: `n=1, first=5` is the sixth sound of the seed.
            progress: called with (sounds done, sounds in all).
            skip: asked about every recipe before anything is made, so that what it refuses is refused at
                once; sounds for which it is true are left out.
            asked: fields of `settings`.
        """
        seed = check_count(n, seed)
        if first < 0:
            raise RequestError(f"The first sound cannot be number {first}; count from 0.")
        task = self.task(model, sources, seed, **asked)
        wanted: Sequence[int] = range(first, first + n)
        if skip:
            wanted = [k for k in wanted if not skip(self.recipe(task, k))]
        return self._stream(task, wanted, progress)

    def _stream(self, task: Task[S], indices: Sequence[int], progress: Progress | None) -> Iterator[Sound]:
        sounds = zip(indices, self.make(task, indices), strict=True) if indices else ()
        for done, (index, sound) in enumerate(sounds, start=1):
            yield sound.with_recipe(self.recipe(task, index))
            if progress:
                progress(done, len(indices))

    def one(self, task: Task[S], index: int) -> Sound:
        """Sound number `index` of a task."""
        return next(self._stream(task, [index], None))

    def recipe(self, task: Task[S], index: int) -> Recipe:
        """What makes sound number `index` of a task again."""
        return Recipe(
            verb=self.name,
            model=task.model.name,
            model_hash=task.model.hash,
            seed=task.seed,
            index=index,
            settings=task.settings.model_dump(mode="json"),
            sources=task.origins,
        )


def heard(given: Given) -> Sound:
    """The sound itself, read if it is in a file."""
    return given if isinstance(given, Sound) else Sound.read(given)


def path_of(given: Given) -> str:
    """The file it is in; empty for a sound in memory."""
    return "" if isinstance(given, Sound) else str(given)


def _origin(given: Given, sound: Sound) -> Source:
    return Source(path=path_of(given), sha256=sound.sha256, recipe=sound.recipe)
