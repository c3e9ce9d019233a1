"""Make a sound again from the recipe that it carries."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

import soundfile

from wavesmith.audio_file import Bits
from wavesmith.errors import AudioError, ModelError, RequestError
from wavesmith.models import Model, load
from wavesmith.recipe import VERSION, Recipe, Source
from wavesmith.sound import Sound, SoundLike, as_sound
from wavesmith.verbs.old_recipes import upgraded
from wavesmith.verbs.registry import VERBS
from wavesmith.verbs.verb import Task, path_of


def again(
    given: SoundLike | Recipe, *, model: Model | None = None, sources: Sequence[SoundLike] = ()
) -> Sound:
    """Make a sound again, sample for sample, from the recipe that it carries.

    Args:
        given: a sound, its recipe, or the path of a file that wavesmith wrote.
        model: the model that made it; found by the name in the recipe if None.
        sources: the sounds that it was made from, if they are not where they were, and those that these were
            made from. What is not given is looked for at the path in the recipe and beside the file, or made
            from its own recipe.

    Raises:
        AudioError: when there is no recipe in it, or a source is gone or not what it was.
        ModelError: when the model is gone or is not the one that made the sound.
        RequestError: when the recipe asks for something that cannot be done.
    """
    beside = Path(given).parent if isinstance(given, str | Path) else Path()
    return _made(_recipe_of(given), model, [as_sound(source) for source in sources], beside)


def _made(recipe: Recipe, model: Model | None, offered: Sequence[Sound], beside: Path) -> Sound:
    """Make the sound of a recipe; its sources are searched for among those offered, and beside the file."""
    recipe = upgraded(recipe)
    if recipe.verb not in VERBS:
        raise RequestError(f"This version ({VERSION}) has no verb '{recipe.verb}'; use {recipe.version}.")
    verb = VERBS[recipe.verb]
    model = _maker(recipe) if model is None else model
    if model.hash != recipe.model_hash:
        raise ModelError(
            f"The sound was made by model {recipe.model} {recipe.model_hash}, but this one is {model.hash}; "
            "give the model it was made with by --model (in Python, model=)."
        )
    settings, sampling = verb.settle(model, len(recipe.sources), complete=False, **recipe.settings)
    sources = tuple(_source(source, model, offered, beside) for source in recipe.sources)
    task = Task(model, settings, sampling, recipe.seed, sources, recipe.sources)
    return verb.one(task, recipe.index)


def _source(source: Source, model: Model, offered: Sequence[Sound], beside: Path) -> Sound:
    """The sound that a recipe names; the hash decides."""
    for sound in chain(offered, _files(source, beside), _remade(source, model, offered, beside)):
        if sound.sha256 == source.sha256:
            return sound
    name = source.path or "a sound that was in memory"
    raise AudioError(
        f"The sound was made from {name}, which is gone or was changed; "
        "say where it is by --source (in Python, sources=)."
    )


def _files(source: Source, beside: Path) -> Iterator[Sound]:
    """Sounds in files where the source may be."""
    for path in (Path(source.path), beside / source.path, beside / Path(source.path).name):
        with suppress(AudioError):  # whatever is there now, it is not the source
            yield Sound.read(path)


def _remade(source: Source, model: Model, offered: Sequence[Sound], beside: Path) -> Iterator[Sound]:
    """The source made from its own recipe: as it was in memory, and as files of every width have it."""
    if source.recipe:
        same = model if source.recipe.model_hash == model.hash else None
        sound = _made(source.recipe, same, offered, beside)
        yield sound
        widths: tuple[Bits, ...] = (24, 16)
        for bits in widths:
            content = sound.with_recipe(None).encode(".wav", bits=bits)
            samples, _ = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
            yield Sound(samples.T, sound.rate)


def _maker(recipe: Recipe) -> Model:
    try:
        return load(recipe.model)
    except ModelError as error:
        raise ModelError(
            f"The sound was made by model {recipe.model}, which cannot be loaded ({error}) "
            "If it is elsewhere now, say where by --model (in Python, model=)."
        ) from error


def _recipe_of(given: SoundLike | Recipe) -> Recipe:
    if isinstance(given, Recipe):
        return given
    sound = as_sound(given)
    if sound.recipe is None:
        name = path_of(given) or "This sound"
        raise AudioError(f"{name} carries no recipe; only files that wavesmith wrote can be made again.")
    return sound.recipe
