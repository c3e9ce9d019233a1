"""Seamless loops: a sound brought to a length whose end leads into its beginning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import Field

from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.sound import Sound, SoundLike
from wavesmith.tags import InstrumentTags
from wavesmith.verbs.inpaint import extended, regenerated
from wavesmith.verbs.settings import LONGEST_SECONDS, LabelledSettings
from wavesmith.verbs.source_adapter import rings
from wavesmith.verbs.verb import Progress, Task, Verb
from wavesmith.verbs.windows import crossfade

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.verb_index import LoopChoices


class LoopSettings(LabelledSettings):
    """Settings of `loop`."""

    bars: float | None = Field(
        default=None, gt=0, le=1000, description="Length in bars, with bpm; by default the source's length."
    )
    bpm: float | None = Field(
        default=None, ge=1, le=1000, description="Tempo in beats per minute, with bars."
    )
    beats: int = Field(default=4, ge=1, le=64, description="Beats in a bar.")
    joint: float = Field(
        default=0.2, ge=0.01, le=LONGEST_SECONDS, description="Seconds around the joint that are replaced."
    )
    amount: float = Field(
        default=0.5, ge=0, le=1, description="Distance of the joint from a crossfade; 1 replaces it entirely."
    )

    def seconds(self) -> float | None:
        """Return the length of the loop; None for that of its source."""
        if self.bars is None or self.bpm is None:
            return None
        return self.bars * self.beats * 60 / self.bpm

    def check(self, model: Model) -> None:
        """Raise RequestError also for a length that is incomplete or out of range."""
        super().check(model)
        if (self.bars is None) != (self.bpm is None):
            raise RequestError("The length of a loop takes both bars and bpm; give both, or neither.")
        seconds = self.seconds()
        if seconds is not None and not 0.05 <= seconds <= LONGEST_SECONDS:
            raise RequestError(
                f"A loop of {seconds:g} seconds cannot be made; choose bars and tempo for 0.05 to "
                f"{LONGEST_SECONDS:g} seconds."
            )


def loop(
    model: Model,
    sound: SoundLike,
    count: int = 1,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[LoopChoices],
) -> list[Sound]:
    """Make a seamless loop of a sound.

    It is cut, or made longer by the model, to the length given by `bars` and `bpm`. Then the part around the
    joint, where the end meets the beginning, is replaced by a smooth transition. A sound that ends in silence
    needs neither: it is followed by silence up to that length.

    Args:
        model: what `load` returned.
        sound: a `Sound`, a path or `(array, rate)`, of any rate, length and number of channels.
        count: how many different loops.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: `bars`, `bpm`, `beats`, `joint` and the other settings listed in docs/loop.md.

    Returns:
        Sounds in the form of the source (of more than two channels the first two), each with its recipe.
        Repeated they have no seam.

    Raises:
        RequestError: for a request that makes no sense.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(LOOP.stream(model, sound, count=count, seed=seed, first=first, progress=progress, **choices))


def _make(task: Task[LoopSettings], indices: Sequence[int]) -> Iterator[Sound]:
    source = task.sources[0].channels_as(min(task.sources[0].channels, 2))
    seconds = task.settings.seconds()
    frames = source.frames if seconds is None else round(seconds * source.rate)
    for index in indices:
        made = source.crop(frames)
        if rings(made if frames <= source.frames else source):
            if frames > source.frames:
                made = extended(task, source, 0, frames - source.frames, index)
            made = _joined(task, made, index)
        yield made if task.settings.peak_db is None else made.normalise(task.settings.peak_db)


def loop_points(sound: Sound) -> InstrumentTags:
    """Return the instrument tags of a loop: it repeats as a whole, and has a marker on each beat."""
    settings = sound.recipe.settings if sound.recipe else {}
    count = math.ceil((settings.get("bars") or 0) * settings.get("beats", 0) - 1e-9)
    beat = 60 / (settings.get("bpm") or 1) * sound.rate
    return InstrumentTags(loop=(0, sound.frames), cues=tuple(round(k * beat) for k in range(count)))


def _joined(task: Task[LoopSettings], sound: Sound, index: int) -> Sound:
    """Return the sound with the part around its joint replaced, while the joint lies in the middle.

    A loop that begins with an onset keeps it: then only the part before the joint is replaced.
    """
    frames, half = sound.frames, sound.frames // 2
    joint = round(min(task.settings.joint, 0.5 * sound.seconds) * sound.rate / 2)
    if not joint:
        return sound
    middle = frames - half
    first, last = (middle - 2 * joint, middle) if _begins(sound) else (middle - joint, middle + joint)
    rotated = _bridged(_rotated(sound, half), first, middle, last)
    new = torch.zeros(frames, dtype=torch.bool)
    new[first:last] = True
    return _rotated(regenerated(task, rotated, new, index, task.settings.amount), middle)


def _begins(sound: Sound) -> bool:
    """Return whether a loop begins with an onset: its first 20 ms are 6 dB louder than its last."""
    frames = max(1, round(0.02 * sound.rate))
    start, end = (np.square(part).mean() for part in (sound.samples[:, :frames], sound.samples[:, -frames:]))
    return bool(start > 4 * end)


def _bridged(sound: Sound, first: int, middle: int, last: int) -> Sound:
    """Remove the jump at `middle`: both sides are mirrored and crossfaded.

    Where nothing after `middle` may change, the end of the part before is bent to meet it.
    """
    samples = sound.samples.copy()
    if last == middle:
        bend = min(middle - first, round(0.005 * sound.rate))
        jump = samples[:, middle : middle + 1] - samples[:, middle - 1 : middle]
        samples[:, middle - bend : middle] += jump * np.square(np.linspace(0, 1, bend))
    else:
        left = np.concatenate([samples[:, first:middle], samples[:, first:middle][:, ::-1]], axis=1)
        right = np.concatenate([samples[:, middle:last][:, ::-1], samples[:, middle:last]], axis=1)
        faded = crossfade(torch.from_numpy(left), torch.from_numpy(right))
        samples[:, first:last] = faded.numpy()
    return Sound(samples, sound.rate)


def _rotated(sound: Sound, frames: int) -> Sound:
    """Return the sound rotated to begin at a frame; its beginning follows its end."""
    return Sound(np.roll(sound.samples, -frames, axis=1), sound.rate)


LOOP = Verb(
    "loop",
    "Make a seamless loop of a sound.",
    LoopSettings,
    _make,
    ("edit",),
    sources=(1,),
    tags=loop_points,
)
