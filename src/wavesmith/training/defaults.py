"""The default recipe: what to train on a folder when nobody says, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from wavesmith.data import ScannedFile
from wavesmith.families.diffusion import DiffusionConfig
from wavesmith.training.config import (
    ModelRecipe,
    NoiseLevelsConfig,
    TrainingConfig,
    TrainingRecipe,
    UniformConfig,
    read_recipe,
)
from wavesmith.transforms import SpectralConfig, TransformConfig

_SHORTEST, _LONGEST = 0.25, 4.0
_STEP, _STEP_SAMPLES = 16, 60_000  # sounds in a step; longer ones go in smaller batches, to save memory
_PER_SOUND, _LEAST, _MOST = 150, 12_000, 150_000


def choose(
    files: Sequence[ScannedFile],
    base: DiffusionConfig | None = None,
    base_name: str | None = None,
    **training: Any,
) -> tuple[TrainingRecipe, list[str]]:
    """A recipe for these sounds, and a sentence for each thing it decided.

    Args:
        files: usable files of a scan, at least one.
        base: configuration of a model to start from; its rate, channels, length and network are then kept.
        base_name: its name.
        training: values of `TrainingConfig` that are settled already, such as `examples`.

    Raises:
        RequestError: when those make no sense.
    """
    proven = read_recipe("drums").changed(**training).training
    model = _model(files) if base is None else _model_of(base)
    examples = training.get("examples") or _usual_examples(len(files)) // (1 if base is None else 4)
    every = max(500, examples // 20)
    batch = max(1, min(_STEP, int(_STEP * _STEP_SAMPLES / (model.length * model.channels))))
    usual = TrainingConfig(
        examples=examples,
        batch=batch,
        accumulate=_STEP // batch,
        learning_rate=1e-4 if base is not None else proven.learning_rate,
        noise_levels=_noise_levels(model) or proven.noise_levels,
        warmup=min(3000, examples // 10),
        validate_every=every,
        save_every=every,
        demo_every=2 * every,
        patience=examples // 2,
    )
    recipe = TrainingRecipe(model=model, training=usual, base=base_name).changed(**training)
    begins = _sound_reasons(model) if base is None else _base_reasons(files, base, base_name)
    return recipe, [*begins, *_training_reasons(recipe, len(files))]


def _noise_levels(model: ModelRecipe) -> NoiseLevelsConfig | None:
    """What a network of another tool was trained at, as far as that is known."""
    if model.network.kind == "dance_diffusion":
        return UniformConfig(kind="crash")
    if model.parameterisation.kind in ("v", "epsilon"):
        return UniformConfig(kind="uniform_angle")
    return None


def _sound_reasons(model: ModelRecipe) -> list[str]:
    return [
        f"Sounds of {model.length / model.rate:.2f} s at {model.rate} Hz, {model.channels} channel(s): "
        f"the usual rate, and long enough for nine in ten files as far as {_LONGEST:g} s allow; "
        "longer ones are cut with a fade."
    ]


def _base_reasons(files: Sequence[ScannedFile], base: DiffusionConfig, name: str | None) -> list[str]:
    reasons = [f"Starts from the model '{name}', so a few minutes go a long way."]
    if dropped := sorted(set(base.labels) - {file.label for file in files}):
        reasons.append(f"Labels that are not among these sounds are dropped: {', '.join(dropped)}.")
    return reasons


def _training_reasons(recipe: TrainingRecipe, sounds: int) -> list[str]:
    model, training = recipe.model, recipe.training
    source = "base" if recipe.base else "bundled model"
    return [
        f"A {model.network.kind} network over the {model.transform.kind} transform, as in the {source}.",
        f"Steps of {training.batch} x {training.accumulate} sounds (batch x accumulate), "
        f"learning rate {training.learning_rate:g}.",
        *_stop_reasons(training),
        f"{training.examples} examples: about {training.examples / sounds:.0f} looks at each of "
        f"{sounds} sounds.",
    ]


def _stop_reasons(training: TrainingConfig) -> list[str]:
    if not training.patience:
        return []
    return [f"Stops early if the held-out loss does not fall for {training.patience} examples."]


def _usual_examples(sounds: int) -> int:
    return max(_LEAST, min(_MOST, _PER_SOUND * sounds))


def _model_of(base: DiffusionConfig) -> ModelRecipe:
    return ModelRecipe(**{name: getattr(base, name) for name in ModelRecipe.model_fields})


def _model(files: Sequence[ScannedFile]) -> ModelRecipe:
    rates = [file.rate for file in files]
    commonest = max(Counter(rates).items(), key=lambda item: (item[1], item[0]))[0]
    rate = min(max(commonest, 8000), 48_000)
    channels = 2 if any(file.channels > 1 for file in files) else 1
    seconds = float(np.quantile([file.seconds for file in files], 0.9))
    seconds = min(max(seconds, _SHORTEST), _LONGEST)
    proven = read_recipe("drums").model  # what did best where it was measured: docs/drums-model.md
    transform = _at_rate(proven.transform, rate / proven.rate)
    grain = transform.hop * 2
    return ModelRecipe(
        rate=rate,
        channels=channels,
        length=math.ceil(seconds * rate / grain) * grain,
        transform=transform,
        network=proven.network,
        parameterisation=proven.parameterisation,
        sampling=proven.sampling,
    )


def _at_rate(transform: TransformConfig, ratio: float) -> SpectralConfig:
    """The same blocks, in time, at `ratio` times the rate."""
    assert isinstance(transform, SpectralConfig)
    return transform.model_copy(update={"hop": 2 ** max(4, round(math.log2(transform.hop * ratio)))})
