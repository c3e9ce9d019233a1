"""Generate new sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.verbs.postprocess import finish
from wavesmith.verbs.settings import LONGEST_SECONDS, LabelledSettings
from wavesmith.verbs.verb import Progress, Task, Verb, batches

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.verb_index import GenerateChoices


class GenerateSettings(LabelledSettings):
    """Settings of `generate`."""

    seconds: float = Field(
        ge=0.01,
        le=LONGEST_SECONDS,
        description="Length of each sound in seconds; by default the model's own.",
    )
    peak_db: float | None = Field(
        default=-1.0, ge=-60, le=0, description="Peak level in dBFS; none leaves the level as it comes."
    )

    @classmethod
    def defaults(cls, model: Model) -> dict[str, Any]:
        """Return the model's own length."""
        return {"seconds": model.seconds}


def generate(
    model: Model,
    count: int = 1,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[GenerateChoices],
) -> list[Sound]:
    """Generate new sounds.

    Args:
        model: what `load` returned.
        count: how many.
        seed: 0 to 2^31 - 1; drawn and kept in the recipe if None. Sound k of a seed is the same whatever the
            count.
        first: index of the first sound: `count=1, first=5` is the sixth sound of the seed.
        progress: called with (sounds done, sounds in all).
        choices: `label` (one of `model.labels`, or a mix such as `{"kick": 0.7, "snare": 0.3}`), `seconds`
            and the other settings listed in docs/generate.md.

    Returns:
        Sounds at the model's rate and channels, each with its recipe.

    Raises:
        RequestError: for a request that this model cannot follow.
    """
    return list(stream(model, count, seed=seed, first=first, progress=progress, **choices))


def stream(model: Model, count: int = 1, **request: Any) -> Iterator[Sound]:
    """`generate`, yielding each sound as soon as it is made; memory for sounds does not grow with `count`.

    Takes `skip` as well, which is called with every recipe before anything is made; sounds for which it
    returns true are left out.
    """
    return GENERATE.stream(model, count=count, **request)


def _make(task: Task[GenerateSettings], indices: Sequence[int]) -> Iterator[Sound]:
    rate, settings = task.model.rate, task.settings
    condition, length = task.condition(), round(settings.seconds * rate)
    for chosen in batches(task.model, indices):
        waves = task.family.generate(condition, length, task.sampling, task.noise(chosen))
        for wave in waves.cpu():
            yield Sound.from_tensor(finish(wave, rate, settings.peak_db), rate)


GENERATE = Verb("generate", "Generate new sounds.", GenerateSettings, _make, ("generate",))
