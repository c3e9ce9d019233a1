"""Make new sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.verbs.postprocess import finish
from wavesmith.verbs.settings import Settings, check_seconds
from wavesmith.verbs.verb import Progress, Task, Verb, batches
from wavesmith.verbs.walk import denoiser_of, descend, levels, noise_of


class GenerateSettings(Settings):
    """What `generate` can be asked for.

    Attributes:
        seconds: length of each sound.
    """

    seconds: float
    peak_db: float | None = -1.0

    @classmethod
    def defaults(cls, model: Model) -> dict[str, Any]:
        """The model's own length, besides its way of walking."""
        return super().defaults(model) | {"seconds": model.seconds}

    def check(self, model: Model) -> None:
        """Refuse impossible lengths, too."""
        super().check(model)
        check_seconds(self.seconds)


def generate(
    model: Model,
    n: int = 1,
    *,
    label: str | dict[str, float] | None = None,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Any,
) -> list[Sound]:
    """Make `n` new sounds.

    Args:
        model: what `load` returned.
        n: how many.
        label: one of `model.labels`, a mix of them such as `{"kick": 0.7, "snare": 0.3}`, or None for any.
        seed: 0 to 2^31 - 1; drawn and kept in the recipe if None. Sound k of a seed is the same whatever n.
        first: index of the first sound: `n=1, first=5` is the sixth sound of the seed.
        progress: called with (sounds done, sounds in all).
        choices: `seconds`, `avoid`, `sampler`, `schedule`, `steps`, `sigma_min`, `sigma_max`, `guidance`,
            `guidance_interval`, `eta`, `peak_db`: see `Settings`.

    Returns:
        Sounds at the model's rate and channels, each with its recipe.

    Raises:
        RequestError: for a request that this model cannot follow.
    """
    return list(stream(model, n, label=label, seed=seed, first=first, progress=progress, **choices))


def stream(model: Model, n: int = 1, **request: Any) -> Iterator[Sound]:
    """`generate`, yielding each sound as soon as it is made; memory for sounds does not grow with `n`.

    Takes `skip` as well, which is asked about every recipe before anything is made; sounds for which it is
    true are left out.
    """
    return GENERATE.stream(model, n=n, **request)


@torch.inference_mode()
def sample(model: Model, settings: GenerateSettings, seed: int, indices: Sequence[int]) -> Tensor:
    """Walk from noise to waves `[B, C, N]` on the CPU, unfinished (any level, tail as it comes)."""
    length = round(settings.seconds * model.rate)
    noise = noise_of(model, seed, indices, length)
    sigmas = levels(settings)
    start = noise() * float(sigmas[0])
    features = descend(denoiser_of(model, settings, len(indices), length), settings, start, sigmas, noise)
    return model.family.transform.decode(features, length).float().cpu()


def _make(task: Task[GenerateSettings], indices: Sequence[int]) -> Iterator[Sound]:
    rate, peak = task.model.rate, task.settings.peak_db
    for chosen in batches(task.model, indices):
        for wave in sample(task.model, task.settings, task.seed, chosen):
            yield Sound.from_tensor(finish(wave, rate, peak), rate)


GENERATE = Verb("generate", GenerateSettings, _make)
