"""Clean: remove noise from a recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import Tensor

from wavesmith.models import Model
from wavesmith.sound import Sound, SoundLike
from wavesmith.transforms import band_levels, linear_spectral
from wavesmith.verbs.settings import LabelledSettings
from wavesmith.verbs.source_adapter import SourceAdapter, processed
from wavesmith.verbs.verb import Progress, Task, Verb

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.verb_index import CleanChoices

_MOST_WINDOWS = 64  # in which the noise of a long sound is measured
_BLOCK_SECONDS = 0.0116  # time resolution of the bands whose change is limited
_MOST_NOISE = 2.5  # largest change, as a multiple of the noise level; noise rarely exceeds it


class CleanSettings(LabelledSettings):
    """Settings of `clean`."""

    strength: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="Assumed level of the noise, as a multiple of the measured one; 0 leaves it alone.",
    )


def clean(
    model: Model,
    sound: SoundLike,
    count: int = 1,
    *,
    seed: int = 0,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[CleanChoices],
) -> list[Sound]:
    """Remove noise from a recording.

    The noise of each band is measured where the sound is quietest; the model then removes it. Changes are
    limited to two and a half times the noise level, which noise rarely exceeds.

    Args:
        model: what `load` returned; it should know sounds of this kind.
        sound: a `Sound`, a path or `(array, rate)`, of any rate, length and number of channels.
        count: how many different results.
        seed: of the noise that brings all bands to one level.
        first: see `generate`.
        progress: see `generate`.
        choices: `strength`, `label` and the other settings listed in docs/upscale.md.

    Returns:
        Sounds in the form of the source (of more than two channels the first two), each with its recipe.

    Raises:
        RequestError: for a request that makes no sense.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(CLEAN.stream(model, sound, count=count, seed=seed, first=first, progress=progress, **choices))


def _make(task: Task[CleanSettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    model, settings, family = task.model, task.settings, task.family
    adapter = SourceAdapter(source, model)
    if settings.strength == 0:
        same = adapter.levelled(adapter.kept(0, source.frames), settings.peak_db)
        yield from (same for _ in indices)
        return
    bands = linear_spectral(_BLOCK_SECONDS, model.rate, model.channels).to(model.device)
    profile = settings.strength * family.noise_profile(_parts(adapter))
    most = _MOST_NOISE * settings.strength * band_levels(bands, _parts(adapter), model.rate)
    condition = task.condition()
    for index in indices:

        def process(start: int, stop: int, known: Tensor | None, index: int = index) -> Tensor:
            wave = adapter.take(start, stop)
            noise = task.noise([(index, start)])
            cleaned = family.denoise(wave, profile, condition, task.sampling, noise)
            before, after = bands.encode(wave[None]), bands.encode(cleaned[None])
            taken = (after - before).clamp(-most, most)
            return bands.decode(before + taken, wave.shape[-1])[0]

        wave = torch.cat([done for done, _ in processed(adapter, process)], dim=-1)
        yield adapter.levelled(wave, settings.peak_db)


def _parts(adapter: SourceAdapter) -> Iterator[Tensor]:
    """Yield windows `[C, N]` of a sound, evenly picked if there are many."""
    windows = adapter.windows()
    every = -(-len(windows) // _MOST_WINDOWS)
    return (adapter.take(*windows.span(k)) for k in range(0, len(windows), every))


CLEAN = Verb(
    "clean", "Remove noise from a recording.", CleanSettings, _make, ("denoise",), sources=(1,), seed=0
)
