"""The default configuration: what to train on a folder of sounds if nothing is specified, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from wavesmith.data import ScannedFile
from wavesmith.families import FAMILIES, FamilyConfig, ObjectiveConfig
from wavesmith.training.config import RunConfig, TrainingConfig, load_config

_SHORTEST, _LONGEST = 0.25, 4.0  # seconds
_STEP, _STEP_SAMPLES = 16, 60_000  # sounds in a step; longer ones go in smaller batches, to save memory
_PER_SOUND, _LEAST, _MOST = 150, 12_000, 150_000  # examples


def default_config(
    files: Sequence[ScannedFile],
    base: FamilyConfig | None = None,
    base_name: str | None = None,
    **training: Any,
) -> tuple[RunConfig, list[str]]:
    """Return a configuration for these sounds, and a sentence for each decision.

    Args:
        files: usable files of a scan, at least one.
        base: configuration of a model to start from; its rate, channels, length and network are then kept.
        base_name: its name.
        training: values of `TrainingConfig` that are settled already, such as `examples`.

    Raises:
        RequestError: when those cannot be used.
    """
    proven = load_config("drums").with_training(**training)  # did best where measured: docs/drums-model.md
    model = _model_for(files, proven.model) if base is None else _without_data(base)
    examples = training.get("examples") or _usual_examples(len(files)) // (1 if base is None else 4)
    every = max(500, examples // 20)
    batch = max(1, min(_STEP, int(_STEP * _STEP_SAMPLES / (model.length * model.channels))))
    usual = TrainingConfig(
        examples=examples,
        batch=batch,
        accumulate=_STEP // batch,
        learning_rate=1e-4 if base is not None else proven.training.learning_rate,
        warmup=min(3000, examples // 10),
        validate_every=every,
        save_every=every,
        demo_every=2 * every,
        patience=examples // 2,
    )
    config = RunConfig(
        model=model, objective=_objective(model, proven.objective), training=usual, base=base_name
    ).with_training(**training)
    reasons = _sound_reasons(model) if base is None else _base_reasons(files, base, base_name)
    return config, [*reasons, *_training_reasons(config, len(files))]


def _model_for(files: Sequence[ScannedFile], proven: FamilyConfig) -> FamilyConfig:
    """Return the proven model for the form that most of the sounds have."""
    commonest = max(Counter(file.rate for file in files).items(), key=lambda item: (item[1], item[0]))[0]
    seconds = float(np.quantile([file.seconds for file in files], 0.9))
    return proven.resized(
        rate=min(max(commonest, 8000), 48_000),
        channels=2 if any(file.channels > 1 for file in files) else 1,
        seconds=min(max(seconds, _SHORTEST), _LONGEST),
    )


def _without_data(base: FamilyConfig) -> FamilyConfig:
    """Return a model's configuration without what follows from the data that it was trained on."""
    return base.model_copy(update={"labels": (), "augments": 0})


def _objective(model: FamilyConfig, proven: ObjectiveConfig) -> ObjectiveConfig:
    """Return objective settings: as published for models of other tools, else the proven ones."""
    kind = FAMILIES[model.family].OBJECTIVE
    return kind.published(model) or (proven if isinstance(proven, kind) else kind())


def _usual_examples(sounds: int) -> int:
    return max(_LEAST, min(_MOST, _PER_SOUND * sounds))


def _sound_reasons(model: FamilyConfig) -> list[str]:
    return [
        f"Sounds of {model.form()}: the usual rate, and long enough for nine in ten files as far as "
        f"{_LONGEST:g} s allow; longer ones are cut with a fade."
    ]


def _base_reasons(files: Sequence[ScannedFile], base: FamilyConfig, name: str | None) -> list[str]:
    reasons = [f"Starts from the model '{name}', so a few minutes go a long way."]
    if dropped := sorted(set(base.labels) - {file.label for file in files}):
        reasons.append(f"Labels that are not among these sounds are dropped: {', '.join(dropped)}.")
    return reasons


def _training_reasons(config: RunConfig, sounds: int) -> list[str]:
    training = config.training
    reasons = [
        f"Model: {config.model.summary()}, as in the {'base' if config.base else 'bundled model'}.",
        f"Steps of {training.batch} x {training.accumulate} sounds (batch x accumulate), "
        f"learning rate {training.learning_rate:g}.",
    ]
    if training.patience:
        reasons.append(f"Stops early if the held-out loss does not fall for {training.patience} examples.")
    looks = f"about {training.examples / sounds:.0f} looks at each of {sounds} sounds"
    return [*reasons, f"{training.examples} examples: {looks}."]
