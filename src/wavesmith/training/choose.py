"""The default recipe: what to train on a folder when nobody says, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from wavesmith.data import ScannedFile
from wavesmith.families import DiffusionConfig
from wavesmith.training.config import ModelRecipe, TrainingConfig, TrainingRecipe, read_recipe
from wavesmith.transforms import SpectralConfig

_SHORTEST, _LONGEST = 0.25, 4.0
_STEP, _STEP_SAMPLES = 16, 90_000  # sounds in a step; longer ones go in smaller batches, to save memory
_PER_SOUND, _LEAST, _MOST = 150, 12_000, 150_000


def choose(
    files: Sequence[ScannedFile],
    base: DiffusionConfig | None = None,
    base_name: str | None = None,
    examples: int | None = None,
) -> tuple[TrainingRecipe, list[str]]:
    """A recipe for these sounds, and a sentence for each thing it decided.

    Args:
        files: usable files of a scan, at least one.
        base: configuration of a model to start from; its rate, channels, length and network are then kept.
        base_name: its name.
        examples: how many to train on, if that is settled already.
    """
    reasons = []
    if base is not None:
        model = ModelRecipe(**{name: getattr(base, name) for name in ModelRecipe.model_fields})
        reasons.append(f"Starts from the model '{base_name}', so a few minutes go a long way.")
        if dropped := sorted(set(base.labels) - {file.label for file in files}):
            reasons.append(f"Labels that are not among these sounds are dropped: {', '.join(dropped)}.")
    else:
        model = _model(files)
        reasons.append(
            f"Sounds of {model.length / model.rate:.2f} s at {model.rate} Hz, {model.channels} channel(s): "
            f"the usual rate, and long enough for nine in ten files as far as {_LONGEST:g} s allow; "
            "longer ones are cut with a fade."
        )
    examples = examples or _usual_examples(len(files)) // (1 if base is None else 4)
    looks = examples / len(files)
    reasons.append(f"{examples} examples: about {looks:.0f} looks at each of {len(files)} sounds.")
    every = max(500, examples // 20)
    proven = read_recipe("drums").training
    batch = max(1, min(_STEP, int(_STEP * _STEP_SAMPLES / (model.length * model.channels))))
    training = TrainingConfig(
        examples=examples,
        batch=batch,
        accumulate=_STEP // batch,
        learning_rate=1e-4 if base is not None else proven.learning_rate,
        noise_levels=proven.noise_levels,
        warmup=min(3000, examples // 10),
        validate_every=every,
        save_every=every,
        demo_every=2 * every,
    )
    return TrainingRecipe(model=model, training=training, base=base_name), reasons


def _usual_examples(sounds: int) -> int:
    return max(_LEAST, min(_MOST, _PER_SOUND * sounds))


def _model(files: Sequence[ScannedFile]) -> ModelRecipe:
    rates = [file.rate for file in files]
    commonest = max(Counter(rates).items(), key=lambda item: (item[1], item[0]))[0]
    rate = min(max(commonest, 8000), 48_000)
    channels = 2 if any(file.channels > 1 for file in files) else 1
    seconds = float(np.quantile([file.seconds for file in files], 0.9))
    seconds = min(max(seconds, _SHORTEST), _LONGEST)
    hop = 2 ** max(4, round(math.log2(rate * 128 / 44_100)))  # about 2.9 ms: attacks stay sharp
    grain = hop * 8
    proven = read_recipe("drums").model  # what did best where it was measured: docs/drums-model.md
    return ModelRecipe(
        rate=rate,
        channels=channels,
        length=math.ceil(seconds * rate / grain) * grain,
        transform=SpectralConfig(hop=hop),
        network=proven.network,
        parameterisation=proven.parameterisation,
        sampling=proven.sampling,
    )
