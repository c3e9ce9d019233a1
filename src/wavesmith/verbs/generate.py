"""Make new sounds, and make a sound again from its recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from wavesmith.diffusion import ItemNoise, classifier_free, sampler, schedule
from wavesmith.errors import AudioError, ModelError, RequestError, first_problem
from wavesmith.models import Model, load
from wavesmith.recipe import VERSION, Recipe
from wavesmith.sound import Sound
from wavesmith.verbs.finish import finish
from wavesmith.verbs.settings import Settings, check, check_count, settle

Progress = Callable[[int, int], None]

# On a CPU one sound at a time is nearly as quick as many, and exactly the same in any batch: matrix products
# of other sizes round differently. Accelerators need company to be quick.
_ACCELERATOR_BATCH = 16


def generate(
    model: Model,
    n: int = 1,
    *,
    label: str | None = None,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Any,
) -> list[Sound]:
    """Make `n` new sounds.

    Args:
        model: what `load` returned.
        n: how many.
        label: one of `model.labels`; None for any.
        seed: 0 to 2^31 - 1; drawn and kept in the recipe if None. Sound k of a seed is the same whatever n.
        first: index of the first sound: `n=1, first=5` is the sixth sound of the seed.
        progress: called with (sounds done, sounds in all).
        choices: `seconds`, `sampler`, `schedule`, `steps`, `sigma_min`, `sigma_max`, `guidance`,
            `guidance_interval`, `eta`, `peak_db`: see `Settings`.

    Returns:
        Sounds at the model's rate and channels, each with its recipe.

    Raises:
        RequestError: for a request that this model cannot follow.
    """
    return list(stream(model, n, label=label, seed=seed, first=first, progress=progress, **choices))


def stream(
    model: Model,
    n: int = 1,
    *,
    label: str | None = None,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    skip: Callable[[Recipe], bool] = lambda recipe: False,
    **choices: Any,
) -> Iterator[Sound]:
    """`generate`, yielding each sound as soon as it is made; memory for sounds does not grow with `n`.

    `skip` is asked about every recipe before anything is made; sounds for which it is true are left out.
    """
    settings = settle(model, label=label, **choices)
    seed = check_count(n, seed)
    if first < 0:
        raise RequestError(f"The first sound cannot be number {first}; count from 0.")
    wanted = [k for k in range(first, first + n) if not skip(_recipe(model, settings, seed, k))]
    return _stream(model, settings, seed, wanted, progress)


def _stream(
    model: Model, settings: Settings, seed: int, indices: Sequence[int], progress: Progress | None
) -> Iterator[Sound]:
    batch = 1 if model.device.type == "cpu" else _ACCELERATOR_BATCH
    for start in range(0, len(indices), batch):
        chosen = indices[start : start + batch]
        for index, wave in zip(chosen, sample(model, settings, seed, chosen), strict=True):
            recipe = _recipe(model, settings, seed, index)
            yield Sound.from_tensor(finish(wave, model.rate, settings.peak_db), model.rate, recipe)
        if progress:
            progress(min(start + batch, len(indices)), len(indices))


def _recipe(model: Model, settings: Settings, seed: int, index: int) -> Recipe:
    return Recipe(
        verb="generate",
        model=model.name,
        model_hash=model.hash,
        seed=seed,
        index=index,
        settings=settings.model_dump(mode="json"),
    )


@torch.inference_mode()
def sample(model: Model, settings: Settings, seed: int, indices: Sequence[int]) -> Tensor:
    """Walk from noise to waves `[B, C, N]` on the CPU, unfinished (any level, tail as it comes)."""
    family = model.family
    length = round(settings.seconds * model.rate)
    noise = ItemNoise(seed, indices, family.feature_shape(length), model.device)
    label = family.label_weights(settings.label).to(model.device).expand(len(indices), -1)
    denoiser = family.denoiser
    if settings.label is not None and settings.guidance != 1:
        denoiser = classifier_free(
            denoiser,
            settings.guidance,
            unconditional={"label": torch.zeros_like(label)},
            interval=settings.guidance_interval,
        )
    sigmas = schedule(settings.schedule, settings.steps, settings.sigma_min, settings.sigma_max)
    options = {} if settings.eta is None else {"eta": settings.eta}
    walk = partial(sampler(settings.sampler).run, noise=noise, **options)
    features = walk(partial(denoiser, label=label), noise() * float(sigmas[0]), sigmas)
    return family.transform.decode(features, length).float().cpu()


def again(source: Sound | Recipe | str | Path, *, model: Model | None = None) -> Sound:
    """Make a sound again, sample for sample, from the recipe that it carries.

    Args:
        source: a sound, its recipe, or a file that wavesmith wrote.
        model: the model that made it; found by the name in the recipe if None.

    Raises:
        AudioError: when there is no recipe in it.
        ModelError: when the model is gone or is not the one that made the sound.
        RequestError: when the recipe asks for something that cannot be done.
    """
    recipe = _recipe_of(source)
    if recipe.verb != "generate":
        raise RequestError(f"This version ({VERSION}) cannot '{recipe.verb}' again; use {recipe.version}.")
    model = model or _maker(recipe)
    if model.hash != recipe.model_hash:
        raise ModelError(
            f"The sound was made by model {recipe.model} {recipe.model_hash}, but this one is {model.hash}; "
            "give the model it was made with by --model (in Python, model=)."
        )
    try:
        settings = Settings.model_validate(recipe.settings)
    except ValidationError as error:
        raise RequestError(
            f"The recipe's settings cannot be read ({first_problem(error)}); "
            f"it was written by version {recipe.version}, this is {VERSION}."
        ) from error
    check(model, settings)
    return next(_stream(model, settings, recipe.seed, range(recipe.index, recipe.index + 1), None))


def _maker(recipe: Recipe) -> Model:
    try:
        return load(recipe.model)
    except ModelError as error:
        raise ModelError(
            f"The sound was made by model {recipe.model}, which cannot be loaded ({error}) "
            "If it is elsewhere now, say where by --model (in Python, model=)."
        ) from error


def _recipe_of(source: Sound | Recipe | str | Path) -> Recipe:
    if isinstance(source, Recipe):
        return source
    sound = source if isinstance(source, Sound) else Sound.read(source)
    if sound.recipe is None:
        name = "This sound" if isinstance(source, Sound) else str(source)
        raise AudioError(f"{name} carries no recipe; only files that wavesmith wrote can be made again.")
    return sound.recipe
